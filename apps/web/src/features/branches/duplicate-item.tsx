import { endpoints, type Vm } from '@strata/contract';
import { IconCopy } from '@tabler/icons-react';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { ReasonedMenuItem } from '../../ui/reasoned-menu-item.tsx';
import { waitForMade } from '../operations/use-tell-begun.ts';
import { NewVmDialog } from './new-vm-dialog.tsx';

/** Why a VM in this state has nothing that could be duplicated; null when it has. */
export function duplicateRefusal({ state }: Pick<Vm, 'state'>): string | null {
  const { duplicate } = words.copies;
  if (state === 'off' || state === 'crashed') return null;
  return state === 'suspended' ? duplicate.suspended : duplicate.running;
}

export const DuplicateItem = ({ vm, onSelect }: { vm: Vm; onSelect: () => void }) => (
  <ReasonedMenuItem leftSection={<IconCopy size={15} />} reason={duplicateRefusal(vm)} onSelect={onSelect}>
    {words.copies.duplicate.menu}
  </ReasonedMenuItem>
);

export function DuplicateVmDialog({ vm, onClose }: { vm: Vm; onClose: () => void }) {
  const { duplicate } = words.copies;
  return (
    <NewVmDialog
      title={duplicate.title(vm.name)}
      suggestion={duplicate.suggestion(vm.name)}
      mode="full"
      modeText={{ linked: duplicate.linkedText }}
      submit={duplicate.submit}
      start={(wish) => call(endpoints.duplicateVm, { params: { id: vm.id }, query: waitForMade, body: wish })}
      onClose={onClose}
    >
      {duplicate.text}
    </NewVmDialog>
  );
}
