import type { Snapshot } from '@strata/contract';
import type { StoredSnapshot } from './snapshots.types.ts';

/** A snapshot as the wire shows it. `sizeOf`: bytes a layer takes; each layer counts once. */
export const toSnapshot = (
  stored: StoredSnapshot,
  sizeOf: (imageId: string) => number,
  children: Snapshot[] = [],
): Snapshot => ({
  id: stored.id,
  vmId: stored.vmId,
  parentId: stored.parentId,
  name: stored.name,
  description: stored.description,
  kind: stored.kind,
  memory: stored.memory,
  consistency: stored.consistency,
  vmWasOff: stored.vmWasOff,
  createdAt: stored.createdAt,
  origin: stored.origin,
  ...(stored.memoryBytes === null ? {} : { memoryBytes: stored.memoryBytes }),
  disks: stored.disks.map(({ diskId, imageId, internalTag }) => ({
    diskId,
    imageId,
    ...(internalTag === null ? {} : { internalTag }),
  })),
  hasScreenshot: stored.screenshot !== null,
  ...(stored.pauseMs === null ? {} : { pauseMs: stored.pauseMs }),
  sizes: {
    own: [...new Set(stored.disks.map((disk) => disk.imageId))].reduce((sum, id) => sum + sizeOf(id), 0),
  },
  children,
});

/** Roots first, children by age. A parent that is not in the list makes a root. */
export const toTree = (all: readonly StoredSnapshot[], sizeOf: (imageId: string) => number): Snapshot[] => {
  const ids = new Set(all.map((snapshot) => snapshot.id));
  const below = (parent: string | null): Snapshot[] =>
    all
      .filter(({ parentId }) => (parentId !== null && ids.has(parentId) ? parentId : null) === parent)
      .map((snapshot) => toSnapshot(snapshot, sizeOf, below(snapshot.id)));
  return below(null);
};
