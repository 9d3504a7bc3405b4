import type { Snapshot } from '@strata/contract';
import { memoryOf } from './revert-memory.ts';
import type { StoredSnapshot } from './snapshots.types.ts';

export interface SnapshotSizes {
  /** Bytes of its layers, each counted once; of an internal one what it alone holds inside them, null: not known. */
  own(snapshot: StoredSnapshot): number | null;
  /** Bytes that deleting the snapshot alone would give back; null: not known yet. */
  freed(snapshot: StoredSnapshot): number | null;
  /** Why it cannot be deleted now; null: it can. */
  deleteRefusal(snapshot: StoredSnapshot): string | null;
}

/** A snapshot as the wire shows it. */
export const toSnapshot = (
  stored: StoredSnapshot,
  sizes: SnapshotSizes,
  children: Snapshot[] = [],
): Snapshot => {
  const deleteRefusal = sizes.deleteRefusal(stored);
  return {
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
    memoryInFile: memoryOf(stored) !== null,
    disks: stored.disks.map(({ diskId, imageId, internalTag }) => ({
      diskId,
      imageId,
      ...(internalTag === null ? {} : { internalTag }),
    })),
    hasScreenshot: stored.screenshot !== null,
    hardware: hardwareOf(stored),
    ...(stored.pauseMs === null ? {} : { pauseMs: stored.pauseMs }),
    ...(deleteRefusal === null ? {} : { deleteRefusal }),
    sizes: {
      own: sizes.own(stored),
      freed: deleteRefusal === null ? sizes.freed(stored) : null,
    },
    children,
  };
};

const hardwareOf = ({ definition: kept }: StoredSnapshot): Snapshot['hardware'] => {
  if (kept === null) return null;
  const { cpus, memory, firmware, machine } = kept.definition;
  return { cpus, memory, firmware, machine };
};

/** Roots first, children by age. A parent that is not in the list makes a root. */
export const toTree = (all: readonly StoredSnapshot[], sizes: SnapshotSizes): Snapshot[] => {
  const ids = new Set(all.map((snapshot) => snapshot.id));
  const below = (parent: string | null): Snapshot[] =>
    all
      .filter(({ parentId }) => (parentId !== null && ids.has(parentId) ? parentId : null) === parent)
      .map((snapshot) => toSnapshot(snapshot, sizes, below(snapshot.id)));
  return below(null);
};
