import type { Snapshot, Vm } from '@strata/contract';
import { words } from '../../lib/words.ts';
import { BranchDialog } from '../branches/branch-dialog.tsx';
import { diskName } from '../layers/disk-name.ts';
import { CompareDialog } from './compare-dialog.tsx';
import { DeleteDialog } from './delete-dialog.tsx';
import { ExtractDialog, type InsidePoint } from './extract-dialog.tsx';
import { RevertDialog } from './revert-dialog.tsx';
import type { SnapshotAct } from './snapshot-acts.ts';

interface SnapshotDialogsProps {
  act: SnapshotAct | null;
  vm: Vm;
  byId: ReadonlyMap<string, Snapshot>;
  currentId: string | null;
  onClose: () => void;
}

/** The dialog that was asked for. */
export function SnapshotDialogs({ act, vm, byId, currentId, onClose }: SnapshotDialogsProps) {
  switch (act?.kind) {
    case 'revert':
      return <RevertDialog vm={vm} snapshot={act.snapshot} onClose={onClose} />;
    case 'branch':
      return <BranchDialog vm={vm} snapshot={act.snapshot} onClose={onClose} />;
    case 'extract':
      return (
        <ExtractDialog name={act.snapshot.name} points={insidePoints(vm, act.snapshot)} onClose={onClose} />
      );
    case 'compare':
      return <CompareDialog vm={vm} all={[...byId.values()]} from={act.from} to={act.to} onClose={onClose} />;
    case 'delete':
      return (
        <DeleteDialog vm={vm} chosen={act.snapshots} byId={byId} currentId={currentId} onClose={onClose} />
      );
    case undefined:
      return null;
  }
}

const insidePoints = (vm: Vm, { disks }: Snapshot): InsidePoint[] =>
  disks.flatMap(({ diskId, imageId, internalTag: tag }) => {
    const index = vm.disks.findIndex(({ id }) => id === diskId);
    const disk = index < 0 ? words.snapshots.removedDisk : diskName(vm.disks, index);
    return tag === undefined ? [] : [{ imageId, tag, disk }];
  });
