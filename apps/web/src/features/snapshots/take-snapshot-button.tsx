import type { Vm } from '@strata/contract';
import { IconCamera } from '@tabler/icons-react';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { takeRefusal } from './take-refusal.ts';
import { TakeSnapshotDialog } from './take-snapshot-dialog.tsx';
import { useVmWork } from './use-vm-work.ts';

interface TakeSnapshotButtonProps {
  vm: Vm;
  /** Among other small buttons, with the name of the VM. */
  label?: string;
}

/** For the head of a VM, and wherever its active layer is shown. */
export function TakeSnapshotButton({ vm, label }: TakeSnapshotButtonProps) {
  const [opened, setOpened] = useState(false);
  const work = useVmWork(vm.id);
  return (
    <>
      <ReasonedButton
        {...(label === undefined ? {} : { size: 'compact-sm', variant: 'default' })}
        leftSection={<IconCamera size={label === undefined ? 16 : 14} aria-hidden />}
        reason={takeRefusal(vm) ?? work.refusal}
        onClick={() => setOpened(true)}
      >
        {label ?? words.snapshots.take.button}
      </ReasonedButton>
      {opened ? <TakeSnapshotDialog vm={vm} onClose={() => setOpened(false)} /> : null}
    </>
  );
}
