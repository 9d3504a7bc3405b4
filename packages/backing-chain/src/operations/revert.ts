import { chainIds, type DiskUse, depthOf, type Forest, type LayerId, maxDepth } from '../forest.ts';
import {
  type Blocker,
  type Impediment,
  isRefusal,
  newOverlayId,
  type Refusal,
  type RevertPlan,
  type RevertRequest,
  refuse,
} from '../plan.ts';
import { internalSnapshotId, unclaimedTags } from '../stands.ts';
import { soundChain } from './chain-request.ts';
import { incompleteBlockers, nameOf, operationBlockers, type Touch } from './holders.ts';
import { unusedOf } from './unused.ts';

export interface RevertedDisk {
  readonly diskId: string;
  /** Null: the VM has no such disk any more, and gets it back. */
  readonly disk: DiskUse | null;
  readonly target: LayerId;
}

function revertedDisks(forest: Forest, request: RevertRequest): readonly RevertedDisk[] | Refusal {
  const ofVm = forest.disks.filter((disk) => disk.vmId === request.vmId);
  if (ofVm.length === 0 && request.hardware === undefined)
    return refuse('unknown-vm', 'There is no such VM, or it has no disks.');
  const uses = forest.snapshots.filter((use) => use.snapshotId === request.snapshotId);
  const [use] = uses;
  if (use === undefined || request.disks.length === 0)
    return refuse('unknown-snapshot', 'There is no such snapshot.');
  const reverted: RevertedDisk[] = [];
  for (const { diskId, imageId } of request.disks) {
    const disk = ofVm.find((candidate) => candidate.diskId === diskId) ?? null;
    if (disk === null && request.hardware === undefined)
      return refuse('unknown-disk', `The snapshot “${use.name}” is of a disk that the VM no longer has.`);
    const shown = uses.find((candidate) => candidate.imageId === imageId);
    if (shown === undefined)
      return refuse(
        'unknown-snapshot',
        `The snapshot “${use.name}” does not show “${nameOf(forest, imageId)}”.`,
      );
    if (shown.internalTag !== undefined)
      return refuse('internal-snapshot', `“${use.name}” is a tag inside “${nameOf(forest, imageId)}”.`);
    const chain = soundChain(forest, imageId);
    if (isRefusal(chain)) return chain;
    reverted.push({ diskId, disk, target: imageId });
  }
  return reverted;
}

export function depthBlockers(
  forest: Forest,
  reverted: readonly Pick<RevertedDisk, 'target'>[],
): readonly Blocker[] {
  return reverted
    .filter(({ target }) => depthOf(forest, target) >= maxDepth)
    .map(({ target }) => ({
      code: 'too-deep',
      message: `The chain of “${nameOf(forest, target)}” already has ${maxDepth} layers. Merge some of them first.`,
      subjects: [{ kind: 'image' as const, id: target, name: nameOf(forest, target) }],
    }));
}

/** A layer that one's own VM writes while a snapshot shows it: the snapshot's bytes are not those of its moment any more. */
function movingBlockers(forest: Forest, reverted: readonly RevertedDisk[], vmId: string): readonly Blocker[] {
  return reverted.flatMap(({ target }) =>
    forest.disks
      .filter((disk) => disk.imageId === target && disk.running && disk.vmId !== vmId)
      .map((disk) => ({
        code: 'written-by-running-vm',
        message: `The running VM “${disk.vmName}” writes “${nameOf(forest, target)}”, which the snapshot shows. Shut it down first.`,
        subjects: [{ kind: 'vm' as const, id: disk.vmId, name: disk.vmName }],
      })),
  );
}

const leavingDisks = (forest: Forest, { vmId, hardware }: RevertRequest): readonly DiskUse[] =>
  forest.disks.filter((disk) => disk.vmId === vmId && hardware?.leaves.includes(disk.diskId) === true);

function leavingBlockers(forest: Forest, { imageId }: DiskUse): readonly Blocker[] {
  return operationBlockers(forest, { root: imageId, written: new Set([imageId]), relinked: [] });
}

function revertBlockers(
  forest: Forest,
  reverted: readonly RevertedDisk[],
  request: RevertRequest,
): readonly Blocker[] {
  const blockers = reverted.flatMap(({ disk, target }): Blocker[] => {
    const entering: Touch = { root: target, written: new Set(), relinked: [] };
    return [...(disk === null ? [] : leavingBlockers(forest, disk)), ...operationBlockers(forest, entering)];
  });
  for (const disk of leavingDisks(forest, request)) blockers.push(...leavingBlockers(forest, disk));
  const unique = new Map(blockers.map((blocker) => [`${blocker.code} ${blocker.subjects[0]?.id}`, blocker]));
  return [
    ...unique.values(),
    ...depthBlockers(forest, reverted),
    ...movingBlockers(forest, reverted, request.vmId),
    ...(request.keepCurrent
      ? []
      : incompleteBlockers(forest, 'the current state could be another image’s backing.')),
  ];
}

/** Why a revert may not run: the same rules as {@link planRevert}. */
export function revertRefusal(forest: Forest, request: RevertRequest): Impediment {
  const reverted = revertedDisks(forest, request);
  if (isRefusal(reverted)) return reverted;
  const blockers = revertBlockers(forest, reverted, request);
  return blockers.length === 0 ? null : blockers;
}

/** Active layers that nobody needs once their disks have left them, and what is unused under them. */
function discarded(forest: Forest, reverted: readonly RevertedDisk[]) {
  const left = new Set(reverted.flatMap(({ disk }) => disk ?? []));
  const after = { ...forest, disks: forest.disks.filter((disk) => !left.has(disk)) };
  const actives = [...new Set([...left].map(({ imageId }) => imageId))];
  // Tags inside a discarded active layer are part of the current state, and go (named) with it.
  const bare = {
    ...after,
    layers: new Map(
      [...after.layers].map(([id, layer]) => [
        id,
        actives.includes(id) ? { ...layer, internalSnapshots: [] } : layer,
      ]),
    ),
  };
  const targets = new Set(reverted.map(({ target }) => target));
  const deletes = unusedOf(
    bare,
    actives.filter((id) => !targets.has(id)),
    new Set(),
  );
  const gone = new Set(deletes);
  const below = [...new Set(deletes.flatMap((id) => chainIds(forest, id)))].filter(
    (id) => !gone.has(id) && !targets.has(id),
  );
  return {
    deletes,
    nowUnused: unusedOf(after, below, gone),
    losesSnapshots: deletes.flatMap((id) =>
      unclaimedTags(forest, id).map((tag) => ({
        id: internalSnapshotId(id, tag),
        name: `${tag} (inside ${nameOf(forest, id)})`,
      })),
    ),
  };
}

/**
 * A VM's disks go on from what a snapshot shows: each gets a new overlay on the snapshot's layer.
 *
 *     active ← disk               active ●kept   new ← disk          (keepCurrent: a branch that
 *        │                           │            │                    a new snapshot points to)
 *      later ●            ──▶      later ●        │
 *        │                           └─────┬──────┘
 *     frozen ●to here                  frozen ●
 *
 * The snapshot's layer is never written. Without `keepCurrent` the active layer goes to the trash, unless something
 * else stands on it; what it stood on stays. A running VM is stopped for it (a disk that changes under a guest
 * corrupts the guest's caches); a suspended one needs nothing: its memory stays with the layers that are left.
 * Disks of the VM that the snapshot does not show stay as they are. With `hardware` the VM has the disks of then: one
 * that it has no longer comes back, one that came since leaves it, and its layer stays.
 */
export function planRevert(forest: Forest, request: RevertRequest): RevertPlan | Refusal {
  const reverted = revertedDisks(forest, request);
  if (isRefusal(reverted)) return reverted;
  const leaving = leavingDisks(forest, request);
  const gone = new Set(leaving);
  const own = forest.disks.filter((disk) => disk.vmId === request.vmId);
  const named = own[0] ?? forest.snapshots.find((use) => use.snapshotId === request.snapshotId);
  const leaves = leaving.map(({ diskId, imageId }) => ({ diskId, imageId }));
  const left = reverted.flatMap(({ disk }) => disk ?? []);
  const kept = [...left.map(({ diskId, imageId }) => ({ diskId, imageId })), ...leaves];
  const plain = { deletes: [], nowUnused: [], losesSnapshots: [] };
  const world = { ...forest, disks: forest.disks.filter((disk) => !gone.has(disk)) };
  const given = request.keepCurrent || !forest.complete ? plain : discarded(world, reverted);
  const unused = request.keepCurrent
    ? []
    : unusedOf(
        world,
        leaves.map(({ imageId }) => imageId),
        new Set(),
      );
  return {
    operation: 'revert',
    vm: {
      vmId: request.vmId,
      vmName: named?.vmName ?? request.vmId,
      running: own.some(({ running }) => running),
    },
    snapshotId: request.snapshotId,
    before: [...left, ...leaves].map(({ imageId }) => chainIds(forest, imageId)),
    after: reverted.map(({ diskId, target }) => [newOverlayId(diskId), ...chainIds(forest, target)]),
    overlays: reverted.map(({ diskId, disk, target }) => ({
      diskId,
      from: disk?.imageId ?? null,
      backing: target,
      virtualSize: forest.layers.get(target)?.virtualSize ?? 0,
    })),
    switches: [],
    leaves,
    keeps: request.keepCurrent ? kept : [],
    ...given,
    nowUnused: [...given.nowUnused, ...unused],
    blockers: revertBlockers(forest, reverted, request),
  };
}
