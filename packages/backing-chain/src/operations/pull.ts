import { courseOf } from '../course.ts';
import { totalLength } from '../extents.ts';
import { chainIds, type Forest, type Layer, type LayerId, tipsOf } from '../forest.ts';
import {
  type Allocation,
  type Blocker,
  type ChainPlan,
  type Impediment,
  isRefusal,
  type PullRequest,
  type Refusal,
  refuse,
} from '../plan.ts';
import { soundChain } from './chain-request.ts';
import { growthOf } from './growth.ts';
import {
  incompleteBlockers,
  liveVmOf,
  operationBlockers,
  readerBlockers,
  runningBlockers,
  suspendedBlockers,
  type Touch,
  tagBlockers,
  writableBlockers,
} from './holders.ts';
import { allOf, pulledParts } from './moved-extents.ts';
import { unusedOf } from './unused.ts';

interface PullRange {
  readonly into: Layer;
  /** Top first, from the backing of `into` down to `from` inclusive. */
  readonly passed: readonly Layer[];
  /** What `into` stands on afterwards. */
  readonly backing: Layer | null;
}

function pullRange(forest: Forest, request: PullRequest): PullRange | Refusal {
  const chain = soundChain(forest, request.into);
  if (isRefusal(chain)) return chain;
  const [into, ...below] = chain;
  if (into === undefined || below.length === 0)
    return refuse(
      'nothing-below',
      `“${into?.name ?? request.into}” has no backing: there is nothing to pull.`,
    );
  if (into.format !== 'qcow2')
    return refuse('wrong-format', `“${into.name}” is ${into.format}: data can only be pulled into qcow2.`);
  const from = request.from ?? below.at(-1)?.id;
  if (from === into.id) return refuse('same-layer', `“${into.name}” cannot be pulled into itself.`);
  if (from !== undefined && !forest.layers.has(from))
    return refuse('unknown-layer', `There is no layer “${from}”.`);
  const last = below.findIndex((layer) => layer.id === from);
  if (last < 0)
    return refuse(
      'not-below',
      `“${forest.layers.get(from ?? '')?.name ?? from}” is not below “${into.name}”.`,
    );
  return { into, passed: below.slice(0, last + 1), backing: below[last + 1] ?? null };
}

const touchOf = ({ into }: PullRange): Touch => ({
  root: into.id,
  written: new Set([into.id]),
  relinked: [],
});

const intoSubject = ({ into }: PullRange) => [{ kind: 'image', id: into.id, name: into.name } as const];

/**
 * A stream ends where the direct backing ends (block/stream.c: "Finish early if end of backing file has been
 * reached"; seen with QEMU 7.2), so zeros behind that end are not copied:
 *
 *     into    |              |        into |AAAA      CCCC|    zeros before, the new backing's C now
 *     passed  |AAAA      |       ──▶
 *     backing |CCCCCCCCCCCCCC|        backing |CCCCCCCCCCCCCC|
 */
function sizeBlockers(range: PullRange): readonly Blocker[] {
  const [direct] = range.passed;
  if (direct === undefined || range.backing === null) return [];
  const end = direct.virtualSize;
  if (range.into.virtualSize <= end || range.backing.virtualSize <= end) return [];
  return [
    {
      code: 'size-differs',
      message: `“${direct.name}” is smaller than both “${range.into.name}” and “${range.backing.name}”: behind its end “${range.into.name}” would show old data of “${range.backing.name}”. Pull everything below instead.`,
      subjects: intoSubject(range),
    },
  ];
}

function pullBlockers(forest: Forest, range: PullRange, request: PullRequest): readonly Blocker[] {
  const touch = touchOf(range);
  return [
    // A tag inside it keeps only its own clusters; the rest it reads through the backing, which changes.
    ...tagBlockers(
      forest,
      range.into.id,
      'that read through its backing and would show other data. Delete or extract them first.',
    ),
    ...sizeBlockers(range),
    ...writableBlockers(forest, [range.into.id]),
    ...suspendedBlockers(forest, touch),
    ...runningBlockers(forest, touch),
    ...readerBlockers(forest, touch),
    ...operationBlockers(forest, touch),
    ...(request.deleteUnused === true
      ? incompleteBlockers(forest, 'deleting the layers passed over could break another image.')
      : []),
  ];
}

/** Why a pull may not run, without its price: the same rules as {@link planPull}. */
export function pullRefusal(forest: Forest, request: PullRequest): Impediment {
  const range = pullRange(forest, request);
  if (isRefusal(range)) return range;
  const blockers = pullBlockers(forest, range, request);
  return blockers.length === 0 ? null : blockers;
}

function pullMoves({ into, passed }: PullRange, allocation: Allocation) {
  const parts = pulledParts(into, passed, allocation);
  const moved = allOf(parts);
  return {
    moves: parts
      .map(({ from, extents }) => ({ from, to: into.id, bytes: totalLength(extents) }))
      .filter((move) => move.bytes > 0),
    bytesToMove: totalLength(moved),
    course: courseOf(moved),
    grows: growthOf(into, moved, allocation),
  };
}

/**
 * Copies what `into` shows of the layers below, down to `from` inclusive, up into it.
 *
 *      into                  into
 *       │                     │    ╲
 *       a   sibling           │     a'   sibling     passed over: not touched;
 *       └──┬──┘       ──▶     │     └──┬──┘          with nothing on them, unused
 *         from                │      from
 *          │                  │        │
 *        backing              └─ backing
 *
 * Nobody's bytes change: `into` shows the same from its own clusters, nobody else is written. A layer passed over is
 * unused only when no overlay, disk, medium, snapshot, internal snapshot or operation stands on it; from top to
 * bottom, since its overlay may be unused itself. While a folder is unread, no layer is called unused.
 */
export function planPull(forest: Forest, allocation: Allocation, request: PullRequest): ChainPlan | Refusal {
  const range = pullRange(forest, request);
  if (isRefusal(range)) return range;
  const { into, passed, backing } = range;
  const passedIds = passed.map((layer) => layer.id);
  const skipped = new Set<LayerId>(passedIds);
  const before = tipsOf(forest, into.id).map((tip) => chainIds(forest, tip.id));
  const unused = forest.complete ? unusedOf(forest, passedIds, new Set([into.id])) : [];
  return {
    operation: 'pull',
    liveVm: liveVmOf(forest, touchOf(range)),
    before,
    after: before.map((chain) => chain.filter((id) => !skipped.has(id))),
    ...pullMoves(range, allocation),
    deletes: request.deleteUnused === true ? unused : [],
    losesSnapshots: [],
    repointsSnapshots: [],
    relinks: [{ layer: into.id, from: passed[0]?.id ?? null, to: backing?.id ?? null }],
    switches: [],
    nowUnused: request.deleteUnused === true ? [] : unused,
    blockers: pullBlockers(forest, range, request),
  };
}

/** Everything below is pulled: the layer becomes a base. What lies below stays, for whoever else stands on it. */
export function planFlatten(forest: Forest, allocation: Allocation, layer: LayerId): ChainPlan | Refusal {
  const plan = planPull(forest, allocation, { into: layer });
  return isRefusal(plan) ? plan : { ...plan, operation: 'flatten' };
}
