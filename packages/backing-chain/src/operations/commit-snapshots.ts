import type { Forest, SnapshotUse } from '../forest.ts';
import type { ChainPlan } from '../plan.ts';
import { internalSnapshotId, unclaimedTags } from '../stands.ts';
import type { CommitRange } from './commit.ts';

type Consequences = Pick<ChainPlan, 'losesSnapshots' | 'repointsSnapshots'>;

/**
 * What becomes of restore points: those of `top` read the same in base and are kept; those of the layers between and
 * of base are lost, whole (a restore point of two disks is none when one is gone); tags inside the merged files go
 * with the files. Tags inside base stay.
 */
export function snapshotsAfterCommit(forest: Forest, range: CommitRange): Consequences {
  const merged = new Set(range.merged.map((layer) => layer.id));
  const isLost = (use: SnapshotUse): boolean =>
    use.internalTag === undefined
      ? use.imageId !== range.top.id && (merged.has(use.imageId) || use.imageId === range.base.id)
      : merged.has(use.imageId);
  const lost = new Map<string, string>();
  for (const use of forest.snapshots) if (isLost(use)) lost.set(use.snapshotId, use.name);
  for (const layer of range.merged)
    for (const tag of unclaimedTags(forest, layer.id))
      lost.set(internalSnapshotId(layer.id, tag), `${tag} (inside ${layer.name})`);
  const kept = forest.snapshots.filter(
    (use) => use.imageId === range.top.id && use.internalTag === undefined && !lost.has(use.snapshotId),
  );
  return {
    losesSnapshots: [...lost].map(([id, name]) => ({ id, name })),
    repointsSnapshots: [...new Set(kept.map((use) => use.snapshotId))].map((snapshotId) => ({
      snapshotId,
      from: range.top.id,
      to: range.base.id,
    })),
  };
}
