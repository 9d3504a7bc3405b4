import { ActionIcon, Menu } from '@mantine/core';
import type { Vm } from '@strata/contract';
import {
  IconDotsVertical,
  IconEraser,
  IconMoon,
  IconPlayerPause,
  IconPlayerPlay,
  IconPower,
  IconRefresh,
  IconSettings,
  IconStack2,
  IconTrash,
} from '@tabler/icons-react';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { ConfirmDialog } from '../../ui/confirm-button.tsx';
import { LinkMenuItem } from '../../ui/link-button.tsx';
import { ReasonedMenuItem } from '../../ui/reasoned-menu-item.tsx';
import { DuplicateItem, DuplicateVmDialog } from '../branches/duplicate-item.tsx';
import { ExportVmDialog, ExportVmItem } from '../exports/export-vm.tsx';
import { DeleteVmDialog } from './delete-vm-dialog.tsx';
import { useVmAction } from './use-vm-action.ts';
import { type VmVerb, vmRefusal } from './vm-can.ts';

interface VerbItemsProps {
  vm: Vm;
  onAct: (verb: VmVerb) => void;
  onAsk: (question: Asking) => void;
}

/** What is done to the power of a VM, the harder the lower; grey ones say why. `besides`: what a button does already. */
export function PowerItems({ vm, besides, onAct, onAsk }: VerbItemsProps & { besides?: VmVerb }) {
  const pausing = vm.state === 'paused' ? 'resume' : 'pause';
  return (
    <>
      {([pausing, 'shutdown'] as const)
        .filter((verb) => verb !== besides)
        .map((verb) => (
          <VerbItem key={verb} verb={verb} vm={vm} onSelect={() => onAct(verb)} />
        ))}
      {vm.state === 'suspended' ? (
        <VerbItem verb="forgetMemory" vm={vm} onSelect={() => onAsk('forgetMemory')} />
      ) : (
        <VerbItem verb="suspend" vm={vm} onSelect={() => onAct('suspend')} />
      )}
      <VerbItem verb="reset" vm={vm} onSelect={() => onAsk('reset')} />
      <VerbItem verb="poweroff" vm={vm} onSelect={() => onAsk('poweroff')} />
      <Menu.Divider />
      <VerbItem verb="delete" vm={vm} onSelect={() => onAsk('delete')} />
    </>
  );
}

const icons = {
  start: IconPlayerPlay,
  resume: IconPlayerPlay,
  pause: IconPlayerPause,
  shutdown: IconPower,
  suspend: IconMoon,
  forgetMemory: IconEraser,
  reset: IconRefresh,
  poweroff: IconPower,
  delete: IconTrash,
} as const;

interface VerbItemProps {
  verb: VmVerb | 'delete';
  vm: Vm;
  onSelect: () => void;
}

function VerbItem({ verb, vm, onSelect }: VerbItemProps) {
  const Icon = icons[verb];
  return (
    <ReasonedMenuItem
      leftSection={<Icon size={15} />}
      reason={vmRefusal(verb, vm)}
      onSelect={onSelect}
      {...(verb === 'delete' || verb === 'poweroff' ? { color: 'red' } : {})}
    >
      {words.vms.actions[verb]}
    </ReasonedMenuItem>
  );
}

/** Everything else one can do with a VM from a list. */
export function VmMenu({ vm }: { vm: Vm }) {
  const action = useVmAction(vm.id);
  const [exporting, setExporting] = useState(false);
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
          <ExportVmItem vm={vm} onSelect={() => setExporting(true)} />
          <Menu.Divider />
          <PowerItems vm={vm} onAct={action.mutate} onAsk={setAsking} />
        </Menu.Dropdown>
      </Menu>
      <VmDialogs vm={vm} asking={asking} onClose={() => setAsking(null)} />
      {exporting ? <ExportVmDialog vm={vm} onClose={() => setExporting(false)} /> : null}
      {duplicating ? <DuplicateVmDialog vm={vm} onClose={() => setDuplicating(false)} /> : null}
    </>
  );
}

export type Asking = 'poweroff' | 'reset' | 'forgetMemory' | 'delete' | null;

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

/** Asks before what loses all that the guest has not written yet. */
function HardStopDialog({ vm, asking, onClose }: { vm: Vm; asking: Asking; onClose: () => void }) {
  const action = useVmAction(vm.id);
  const { confirm, actions } = words.vms;
  const verb = asking === null || asking === 'delete' ? 'poweroff' : asking;
  const titles = {
    poweroff: confirm.poweroffTitle,
    reset: confirm.resetTitle,
    forgetMemory: confirm.forgetMemoryTitle,
  };
  return (
    <ConfirmDialog
      opened={asking !== null && asking !== 'delete'}
      onClose={onClose}
      danger
      title={titles[verb](vm.name)}
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
