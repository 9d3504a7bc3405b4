import { Button, Menu } from '@mantine/core';
import type { Vm } from '@strata/contract';
import {
  IconChevronDown,
  IconPlayerPause,
  IconPlayerPlay,
  IconPower,
  IconRefresh,
  IconTrash,
} from '@tabler/icons-react';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { useVmAction } from './use-vm-action.ts';
import { isLive, type VmVerb, vmRefusal } from './vm-can.ts';
import { type Asking, VerbItem, VmDialogs } from './vm-menu.tsx';

/** Start, or shut down, with everything harder behind the arrow. */
export function PowerButtons({ vm }: { vm: Vm }) {
  const action = useVmAction(vm.id);
  const [asking, setAsking] = useState<Asking>(null);
  const main: VmVerb = isLive(vm.state) ? (vm.state === 'paused' ? 'resume' : 'shutdown') : 'start';
  const icon = main === 'shutdown' ? <IconPower size={16} /> : <IconPlayerPlay size={16} />;
  return (
    <Button.Group>
      <ReasonedButton
        variant="default"
        leftSection={icon}
        loading={action.isPending && action.variables === main}
        reason={vmRefusal(main, vm)}
        onClick={() => action.mutate(main)}
      >
        {words.vms.actions[main]}
      </ReasonedButton>
      <Menu>
        <Menu.Target>
          <Button variant="default" px={8} aria-label={words.vms.moreShutdown}>
            <IconChevronDown size={16} aria-hidden />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {vm.state === 'paused' ? (
            <VerbItem
              verb="shutdown"
              vm={vm}
              icon={<IconPower size={15} />}
              onSelect={() => action.mutate('shutdown')}
            />
          ) : (
            <VerbItem
              verb="pause"
              vm={vm}
              icon={<IconPlayerPause size={15} />}
              onSelect={() => action.mutate('pause')}
            />
          )}
          <VerbItem
            verb="reset"
            vm={vm}
            icon={<IconRefresh size={15} />}
            onSelect={() => setAsking('reset')}
          />
          <VerbItem
            verb="poweroff"
            vm={vm}
            icon={<IconPower size={15} />}
            onSelect={() => setAsking('poweroff')}
          />
          <Menu.Divider />
          <VerbItem
            verb="delete"
            vm={vm}
            icon={<IconTrash size={15} />}
            onSelect={() => setAsking('delete')}
          />
        </Menu.Dropdown>
      </Menu>
      <VmDialogs vm={vm} asking={asking} onClose={() => setAsking(null)} />
    </Button.Group>
  );
}
