import { totalLength } from '../extents.ts';
import { type Forest, type Layer, type LayerId, overlaysOf } from '../forest.ts';
import {
  type Blocker,
  type ChainPlan,
  type CommitRequest,
  type Impediment,
  isRefusal,
  type Refusal,
} from '../plan.ts';
import { visibleMap } from '../visible.ts';
import { type World, worldAfter, worldWithout } from '../world.ts';
import { commitLosses, commitRefusal, planCommit } from './commit.ts';
import { tagBlockers } from './holders.ts';
import { planPull, pullRefusal } from './pull.ts';

/** One merge of a sequence, planned on what those before it leave. */
export interface SnapshotMerge {
  readonly forest: Forest;
  readonly request:
    | ({ readonly operation: 'commit' } & CommitRequest)
    | { readonly operation: 'pull'; readonly into: LayerId; readonly from: LayerId };
  readonly plan: ChainPlan;
}

/** A file that goes when every merge has ended. */
export interface Disposal {
  readonly layer: LayerId;
  readonly toTrash: boolean;
}

/** A way to merge a run of given-up layers with what stands on it: the merges, and the world they leave. */
export interface MergeWay {
  readonly merges: readonly SnapshotMerge[];
  readonly disposals: readonly Disposal[];
  readonly blockers: readonly Blocker[];
  readonly world: World;
}

export const nothingMerged = (world: World): MergeWay => ({ merges: [], disposals: [], blockers: [], world });

const layerSubject = (layer: Layer) => ({ kind: 'image' as const, id: layer.id, name: layer.name });

const asBlocker = ({ code, message }: Refusal): Blocker => ({ code, message, subjects: [] });

const refusedWay = (way: MergeWay, refusal: Refusal): MergeWay => ({
  ...way,
  blockers: [...way.blockers, asBlocker(refusal)],
});

/** The snapshots that are given up are no longer in the forest: whatever a merge would still lose, somebody wants. */
const lossBlockers = (lost: ChainPlan['losesSnapshots']): readonly Blocker[] =>
  lost.map(({ id, name }) => ({
    code: 'internal-snapshots',
    message: `The internal snapshot “${name}” would go with its file. Delete or extract it first.`,
    subjects: [{ kind: 'snapshot', id, name }],
  }));

function merged(way: MergeWay, request: SnapshotMerge['request'], plan: ChainPlan | Refusal): MergeWay {
  if (isRefusal(plan)) return refusedWay(way, plan);
  // A layer that is passed over goes only when all have been pulled; until then it is no end of its own.
  const merge = { forest: way.world.forest, request, plan: { ...plan, nowUnused: [] } };
  return {
    ...way,
    merges: [...way.merges, merge],
    blockers: [...way.blockers, ...plan.blockers, ...lossBlockers(plan.losesSnapshots)],
    world: worldAfter(way.world, plan),
  };
}

const commitInto = (way: MergeWay, top: LayerId, base: LayerId): MergeWay =>
  merged(
    way,
    { operation: 'commit', top, base },
    planCommit(way.world.forest, way.world.allocation, { top, base }),
  );

const pullUp = (way: MergeWay, into: LayerId, from: LayerId): MergeWay =>
  merged(
    way,
    { operation: 'pull', into, from },
    planPull(way.world.forest, way.world.allocation, { into, from }),
  );

/** What was pulled is a file that goes, with all that is inside it. */
const goingTags = (forest: Forest, id: LayerId): readonly Blocker[] =>
  tagBlockers(forest, id, 'that would go with its file. Delete or extract them first.');

/**
 * What was pulled lives on above: its file goes for good. To the trash it goes where something in the trash stands on
 * it, which may come back, and when it stands on nothing: often that is the image that somebody has brought along.
 */
function disposed(way: MergeWay, layers: readonly LayerId[]): MergeWay {
  let next = way;
  for (const id of layers) {
    const layer = next.world.forest.layers.get(id);
    if (layer === undefined) continue;
    const toTrash =
      layer.backingId === null || next.world.forest.trashed.some(({ imageId }) => imageId === id);
    next = {
      ...next,
      disposals: [...next.disposals, { layer: id, toTrash }],
      blockers: [...next.blockers, ...goingTags(next.world.forest, id)],
      world: worldWithout(next.world, id, toTrash),
    };
  }
  return next;
}

/**
 *      o              o'            l2'            l1'      The file of one of them goes on to live, whichever; what is
 *      l2 ●    ──▶    │      or     │      or      │        above it is committed into it, then what is below is
 *      l1 ●           │             │              │        pulled up into it. Everything is moved once.
 *     base           base          base           base
 */
function survivedBy(world: World, run: readonly LayerId[], overlay: LayerId, survivor: LayerId): MergeWay {
  let way = nothingMerged(world);
  const bottom = run.at(-1) ?? survivor;
  if (survivor !== overlay) way = commitInto(way, overlay, survivor);
  if (survivor === bottom || way.blockers.length > 0) return way;
  const below = run.slice(run.indexOf(survivor) + 1);
  return disposed(pullUp(way, survivor, bottom), below);
}

/** Moved is what is seen of all the others: the cheapest is the one of which most is seen. Of equals the uppermost. */
function bySeen({ forest, allocation }: World, chain: readonly LayerId[]): readonly LayerId[] {
  const sizes = new Map(chain.map((id) => [id, forest.layers.get(id)?.virtualSize ?? 0]));
  const seen = visibleMap(chain, allocation, sizes).map(({ layer, visible }) => ({
    layer,
    bytes: totalLength(visible),
  }));
  return seen.sort((one, other) => other.bytes - one.bytes).map(({ layer }) => layer);
}

/** Into each of them in turn, past the whole run. */
function intoEach(world: World, run: readonly LayerId[], overlays: readonly Layer[]): MergeWay {
  const bottom = run.at(-1) ?? '';
  const pulled = overlays.reduce((way, { id }) => pullUp(way, id, bottom), nothingMerged(world));
  return disposed(pulled, run);
}

function severalStand(world: World, top: LayerId, overlays: readonly Layer[]): MergeWay {
  const layer = world.forest.layers.get(top);
  const names = overlays.map(({ name }) => `“${name}”`).join(', ');
  return {
    ...nothingMerged(world),
    blockers: [
      {
        code: 'overlay-stands',
        message: `Several layers stand on “${layer?.name}” (${names}): none of them can be committed into it without changing the others. Pull it up into each of them instead.`,
        subjects: overlays.map(layerSubject),
      },
    ],
  };
}

/** Layers to give up, each with nothing on it but the one before it; `run[0]` has overlays that stay. */
export function mergeRun(world: World, run: readonly LayerId[], mode: 'auto' | 'commit' | 'pull'): MergeWay {
  const [top = ''] = run;
  const overlays = overlaysOf(world.forest, top);
  const [overlay] = overlays;
  if (overlay === undefined) return nothingMerged(world);
  if (overlays.length > 1)
    return mode === 'commit' ? severalStand(world, top, overlays) : intoEach(world, run, overlays);
  const survivors = {
    auto: () => bySeen(world, [overlay.id, ...run]),
    commit: () => run.slice(-1),
    pull: () => [overlay.id],
  };
  const ways: MergeWay[] = [];
  for (const survivor of survivors[mode]()) {
    const way = survivedBy(world, run, overlay.id, survivor);
    if (way.blockers.length === 0) return way;
    ways.push(way);
  }
  // None is legal: what stands in the way of each is told with the cheapest.
  const [first = nothingMerged(world)] = ways;
  return { ...first, blockers: ways.flatMap(({ blockers }) => blockers) };
}

const blockersIn = (impediment: Impediment): readonly Blocker[] => {
  if (impediment === null) return [];
  return 'refused' in impediment ? [asBlocker(impediment)] : impediment;
};

/** What stands in the way of every way to merge one layer, without the price: the same rules as {@link mergeRun}. */
export function mergeBlockers(forest: Forest, id: LayerId): readonly Blocker[] {
  const overlays = overlaysOf(forest, id);
  const up = [
    ...overlays.flatMap((overlay) => blockersIn(pullRefusal(forest, { into: overlay.id, from: id }))),
    ...goingTags(forest, id),
  ];
  const [top] = overlays;
  if (up.length === 0 || top === undefined || overlays.length > 1) return up;
  const down = { top: top.id, base: id };
  const stays = [...blockersIn(commitRefusal(forest, down)), ...lossBlockers(commitLosses(forest, down))];
  return stays.length === 0 ? [] : [...up, ...stays];
}
