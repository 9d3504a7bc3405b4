import type { SnapshotBooks } from '../operations/executors/chain-run.types.ts';
import type { VmsService } from '../vms/vms.types.ts';
import type { SnapshotsRepository } from './snapshots.repository.ts';

/** What chain operations change in the snapshots, inside the transaction that records their result. */
export const snapshotBooks = (repository: SnapshotsRepository, vms: VmsService): SnapshotBooks => ({
  repoint: (snapshotId, from, to) => repository.repoint(snapshotId, from, to),
  lose: (snapshotId) => {
    // Internal snapshots are named by layer and tag; they go with their file and have no row.
    const snapshot = repository.find(snapshotId);
    if (snapshot === null) return;
    const isCurrent = vms.currentSnapshot(snapshot.vmId) === snapshotId;
    repository.remove(snapshotId);
    const { vmId, memoryFile } = snapshot;
    // After the transaction; a server that is killed before it sweeps at its next start.
    if (memoryFile !== null) setImmediate(() => void vms.memory.remove(vmId, memoryFile).catch(() => {}));
    if (isCurrent) vms.setCurrentSnapshot(snapshot.vmId, snapshot.parentId);
  },
});
