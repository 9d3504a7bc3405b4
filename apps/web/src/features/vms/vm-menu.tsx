import { ActionIcon, Menu, Tooltip } from '@mantine/core';
import type { Vm } from '@strata/contract';
import {
  IconDotsVertical,
  IconPlayerPause,
  IconPlayerPlay,
  IconPower,
  IconRefresh,
  IconSettings,
  IconStack2,
  IconTrash,
} from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { words } from '../../lib/words.ts';
import { ConfirmDialog } from '../../ui/confirm-button.tsx';
import { LinkMenuItem } from '../../ui/link-button.tsx';
import { DuplicateItem, DuplicateVmDialog } from '../branches/duplicate-item.tsx';
import { DeleteVmDialog } from './delete-vm-dialog.tsx';
import { useVmAction } from './use-vm-action.ts';
import { type VmVerb, vmRefusal } from './vm-can.ts';

/** A menu line that says why it is grey. */
export function VerbItem({
  verb,
  vm,
  icon,
  onSelect,
}: {
  verb: VmVerb | 'delete';
  vm: Vm;
  icon: ReactNode;
  onSelect: () => void;
}) {
  const refusal = vmRefusal(verb, vm);
  const item = (
    <Menu.Item
      leftSection={icon}
      aria-disabled={refusal !== null}
      {...(refusal === null ? {} : { 'data-disabled': true })}
      closeMenuOnClick={refusal === null}
      {...(verb === 'delete' || verb === 'poweroff' ? { color: 'red' } : {})}
      {...(refusal === null ? { onClick: onSelect } : { 'aria-description': refusal })}
    >
      {words.vms.actions[verb]}
    </Menu.Item>
  );
  return refusal === null ? (
    item
  ) : (
    <Tooltip label={refusal} position="left" events={{ hover: true, focus: true, touch: true }}>
      {item}
    </Tooltip>
  );
}

/** Everything else one can do with a VM from a list. */
export function VmMenu({ vm }: { vm: Vm }) {
  const action = useVmAction(vm.id);
  const [asking, setAsking] = useState<Asking>(null);
  const [duplicating, setDuplicating] = useState(false);
  const params = { vmId: vm.id };
  return (
    <>
      <Menu>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={`${words.common.more}: ${vm.name}`}>
            <IconDotsVertical size={17} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <LinkMenuItem to="/vms/$vmId/layers" params={params} leftSection={<IconStack2 size={15} />}>
            {words.vms.actions.layers}
          </LinkMenuItem>
          <LinkMenuItem to="/vms/$vmId/hardware" params={params} leftSection={<IconSettings size={15} />}>
            {words.vms.actions.hardware}
          </LinkMenuItem>
          <DuplicateItem vm={vm} onSelect={() => setDuplicating(true)} />
          <Menu.Divider />
          {vm.state === 'paused' ? (
            <VerbItem
              verb="resume"
              vm={vm}
              icon={<IconPlayerPlay size={15} />}
              onSelect={() => action.mutate('resume')}
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
            verb="shutdown"
            vm={vm}
            icon={<IconPower size={15} />}
            onSelect={() => action.mutate('shutdown')}
          />
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
      {duplicating ? <DuplicateVmDialog vm={vm} onClose={() => setDuplicating(false)} /> : null}
    </>
  );
}

export type Asking = 'poweroff' | 'reset' | 'delete' | null;

/** What the menu asks. Made at the first question only: a list has one menu for each VM. */
export function VmDialogs({ vm, asking, onClose }: { vm: Vm; asking: Asking; onClose: () => void }) {
  const [asked, setAsked] = useState(false);
  if (asking !== null && !asked) setAsked(true);
  if (!asked) return null;
  return (
    <>
      <HardStopDialog vm={vm} asking={asking} onClose={onClose} />
      <DeleteVmDialog vm={vm} opened={asking === 'delete'} onClose={onClose} />
    </>
  );
}

/** Asks before a power off or a reset: both lose what the guest has not written yet. */
function HardStopDialog({ vm, asking, onClose }: { vm: Vm; asking: Asking; onClose: () => void }) {
  const action = useVmAction(vm.id);
  const { confirm, actions } = words.vms;
  const verb = asking === 'reset' ? 'reset' : 'poweroff';
  return (
    <ConfirmDialog
      opened={asking === 'poweroff' || asking === 'reset'}
      onClose={onClose}
      danger
      title={verb === 'reset' ? confirm.resetTitle(vm.name) : confirm.poweroffTitle(vm.name)}
      confirmLabel={actions[verb]}
      onConfirm={() => {
        onClose();
        action.mutate(verb);
      }}
    >
      {confirm[verb]}
    </ConfirmDialog>
  );
}
