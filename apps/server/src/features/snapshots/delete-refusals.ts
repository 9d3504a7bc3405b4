import { type Blocker, deleteSnapshotRefusal, type Forest } from '@strata/backing-chain';
import { frozenBlockers, suspendedBlockers } from './internal/tag-blockers.ts';
import type { StoredSnapshot } from './snapshots.types.ts';

/** For the tag inside a frozen layer there is one way left now, and one later. */
export const tagStays = 'Forget its name, or delete it when nothing stands on that layer any more.';

const ofTag = (forest: Forest, { vmId, disks }: StoredSnapshot): readonly Blocker[] => [
  ...frozenBlockers(forest, disks, vmId, tagStays),
  ...suspendedBlockers(
    forest,
    disks.map(({ imageId }) => imageId),
  ),
];

const ofLayers = (forest: Forest, { id }: StoredSnapshot): readonly Blocker[] => {
  const refusal = deleteSnapshotRefusal(forest, id);
  if (refusal === null) return [];
  return 'refused' in refusal ? [{ ...refusal, subjects: [] }] : refusal;
};

/** Whether something else shows or writes every layer of a snapshot, so that only a name would go; one walk for all. */
const losesNameOnly = (forest: Forest): ((snapshot: StoredSnapshot) => boolean) => {
  const used = new Set([...forest.disks, ...forest.media].map(({ imageId }) => imageId));
  const shownBy = new Map<string, Set<string>>();
  for (const { imageId, snapshotId, internalTag } of forest.snapshots)
    if (internalTag === undefined) shownBy.set(imageId, (shownBy.get(imageId) ?? new Set()).add(snapshotId));
  return ({ kind, disks }) =>
    kind === 'external' &&
    disks.every(({ imageId }) => used.has(imageId) || (shownBy.get(imageId)?.size ?? 0) > 1);
};

/**
 * Why a snapshot cannot be deleted, as far as the chains say; null: it can. An operation that works on them passes, and
 * is told with the plan.
 */
export const deleteRefusals = (forest: Forest): ((snapshot: StoredSnapshot) => string | null) => {
  const isFree = losesNameOnly(forest);
  return (snapshot) => {
    if (isFree(snapshot)) return null;
    const blockers = (snapshot.kind === 'internal' ? ofTag : ofLayers)(forest, snapshot);
    const messages = blockers
      .filter(({ code }) => code !== 'operation-unfinished')
      .map(({ message }) => message);
    return messages.length === 0 ? null : [...new Set(messages)].join(' ');
  };
};
