import { Button, Menu } from '@mantine/core';
import type { Vm } from '@strata/contract';
import { IconChevronDown, IconPlayerPlay, IconPower } from '@tabler/icons-react';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { useVmAction } from './use-vm-action.ts';
import { isLive, type VmVerb, verbLabel, vmRefusal } from './vm-can.ts';
import { type Asking, PowerItems, VmDialogs } from './vm-menu.tsx';

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
        {verbLabel(main, vm)}
      </ReasonedButton>
      <Menu>
        <Menu.Target>
          <Button variant="default" px={8} aria-label={words.vms.moreShutdown}>
            <IconChevronDown size={16} aria-hidden />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <PowerItems vm={vm} besides={main} onAct={action.mutate} onAsk={setAsking} />
        </Menu.Dropdown>
      </Menu>
      <VmDialogs vm={vm} asking={asking} onClose={() => setAsking(null)} />
    </Button.Group>
  );
}
