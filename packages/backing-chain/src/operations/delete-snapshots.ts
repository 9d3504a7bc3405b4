import {
  chainIds,
  depthOf,
  type Forest,
  type LayerId,
  overlaysOf,
  tipsOf,
  withDescendants,
} from '../forest.ts';
import {
  type Blocker,
  type ChainPlan,
  type Impediment,
  isRefusal,
  type Refusal,
  refuse,
  type SnapshotsRequest,
} from '../plan.ts';
import { standsOn } from '../stands.ts';
import { type World, worldWithout } from '../world.ts';
import { planDelete } from './delete-layer.ts';
import { incompleteBlockers } from './holders.ts';
import {
  type Disposal,
  type MergeWay,
  mergeBlockers,
  mergeRun,
  nothingMerged,
  type SnapshotMerge,
} from './snapshot-merges.ts';
import { unusedOf } from './unused.ts';

/** Restore points go, and whatever else there is reads the same. The plan itself is the sum of all merges. */
export interface DeleteSnapshotsPlan extends ChainPlan {
  readonly operation: 'delete';
  /** One after the other, in this order. */
  readonly merges: readonly SnapshotMerge[];
  /** Files that go after the last merge, top first; those of a commit it removes itself. */
  readonly disposals: readonly Disposal[];
  /** Layers of the deleted snapshots that stay, because something needs just them. */
  readonly keeps: readonly { readonly layer: LayerId; readonly because: string }[];
  /** How it is done when it is one way for all; `auto`: nothing is moved, or some down and some up. */
  readonly mode: 'auto' | 'commit' | 'pull';
}

/** Somebody shows, writes or has inserted the layer itself, or it holds a restore point of somebody else's. */
function keptBecause(forest: Forest, id: LayerId): string | null {
  const needs = standsOn(forest, id).find(
    ({ kind }) =>
      ['disk', 'media', 'snapshot', 'export'].includes(kind) ||
      (kind === 'internal-snapshot' && isBare(forest, id)),
  );
  return needs?.words ?? null;
}

const isBare = (forest: Forest, id: LayerId): boolean => overlaysOf(forest, id).length === 0;

const distinct = (blockers: readonly Blocker[]): readonly Blocker[] => [
  ...new Map(blockers.map((blocker) => [blocker.message, blocker])).values(),
];

/** From a layer down, as long as each is given up too and nothing stands on it but the one above. */
function runFrom(forest: Forest, top: LayerId, given: ReadonlySet<LayerId>): readonly LayerId[] {
  const run = [top];
  for (let next = forest.layers.get(top)?.backingId ?? null; next !== null && given.has(next); ) {
    if (overlaysOf(forest, next).length !== 1) break;
    run.push(next);
    next = forest.layers.get(next)?.backingId ?? null;
  }
  return run;
}

/** Nothing stands on it: its data goes to nobody, and its file to the trash, where more may stand on it already. */
function leafGone(world: World, id: LayerId): MergeWay {
  const plan = planDelete(world.forest, world.allocation, { layer: id, mode: 'pull' });
  const blockers: readonly Blocker[] = isRefusal(plan)
    ? [{ code: plan.code, message: plan.message, subjects: [] }]
    : plan.blockers.filter(({ code }) => code !== 'trash-stands');
  return {
    merges: [],
    disposals: [{ layer: id, toTrash: true }],
    blockers,
    world: worldWithout(world, id, true),
  };
}

/** Top first: what is above goes, or is one with what stands on it, before the turn comes to what is below. */
function wayOf(start: World, given: readonly LayerId[], mode: SnapshotsRequest['mode']): MergeWay {
  const left = new Set(given);
  let way = nothingMerged(start);
  for (const top of given) {
    if (!left.has(top)) continue;
    const { forest } = way.world;
    const isLeaf = isBare(forest, top);
    const run = isLeaf ? [top] : runFrom(forest, top, left);
    const next = isLeaf ? leafGone(way.world, top) : mergeRun(way.world, run, mode);
    for (const id of run) left.delete(id);
    way = {
      merges: [...way.merges, ...next.merges],
      disposals: [...way.disposals, ...next.disposals],
      blockers: [...way.blockers, ...next.blockers],
      world: next.world,
    };
  }
  return way;
}

/** What is left of a chain: the layers of the plan's end, from the first one on that is still there. */
const chainAfter = (after: Forest, before: readonly LayerId[]): readonly LayerId[] => {
  const top = before.find((id) => after.layers.has(id));
  return top === undefined ? [] : chainIds(after, top);
};

const modeOf = (merges: readonly SnapshotMerge[]): DeleteSnapshotsPlan['mode'] => {
  const kinds = new Set(merges.map(({ request }) => request.operation));
  const [kind] = kinds;
  return kinds.size === 1 && kind !== undefined ? kind : 'auto';
};

/** Where both worlds know a thing, and it is elsewhere now. */
function differences(before: Forest, after: Forest) {
  return {
    relinks: [...after.layers.values()].flatMap(({ id, backingId }) => {
      const was = before.layers.get(id);
      return was === undefined || was.backingId === backingId
        ? []
        : [{ layer: id, from: was.backingId, to: backingId }];
    }),
    switches: before.disks.flatMap((disk, index) => {
      const to = after.disks[index]?.imageId ?? disk.imageId;
      const { vmId, diskId, imageId: from } = disk;
      return to === from ? [] : [{ vmId, diskId, from, to }];
    }),
    repointsSnapshots: before.snapshots.flatMap((use, index) => {
      const now = after.snapshots[index];
      const to = now?.snapshotId === use.snapshotId ? now.imageId : use.imageId;
      return to === use.imageId ? [] : [{ snapshotId: use.snapshotId, from: use.imageId, to }];
    }),
  };
}

/** What a deletion is about: the world without the names that go, the layers they show, and which of these go too. */
interface Given {
  readonly bare: World;
  readonly uses: Forest['snapshots'];
  readonly shown: readonly LayerId[];
  readonly keeps: DeleteSnapshotsPlan['keeps'];
  /** Top first. */
  readonly given: readonly LayerId[];
}

function givenUp(start: World, snapshotIds: readonly string[]): Given | Refusal {
  const wanted = new Set(snapshotIds);
  const uses = start.forest.snapshots.filter(({ snapshotId }) => wanted.has(snapshotId));
  if (uses.length === 0) return refuse('unknown-snapshot', 'There is no such snapshot.');
  const internal = uses.find(({ internalTag }) => internalTag !== undefined);
  if (internal !== undefined)
    return refuse(
      'internal-snapshot',
      `“${internal.name}” is a tag inside its layers: no layer is merged for it.`,
    );
  const bare: World = {
    ...start,
    forest: {
      ...start.forest,
      snapshots: start.forest.snapshots.filter(({ snapshotId }) => !wanted.has(snapshotId)),
    },
  };
  const shown = [...new Set(uses.map(({ imageId }) => imageId))].filter((id) => start.forest.layers.has(id));
  const keeps = shown.flatMap((layer) => {
    const because = keptBecause(bare.forest, layer);
    return because === null ? [] : [{ layer, because }];
  });
  const given = shown
    .filter((id) => !keeps.some(({ layer }) => layer === id))
    .map((id) => ({ id, depth: depthOf(start.forest, id) }))
    .sort((one, other) => other.depth - one.depth)
    .map(({ id }) => id);
  return { bare, uses, shown, keeps, given };
}

const breaks = 'removing a layer could break another image.';

const blockersOf = ({ forest }: World, { merges, disposals, blockers }: MergeWay): readonly Blocker[] =>
  distinct([
    ...blockers,
    ...(merges.length + disposals.length === 0 ? [] : incompleteBlockers(forest, breaks)),
  ]);

/**
 * Why a snapshot cannot be deleted now, without the price: the same rules as {@link planDeleteSnapshots}, for a tree
 * that asks for hundreds. Where several of its layers lie in one chain, it is told as if all of them were empty.
 */
export function deleteSnapshotRefusal(forest: Forest, snapshotId: string): Impediment {
  const start: World = { forest, allocation: new Map() };
  const about = givenUp(start, [snapshotId]);
  if (isRefusal(about)) return about;
  const { bare, given } = about;
  const [top, ...below] = given;
  if (top === undefined) return null;
  // Disks that share a chain: what becomes of one layer depends on the way that is cheapest for the other.
  const shared = below.some((id) =>
    withDescendants(forest, id).some((layer) => layer.id !== id && given.includes(layer.id)),
  );
  const found = shared
    ? wayOf(bare, given, 'auto').blockers
    : given.flatMap((id) =>
        isBare(bare.forest, id) ? leafGone(bare, id).blockers : mergeBlockers(bare.forest, id),
      );
  const blockers = distinct([...found, ...incompleteBlockers(forest, breaks)]);
  return blockers.length === 0 ? null : blockers;
}

/**
 * Restore points go, one or many, of any VM's disks, in any order.
 *
 *      o                 o'                l'          one layer on it: both become one, in the file of either
 *      │      pull       │      commit     │           (by price), and whatever stands on o goes on from it
 *      l ●    ──▶        │      ──▶        │
 *     base              base              base
 *
 *      a   b             a'  b'
 *      └─┬─┘   pull      │   │             several layers on it: its data goes up into each of them;
 *        l ●   ──▶       └─┬─┘             nothing can be committed into it, the others would change
 *       base              base
 *
 *  - Nothing stands on its layer: the file goes to the trash, and nothing is moved.
 *  - Something else shows the layer (another snapshot, a disk, a medium): it stays, and only the name goes.
 *  - Several that follow one another are merged as one run, each byte once, into the file that shows most of it.
 *
 * Legal only where nothing but these restore points is lost. When the plan has blockers, nothing of it is done.
 */
export function planDeleteSnapshots(start: World, request: SnapshotsRequest): DeleteSnapshotsPlan | Refusal {
  const about = givenUp(start, request.snapshotIds);
  if (isRefusal(about)) return about;
  const { bare, uses, shown, keeps, given } = about;
  const way = wayOf(bare, given, request.mode);
  const { merges, disposals, world } = way;
  const tips = new Map(shown.flatMap((id) => tipsOf(start.forest, id).map((tip) => [tip.id, tip])));
  const before = [...tips.keys()].map((id) => chainIds(start.forest, id));
  const [first] = merges;
  const leaves = disposals.filter(({ layer }) => isBare(start.forest, layer));
  const below = [...new Set(leaves.flatMap(({ layer }) => chainIds(start.forest, layer).slice(1)))];
  return {
    operation: 'delete',
    ...(merges.length === 0 && disposals.length > 0 ? { method: 'trash' as const } : {}),
    mode: modeOf(merges),
    merges,
    disposals,
    keeps,
    parts: merges.map(({ plan }) => plan),
    liveVm: merges.find(({ plan }) => plan.liveVm !== null)?.plan.liveVm ?? null,
    before,
    after: before.map((chain) => chainAfter(world.forest, chain)),
    moves: merges.flatMap(({ plan }) => plan.moves),
    bytesToMove: merges.reduce((sum, { plan }) => sum + plan.bytesToMove, 0),
    grows: first?.plan.grows ?? { layer: shown[0] ?? '', bytes: 0 },
    deletes: [...merges.flatMap(({ plan }) => plan.deletes), ...disposals.map(({ layer }) => layer)],
    losesSnapshots: [...new Map(uses.map(({ snapshotId, name }) => [snapshotId, name]))].map(
      ([id, name]) => ({
        id,
        name,
      }),
    ),
    ...differences(bare.forest, world.forest),
    nowUnused: start.forest.complete
      ? unusedOf(
          { ...world.forest, trashed: start.forest.trashed },
          below.filter((id) => world.forest.layers.has(id)),
          new Set(),
        )
      : [],
    blockers: blockersOf(start, way),
  };
}
