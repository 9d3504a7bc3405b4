import { Checkbox } from '@mantine/core';
import { endpoints, type Snapshot, type Vm } from '@strata/contract';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { waitForMade } from '../operations/use-tell-begun.ts';
import { NewVmDialog } from './new-vm-dialog.tsx';

/** A new VM from a snapshot. */
export function BranchDialog({ vm, snapshot, onClose }: { vm: Vm; snapshot: Snapshot; onClose: () => void }) {
  const { branch } = words.copies;
  const params = { id: vm.id, sid: snapshot.id };
  const [memory, setMemory] = useState(false);
  const inside = snapshot.kind === 'internal';
  return (
    <NewVmDialog
      title={branch.title(snapshot.name)}
      suggestion={branch.suggestion(vm.name, snapshot.name)}
      mode={inside ? 'full' : 'linked'}
      {...(inside ? { modeRefusal: { linked: branch.insideLinked } } : {})}
      submit={branch.submit}
      start={(wish) =>
        call(endpoints.branchSnapshot, { params, query: waitForMade, body: { ...wish, memory } })
      }
      onClose={onClose}
      wishes={
        snapshot.memoryInFile ? (
          <Checkbox
            label={branch.memory}
            description={branch.memoryText(snapshot.memoryBytes ?? 0, vm.nics.length > 0)}
            checked={memory}
            onChange={(event) => setMemory(event.currentTarget.checked)}
          />
        ) : null
      }
    >
      {branch.text}
      {snapshot.disks.length < vm.disks.length ? ` ${branch.partly(snapshot.disks.length)}` : ''}
    </NewVmDialog>
  );
}
