import type { Plan } from '@strata/contract';
import type { OperationLocks } from '../operations/operations.types.ts';
import type { TagPart } from './internal/delete-internal.ts';
import type { StoredSnapshot } from './snapshots.types.ts';

/** One plan for both kinds: the tags go first, because a tag inside a layer is in the way of its merge. */
export const withTags = (view: Plan, inside: readonly StoredSnapshot[], tags: TagPart): Plan => {
  const reason = tags.blockers.map(({ message }) => message).join(' ');
  const modes = view.modes?.map((mode) =>
    mode.mode === 'forget'
      ? mode
      : {
          ...mode,
          freed: mode.freed + tags.freed,
          ...(reason === '' ? {} : { possible: false, reason: mode.reason ?? reason }),
        },
  );
  const blockers = [...tags.blockers, ...view.blockers];
  return {
    ...view,
    ...(modes === undefined ? {} : { modes }),
    ...(view.freed === undefined ? {} : { freed: view.freed + tags.freed }),
    blockers,
    steps: [...tags.steps, ...view.steps],
    commands: blockers.length > 0 ? [] : [...tags.commands, ...view.commands],
    losesSnapshots: [...inside.map(({ id, name }) => ({ id, name })), ...view.losesSnapshots],
  };
};

/** Nobody else works on the files that lose a tag. */
export const withTagLocks = (locks: OperationLocks, inside: readonly StoredSnapshot[]): OperationLocks => {
  const tagged = inside.flatMap(({ disks }) => disks.map(({ imageId }) => imageId));
  const images = [...new Set([...locks.images, ...tagged])];
  return { ...locks, images, reads: (locks.reads ?? []).filter((id) => !images.includes(id)) };
};
