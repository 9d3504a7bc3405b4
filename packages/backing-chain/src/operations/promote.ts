import { chainIds, type DiskUse, type Forest, type LayerId } from '../forest.ts';
import {
  type Blocker,
  type Impediment,
  isRefusal,
  newOverlayId,
  type PromotePlan,
  type PromoteRequest,
  type Refusal,
  refuse,
} from '../plan.ts';
import { standsOn } from '../stands.ts';
import { soundChain } from './chain-request.ts';
import { incompleteBlockers, nameOf, operationBlockers, suspendedBlockers, type Touch } from './holders.ts';
import { depthBlockers } from './revert.ts';

interface PromotedDisk {
  readonly disk: DiskUse;
  readonly target: LayerId;
  /** `switch`: nothing stands on the layer, and the disk goes on writing it. */
  readonly how: 'switch' | 'overlay';
}

/** Whether a guest may write the layer itself: tags inside it keep their clusters. */
const isFree = (forest: Forest, id: LayerId): boolean => {
  const layer = forest.layers.get(id);
  if (layer === undefined || !layer.writable || !['qcow2', 'raw'].includes(layer.format)) return false;
  return standsOn(forest, id).every(({ kind }) => kind === 'internal-snapshot' || kind === 'operation');
};

function promotedDisks(forest: Forest, request: PromoteRequest): readonly PromotedDisk[] | Refusal {
  const ofVm = forest.disks.filter((disk) => disk.vmId === request.vmId);
  if (ofVm.length === 0) return refuse('unknown-vm', 'There is no such VM, or it has no disks.');
  const promoted: PromotedDisk[] = [];
  for (const { diskId, imageId: target } of request.disks) {
    const disk = ofVm.find((candidate) => candidate.diskId === diskId);
    if (disk === undefined || promoted.some((other) => other.disk === disk))
      return refuse('unknown-disk', `The VM has no disk ${diskId}, or it is named twice.`);
    const chain = soundChain(forest, target);
    if (isRefusal(chain)) return chain;
    if (disk.imageId === target && !request.overlay)
      return refuse('nothing-to-do', `The disk writes “${nameOf(forest, target)}” already.`);
    const how = !request.overlay && isFree(forest, target) ? 'switch' : 'overlay';
    if (how === 'switch' && promoted.some((other) => other.target === target))
      return refuse('same-layer', `Two disks cannot both write “${nameOf(forest, target)}”.`);
    promoted.push({ disk, target, how });
  }
  return promoted.length === 0 ? refuse('unknown-disk', 'Which disk is to continue elsewhere?') : promoted;
}

/** A layer that some disk goes on writing cannot be another one's, nor lie under it. */
function writtenBlockers(forest: Forest, promoted: readonly PromotedDisk[]): readonly Blocker[] {
  const left = new Set(promoted.map(({ disk }) => disk));
  return promoted.flatMap(({ target }) => {
    const below = chainIds(forest, target);
    return forest.disks
      .filter((disk) => !left.has(disk) && below.includes(disk.imageId))
      .map((disk) => ({
        code: disk.imageId === target ? 'disk-stands' : 'backing-is-active',
        message:
          disk.imageId === target
            ? `“${nameOf(forest, target)}” is the active layer of a disk of the VM “${disk.vmName}”. Take a snapshot of that VM, and continue from the layer that it freezes.`
            : `“${nameOf(forest, disk.imageId)}”, below “${nameOf(forest, target)}”, is the active layer of a disk of the VM “${disk.vmName}”, which would change it. Take a snapshot of that VM first.`,
        subjects: [{ kind: 'vm' as const, id: disk.vmId, name: disk.vmName }],
      }));
  });
}

function runningBlockers({ disk }: PromotedDisk, { powerOff }: PromoteRequest): readonly Blocker[] {
  if (!disk.running || powerOff) return [];
  return [
    {
      code: 'vm-running',
      message: `“${disk.vmName}” is running, and a disk that changes under a guest corrupts what it remembers of it. Shut it down, or let it be powered off for this.`,
      subjects: [{ kind: 'vm', id: disk.vmId, name: disk.vmName }],
    },
  ];
}

function promoteBlockers(
  forest: Forest,
  promoted: readonly PromotedDisk[],
  request: PromoteRequest,
): readonly Blocker[] {
  const own = { ...forest, disks: forest.disks.filter((use) => use.vmId === request.vmId) };
  const each = promoted.flatMap((item): readonly Blocker[] => {
    const { disk, target, how } = item;
    const leaving: Touch = { root: disk.imageId, written: new Set([disk.imageId]), relinked: [] };
    const entering: Touch = {
      root: target,
      written: new Set(how === 'switch' ? [target] : []),
      relinked: [],
    };
    return [
      ...runningBlockers(item, request),
      ...suspendedBlockers(own, leaving),
      ...operationBlockers(forest, leaving),
      ...operationBlockers(forest, entering),
    ];
  });
  const unique = new Map(each.map((blocker) => [`${blocker.code} ${blocker.subjects[0]?.id}`, blocker]));
  return [
    ...unique.values(),
    ...writtenBlockers(forest, promoted),
    ...depthBlockers(
      forest,
      promoted.filter(({ how }) => how === 'overlay'),
    ),
    ...(promoted.some(({ how }) => how === 'switch')
      ? incompleteBlockers(forest, 'the VM could write into another image’s backing.')
      : []),
  ];
}

/** Why a VM may not continue there: the same rules as {@link planPromote}. */
export function promoteRefusal(forest: Forest, request: PromoteRequest): Impediment {
  const promoted = promotedDisks(forest, request);
  if (isRefusal(promoted)) return promoted;
  const blockers = promoteBlockers(forest, promoted, request);
  return blockers.length === 0 ? null : blockers;
}

type Mark = PromotePlan['leavesSnapshots'][number];

/** External snapshots of the VM that show a layer of this chain, nearest first; of one layer the newest. */
function marksOn(forest: Forest, vmId: string, top: LayerId): readonly Mark[] {
  const own = forest.snapshots.filter((use) => use.vmId === vmId && use.internalTag === undefined).reverse();
  return chainIds(forest, top).flatMap((id) =>
    own
      .filter(({ imageId }) => imageId === id)
      .map(({ snapshotId, name }): Mark => ({ id: snapshotId, name })),
  );
}

/** Where the VM is afterwards: the nearest snapshot that is below each of the disks. */
function standingAt(forest: Forest, vmId: string, promoted: readonly PromotedDisk[]) {
  const [first = [], ...others] = promoted.map(({ target }) => marksOn(forest, vmId, target));
  const shared = first.filter(({ id }) => others.every((marks) => marks.some((mark) => mark.id === id)));
  const reached = new Set(
    promoted.flatMap(({ target }) => marksOn(forest, vmId, target).map(({ id }) => id)),
  );
  const left = promoted.flatMap(({ disk }) => marksOn(forest, vmId, disk.imageId));
  return {
    snapshotId: shared[0]?.id ?? null,
    leavesSnapshots: [
      ...new Map(left.filter(({ id }) => !reached.has(id)).map((mark) => [mark.id, mark])).values(),
    ],
  };
}

/**
 * A VM goes on from another branch: on its tip itself, or on a new overlay where something stands on the layer.
 *
 *     active ← disk    tip            active      tip ← disk        active    new ← disk
 *        └──────┬───────┘      ──▶       └──────┬──┘         or        └───┬───┘
 *             frozen                         frozen                     frozen
 *
 * What the disk wrote until now stays: as a branch of the library, and as a snapshot where that is wished. The VM must
 * be off for it, or is powered off.
 */
export function planPromote(forest: Forest, request: PromoteRequest): PromotePlan | Refusal {
  const promoted = promotedDisks(forest, request);
  if (isRefusal(promoted)) return promoted;
  const [first] = promoted;
  if (first === undefined) return refuse('unknown-disk', 'Which disk is to continue elsewhere?');
  const { vmId, vmName } = first.disk;
  return {
    operation: 'promote',
    vm: { vmId, vmName, running: forest.disks.some((disk) => disk.vmId === vmId && disk.running) },
    before: promoted.map(({ disk }) => chainIds(forest, disk.imageId)),
    after: promoted.map(({ disk, target, how }) => [
      ...(how === 'overlay' ? [newOverlayId(disk.diskId)] : []),
      ...chainIds(forest, target),
    ]),
    overlays: promoted
      .filter(({ how }) => how === 'overlay')
      .map(({ disk, target }) => ({
        diskId: disk.diskId,
        from: disk.imageId,
        backing: target,
        virtualSize: forest.layers.get(target)?.virtualSize ?? 0,
      })),
    switches: promoted
      .filter(({ how }) => how === 'switch')
      .map(({ disk, target }) => ({ diskId: disk.diskId, from: disk.imageId, to: target })),
    keeps: request.keepCurrent
      ? promoted.map(({ disk }) => ({ diskId: disk.diskId, imageId: disk.imageId }))
      : [],
    deletes: [],
    losesSnapshots: [],
    nowUnused: [],
    ...standingAt(forest, vmId, promoted),
    blockers: promoteBlockers(forest, promoted, request),
  };
}
