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

/**
 * Why a snapshot cannot be deleted, as far as the chains say; null: it can. An operation that works on them passes, and
 * is told with the plan.
 */
export const deleteRefusals =
  (forest: Forest) =>
  (snapshot: StoredSnapshot): string | null => {
    const blockers = (snapshot.kind === 'internal' ? ofTag : ofLayers)(forest, snapshot);
    const messages = blockers
      .filter(({ code }) => code !== 'operation-unfinished')
      .map(({ message }) => message);
    return messages.length === 0 ? null : [...new Set(messages)].join(' ');
  };
