import { courseOf } from '../course.ts';
import { type ExtentList, totalLength } from '../extents.ts';
import { chainIds, type Forest, type Layer, type LayerId, overlaysOf, tipsOf } from '../forest.ts';
import {
  type Allocation,
  type Blocker,
  type ChainPlan,
  type CommitRequest,
  type Impediment,
  isRefusal,
  type Refusal,
  refuse,
} from '../plan.ts';
import { soundChain } from './chain-request.ts';
import { commitContentBlockers } from './commit-content.ts';
import { snapshotsAfterCommit } from './commit-snapshots.ts';
import { growthOf } from './growth.ts';
import {
  incompleteBlockers,
  liveVmOf,
  operationBlockers,
  readerBlockers,
  runningBlockers,
  suspendedBlockers,
  type Touch,
  writableBlockers,
} from './holders.ts';
import { allOf, committedParts } from './moved-extents.ts';
import { unusedOf } from './unused.ts';

/** The part of the forest that a commit is about. */
export interface CommitRange {
  readonly top: Layer;
  readonly base: Layer;
  /** Top first, from `top` to the layer above `base`: their files go. */
  readonly merged: readonly Layer[];
  /** Overlays of `top`, on every branch: they continue on `base`. */
  readonly overlays: readonly Layer[];
}

function commitRange(forest: Forest, { top, base }: CommitRequest): CommitRange | Refusal {
  const target = forest.layers.get(base);
  if (target === undefined) return refuse('unknown-layer', `There is no layer “${base}”.`);
  if (top === base) return refuse('same-layer', `“${target.name}” cannot be committed into itself.`);
  const chain = soundChain(forest, top);
  if (isRefusal(chain)) return chain;
  const [first] = chain;
  const depth = chain.findIndex((layer) => layer.id === base);
  if (first === undefined || depth < 0)
    return refuse('not-below', `“${target.name}” is not below “${forest.layers.get(top)?.name ?? top}”.`);
  return {
    top: first,
    base: target,
    merged: chain.slice(0, depth),
    overlays: overlaysOf(forest, top),
  };
}

const touchOf = (range: CommitRange): Touch => ({
  root: range.top.id,
  written: new Set([...range.merged.map((layer) => layer.id), range.base.id]),
  relinked: range.overlays.map((layer) => layer.id),
});

/** QEMU can write more formats, but not grow, resume and check them all: a base is qcow2 or raw. */
function formatBlockers(base: Layer): readonly Blocker[] {
  if (base.format === 'qcow2' || base.format === 'raw') return [];
  return [
    {
      code: 'not-writable-format',
      message: `“${base.name}” is ${base.format}: data can only be committed into qcow2 or raw. Pull into the layer above it instead, or convert it first.`,
      subjects: [{ kind: 'image', id: base.id, name: base.name }],
    },
  ];
}

function commitBlockers(forest: Forest, range: CommitRange): readonly Blocker[] {
  const touch = touchOf(range);
  return [
    ...commitContentBlockers(forest, range),
    ...formatBlockers(range.base),
    ...writableBlockers(forest, [range.base.id, ...touch.relinked]),
    ...suspendedBlockers(forest, touch),
    ...runningBlockers(forest, touch),
    ...readerBlockers(forest, touch, touch.written),
    ...operationBlockers(forest, touch),
    ...incompleteBlockers(forest, 'a commit could change what another image shows.'),
  ];
}

/** Why a commit may not run, without its price: the same rules as {@link planCommit}, for a button that is grey. */
export function commitRefusal(forest: Forest, request: CommitRequest): Impediment {
  const range = commitRange(forest, request);
  if (isRefusal(range)) return range;
  const blockers = commitBlockers(forest, range);
  return blockers.length === 0 ? null : blockers;
}

/** The restore points that a commit would take along. */
export function commitLosses(forest: Forest, request: CommitRequest): ChainPlan['losesSnapshots'] {
  const range = commitRange(forest, request);
  return isRefusal(range) ? [] : snapshotsAfterCommit(forest, range).losesSnapshots;
}

/** A base that is smaller than `top` grows; QEMU hides what lies behind its end further down by zeros. */
const grownTail = ({ top, base }: CommitRange): ExtentList =>
  top.virtualSize > base.virtualSize ? [[base.virtualSize, top.virtualSize - base.virtualSize]] : [];

function commitMoves(range: CommitRange, allocation: Allocation) {
  const parts = committedParts(range.merged, allocation);
  const moved = allOf(parts);
  return {
    moves: parts
      .map(({ from, extents }) => ({ from, to: range.base.id, bytes: totalLength(extents) }))
      .filter((move) => move.bytes > 0),
    bytesToMove: totalLength(moved),
    course: courseOf(moved),
    grows: growthOf(range.base, moved, allocation, grownTail(range)),
  };
}

/**
 * The data of `top` and of all layers between goes down into `base`.
 *
 *     overlay  sibling          overlay  sibling
 *        └──┬─────┘                └──┬─────┘
 *          top    ●kept               │              top's overlays, disks and snapshots
 *           │               ──▶       │              go on from base: the same bytes
 *         middle  ●lost               │
 *           │                         │
 *          base   ●lost            base  ●kept
 *           │                         │
 *
 * Legal when nobody else reads [base … below top]: base is written from the first byte on, and the layers between
 * mean nothing over a changed base (qemu-recipes.md, 8). What `bytesToMove` counts is what QEMU's job copies: all
 * that is allocated in (base, top] within top's size, and the zeros where a layer in it ends before the one above.
 *
 * Decided by rule 1 where more than one VM is about:
 *  - several disks (of one VM or of several, off) on `top`: all continue on base;
 *  - overlays of `top` on other branches: re-linked, whoever's they are;
 *  - a snapshot of another VM in [base … below top]: lost and named like one's own; if a disk of that VM still
 *    reads those layers, it is that disk, or its overlay, that blocks;
 *  - internal snapshots inside base survive: qcow2 copies their clusters on write.
 */
export function planCommit(
  forest: Forest,
  allocation: Allocation,
  request: CommitRequest,
): ChainPlan | Refusal {
  const range = commitRange(forest, request);
  if (isRefusal(range)) return range;
  const { top, base } = range;
  const merged = new Set<LayerId>(range.merged.map((layer) => layer.id));
  const before = tipsOf(forest, top.id).map((tip) => chainIds(forest, tip.id));
  return {
    operation: 'commit',
    liveVm: liveVmOf(forest, touchOf(range)),
    before,
    after: before.map((chain) => chain.filter((id) => !merged.has(id))),
    ...commitMoves(range, allocation),
    deletes: [...merged],
    ...snapshotsAfterCommit(forest, range),
    relinks: range.overlays.map((layer) => ({ layer: layer.id, from: top.id, to: base.id })),
    switches: forest.disks
      .filter((disk) => disk.imageId === top.id)
      .map(({ vmId, diskId }) => ({ vmId, diskId, from: top.id, to: base.id })),
    nowUnused: unusedAfter(forest, range),
    blockers: commitBlockers(forest, range),
  };
}

/** Base itself, when neither an overlay nor a disk nor a kept snapshot went on from top. */
function unusedAfter(forest: Forest, range: CommitRange): readonly LayerId[] {
  const { repointsSnapshots, losesSnapshots } = snapshotsAfterCommit(forest, range);
  const goesOn =
    range.overlays.length > 0 ||
    repointsSnapshots.length > 0 ||
    forest.disks.some((disk) => disk.imageId === range.top.id);
  if (goesOn || !forest.complete) return [];
  const lost = new Set(losesSnapshots.map((snapshot) => snapshot.id));
  const without = { ...forest, snapshots: forest.snapshots.filter((use) => !lost.has(use.snapshotId)) };
  return unusedOf(without, [range.base.id], new Set(range.merged.map((layer) => layer.id)));
}
