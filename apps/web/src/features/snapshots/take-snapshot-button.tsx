import type { Vm } from '@strata/contract';
import { IconCamera } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { operationsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { isUnfinished } from '../operations/operation-state.ts';
import { takeRefusal } from './take-refusal.ts';
import { TakeSnapshotDialog } from './take-snapshot-dialog.tsx';

interface TakeSnapshotButtonProps {
  vm: Vm;
  /** Among other small buttons, with the name of the VM. */
  label?: string;
}

/** For the head of a VM, and wherever its active layer is shown. */
export function TakeSnapshotButton({ vm, label }: TakeSnapshotButtonProps) {
  const [opened, setOpened] = useState(false);
  const operations = useQuery(operationsQuery()).data?.items;
  const busy = operations?.find(
    (operation) => isUnfinished(operation) && operation.subjects.some(({ id }) => id === vm.id),
  );
  return (
    <>
      <ReasonedButton
        {...(label === undefined ? {} : { size: 'compact-sm', variant: 'default' })}
        leftSection={<IconCamera size={label === undefined ? 16 : 14} aria-hidden />}
        reason={takeRefusal(vm, busy?.title)}
        onClick={() => setOpened(true)}
      >
        {label ?? words.snapshots.take.button}
      </ReasonedButton>
      {opened ? <TakeSnapshotDialog vm={vm} onClose={() => setOpened(false)} /> : null}
    </>
  );
}
