import { type Forest, overlaysOf } from '../forest.ts';
import type { Blocker, Subject } from '../plan.ts';
import type { CommitRange } from './commit.ts';
import { snapshotsAfterCommit } from './commit-snapshots.ts';

/** Readers that would see other bytes after a commit, by name. */
export function commitContentBlockers(forest: Forest, range: CommitRange): readonly Blocker[] {
  return [
    ...standingBlockers(forest, range),
    ...trashBlockers(forest, range),
    ...sizeBlockers(forest, range),
  ];
}

/** A deleted image may be restored, and then reads through what it stood on. On `top` it would lose its backing file. */
function trashBlockers(forest: Forest, range: CommitRange): readonly Blocker[] {
  return [...range.merged, range.base].flatMap((layer) =>
    forest.trashed
      .filter((use) => use.imageId === layer.id)
      .map((use) => ({
        code: 'trash-stands',
        message: `“${use.name}”, which is in the trash, stands on “${layer.name}” and could not be restored as it was. Delete it from the trash for good, or restore it, first.`,
        subjects: [{ kind: 'image' as const, id: use.trashId, name: use.name }],
      })),
  );
}

/** Who reads a layer of [base … below top]: base changes, and what stands on a changed base changes with it. */
function standingBlockers(forest: Forest, range: CommitRange): readonly Blocker[] {
  const merged = new Set(range.merged.map((layer) => layer.id));
  const blockers: Blocker[] = [];
  for (const layer of [...range.merged.slice(1), range.base]) {
    for (const overlay of overlaysOf(forest, layer.id)) {
      if (merged.has(overlay.id)) continue;
      blockers.push({
        code: 'overlay-stands',
        message: `“${overlay.name}” stands on “${layer.name}” and would show other data. Pull into “${overlay.name}” first, so that it stands on its own.`,
        subjects: [{ kind: 'image', id: overlay.id, name: overlay.name }],
      });
    }
    for (const disk of forest.disks.filter((use) => use.imageId === layer.id))
      blockers.push({
        code: 'disk-stands',
        message: `“${layer.name}” is the active layer of a disk of the VM “${disk.vmName}”, which would show other data. Give that disk an overlay of its own, or remove it from the VM, first.`,
        subjects: [{ kind: 'vm', id: disk.vmId, name: disk.vmName }],
      });
  }
  return [...blockers, ...mediaBlockers(forest, range)];
}

/** A medium is not switched like a disk: also on `top` it would lose its file. */
function mediaBlockers(forest: Forest, range: CommitRange): readonly Blocker[] {
  return [...range.merged, range.base].flatMap((layer) =>
    forest.media
      .filter((use) => use.imageId === layer.id)
      .map((use) => ({
        code: 'media-stands',
        message: `“${layer.name}” is inserted in “${use.slot}” of the VM “${use.vmName}”, which would lose it, or show other data. Eject it first.`,
        subjects: [{ kind: 'vm' as const, id: use.vmId, name: use.vmName }],
      })),
  );
}

/**
 * Base is longer than top. A commit grows base where it must, but never shrinks it:
 *
 *     overlay |          0000|        overlay |              |
 *     top     |AAAA      |       ──▶
 *     base    |BBBBBBBBBBBBBB|        base    |AAAABBBBBBBBBB|   the end was zeros, and is B now
 *
 * Disks and snapshots of top would get a longer disk; an overlay that is longer than top would see base's end.
 */
function sizeBlockers(forest: Forest, range: CommitRange): readonly Blocker[] {
  const { top, base } = range;
  if (base.virtualSize <= top.virtualSize) return [];
  const longer = range.overlays.filter((overlay) => overlay.virtualSize > top.virtualSize);
  const subjects: Subject[] = [
    ...longer.map((layer): Subject => ({ kind: 'image', id: layer.id, name: layer.name })),
    ...forest.disks
      .filter((disk) => disk.imageId === top.id)
      .map((disk): Subject => ({ kind: 'vm', id: disk.vmId, name: disk.vmName })),
    ...snapshotsAfterCommit(forest, range).repointsSnapshots.map(({ snapshotId }): Subject => {
      const name = forest.snapshots.find((use) => use.snapshotId === snapshotId)?.name;
      return { kind: 'snapshot', id: snapshotId, name: name ?? snapshotId };
    }),
  ];
  if (subjects.length === 0) return [];
  const names = [...new Set(subjects.map((subject) => `“${subject.name}”`))].join(', ');
  return [
    {
      code: 'size-differs',
      message: `“${base.name}” is larger than “${top.name}”, and a commit does not shrink it: ${names} would get a larger disk, or see old data behind its end. Pull into the layer above instead.`,
      subjects,
    },
  ];
}
