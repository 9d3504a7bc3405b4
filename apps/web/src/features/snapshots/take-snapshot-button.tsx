import type { Vm } from '@strata/contract';
import { IconCamera } from '@tabler/icons-react';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { takeRefusal } from './take-refusal.ts';
import { TakeSnapshotDialog } from './take-snapshot-dialog.tsx';
import { useVmWork } from './use-vm-work.ts';

/** For the head of a VM, and wherever its active layer is shown. */
export function TakeSnapshotButton({ vm }: { vm: Vm }) {
  const [opened, setOpened] = useState(false);
  const work = useVmWork(vm.id);
  return (
    <>
      <ReasonedButton
        leftSection={<IconCamera size={16} aria-hidden />}
        reason={takeRefusal(vm) ?? work.refusal}
        onClick={() => setOpened(true)}
      >
        {words.snapshots.take.button}
      </ReasonedButton>
      {opened ? <TakeSnapshotDialog vm={vm} onClose={() => setOpened(false)} /> : null}
    </>
  );
}
