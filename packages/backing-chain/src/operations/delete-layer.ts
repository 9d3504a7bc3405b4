import { chainIds, type Forest, type Layer, type LayerId, overlaysOf, tipsOf } from '../forest.ts';
import {
  type Allocation,
  type Blocker,
  type ChainPlan,
  type DeleteRequest,
  isRefusal,
  type Refusal,
  refuse,
} from '../plan.ts';
import { standsOn } from '../stands.ts';
import { soundChain } from './chain-request.ts';
import { planCommit } from './commit.ts';
import { incompleteBlockers, operationBlockers, runningBlockers, suspendedBlockers } from './holders.ts';
import { planPull } from './pull.ts';
import { unusedOf } from './unused.ts';

/** One way to delete a layer, priced; a refusal says why there is no such way. */
export interface DeleteChoice {
  readonly method: 'commit' | 'pull' | 'trash';
  readonly plan: ChainPlan | Refusal;
}
export interface DeletePlan extends ChainPlan {
  readonly operation: 'delete';
  readonly method: DeleteChoice['method'];
  /** Every way there is, the chosen one included. */
  readonly choices: readonly DeleteChoice[];
}

/**
 * A layer goes, and everybody else reads the same. Its data goes where it is still read:
 *
 *      a      b              a      b                  a'     b'
 *      └──┬───┘              └──┬───┘                  │      │     each holds what it read
 *       layer       commit      │               pull   │      │     of the layer
 *         │           ──▶       │                ──▶   └──┬───┘
 *        base                 base'                     base
 *
 * With nothing above it the file just goes to the trash. `auto` takes the legal way that loses fewer restore points,
 * then the one that moves fewer bytes; the other one is in `choices` with its price. Where there is no legal way,
 * the plan carries the blockers of all.
 */
export function planDelete(
  forest: Forest,
  allocation: Allocation,
  { layer: id, mode }: DeleteRequest,
): DeletePlan | Refusal {
  const layer = forest.layers.get(id);
  if (layer === undefined) return refuse('unknown-layer', `There is no layer “${id}”.`);
  const upwards = overlaysOf(forest, id).length > 0 ? pullPlan : trashPlan;
  const up: DeleteChoice = {
    method: upwards === pullPlan ? 'pull' : 'trash',
    plan: upwards(forest, allocation, layer),
  };
  const down: DeleteChoice = { method: 'commit', plan: commitPlan(forest, allocation, layer) };
  const choices = up.method === 'trash' ? [up, down] : [down, up];
  const wanted = choices.filter(
    ({ method }) => mode === 'auto' || (method === 'commit') === (mode === 'commit'),
  );
  return chosenOf(wanted, choices);
}

function commitPlan(forest: Forest, allocation: Allocation, layer: Layer): ChainPlan | Refusal {
  const chain = soundChain(forest, layer.id);
  if (isRefusal(chain)) return chain;
  if (layer.backingId === null)
    return refuse('nothing-below', `“${layer.name}” has no backing: there is nothing to commit it into.`);
  return planCommit(forest, allocation, { top: layer.id, base: layer.backingId });
}

const isLegal = (choice: DeleteChoice): boolean =>
  !isRefusal(choice.plan) && choice.plan.blockers.length === 0;

/** Restore points weigh more than bytes; of equals the first. */
const isCheaper = (one: ChainPlan, other: ChainPlan): boolean =>
  one.losesSnapshots.length === other.losesSnapshots.length
    ? one.bytesToMove < other.bytesToMove
    : one.losesSnapshots.length < other.losesSnapshots.length;

function chosenOf(wanted: readonly DeleteChoice[], choices: readonly DeleteChoice[]): DeletePlan | Refusal {
  const legal = wanted.filter(isLegal);
  let best: { method: DeleteChoice['method']; plan: ChainPlan } | null = null;
  for (const { method, plan } of legal.length > 0 ? legal : wanted) {
    if (isRefusal(plan)) continue;
    // A file that nobody needs goes to the trash, however cheap it were to keep its data.
    if (best === null || (best.method !== 'trash' && isCheaper(plan, best.plan))) best = { method, plan };
  }
  if (best === null) {
    const [refused] = wanted.flatMap(({ plan }) => (isRefusal(plan) ? [plan] : []));
    return refused ?? refuse('nothing-to-do', 'There is no way to delete this layer.');
  }
  const blockers =
    legal.length > 0 ? [] : wanted.flatMap(({ plan }) => (isRefusal(plan) ? [] : plan.blockers));
  return { ...best.plan, operation: 'delete', method: best.method, choices, blockers: distinct(blockers) };
}

const distinct = (blockers: readonly Blocker[]): readonly Blocker[] => [
  ...new Map(blockers.map((blocker) => [blocker.message, blocker])).values(),
];

/** The file is about to go: disks and media would lose it, and so would tags inside it. */
function fileBlockers(forest: Forest, layer: Layer, kinds: ReadonlySet<string>): readonly Blocker[] {
  const codes = {
    overlay: 'overlay-stands',
    disk: 'disk-stands',
    media: 'media-stands',
    snapshot: 'snapshot-stands',
    'internal-snapshot': 'internal-snapshots',
    operation: 'operation-unfinished',
    export: 'export-stands',
    trash: 'trash-stands',
  } as const;
  const lifts = {
    overlay: 'Pull into that overlay first.',
    disk: 'Remove it from the VM, or give it another layer, first.',
    media: 'Eject it first.',
    snapshot: 'Delete that snapshot first.',
    'internal-snapshot': 'Delete or extract that snapshot first.',
    operation: 'Wait for its end, or cancel it, first.',
    export: 'Stop it first.',
    trash: 'Delete it from the trash for good, or restore it, first.',
  } as const;
  return standsOn(forest, layer.id)
    .filter((standing) => kinds.has(standing.kind))
    .map(({ kind, subject, words }) => ({
      code: codes[kind],
      message: `“${layer.name}” cannot go: ${words.charAt(0).toLowerCase()}${words.slice(1)} ${lifts[kind]}`,
      subjects: [subject],
    }));
}

const consequence = 'deleting this layer could break another image.';

/** Into each overlay in turn; each pull is a job of its own, in whatever holds that overlay open. */
function pullPlan(forest: Forest, allocation: Allocation, layer: Layer): ChainPlan | Refusal {
  const parts: ChainPlan[] = [];
  for (const overlay of overlaysOf(forest, layer.id)) {
    const part = planPull(forest, allocation, { into: overlay.id, from: layer.id });
    if (isRefusal(part)) return part;
    parts.push({ ...part, nowUnused: [] });
  }
  const [first] = parts;
  if (first === undefined) return refuse('nothing-to-do', `Nothing stands on “${layer.name}”.`);
  const lost = forest.snapshots.filter((use) => use.imageId === layer.id && use.internalTag === undefined);
  return {
    operation: 'delete',
    method: 'pull',
    parts,
    liveVm: parts.find((part) => part.liveVm !== null)?.liveVm ?? null,
    before: parts.flatMap((part) => part.before),
    after: parts.flatMap((part) => part.after),
    moves: parts.flatMap((part) => part.moves),
    bytesToMove: parts.reduce((sum, part) => sum + part.bytesToMove, 0),
    grows: first.grows,
    deletes: [layer.id],
    losesSnapshots: [...new Map(lost.map((use) => [use.snapshotId, use.name]))].map(([id, name]) => ({
      id,
      name,
    })),
    repointsSnapshots: [],
    relinks: parts.flatMap((part) => part.relinks),
    switches: [],
    nowUnused: [],
    blockers: distinct([
      ...parts.flatMap((part) => part.blockers),
      ...fileBlockers(forest, layer, new Set(['disk', 'media', 'internal-snapshot', 'export', 'trash'])),
      ...incompleteBlockers(forest, consequence),
    ]),
  };
}

function trashPlan(forest: Forest, _allocation: Allocation, layer: Layer): ChainPlan {
  const before = tipsOf(forest, layer.id).map((tip) => chainIds(forest, tip.id));
  const touch = { root: layer.id, written: new Set<LayerId>([layer.id]), relinked: [] };
  return {
    operation: 'delete',
    method: 'trash',
    liveVm: null,
    before,
    after: before.map((chain) => chain.filter((id) => id !== layer.id)),
    moves: [],
    bytesToMove: 0,
    grows: { layer: layer.id, bytes: 0 },
    deletes: [layer.id],
    losesSnapshots: [],
    repointsSnapshots: [],
    relinks: [],
    switches: [],
    nowUnused: forest.complete
      ? unusedOf(forest, chainIds(forest, layer.id).slice(1), new Set([layer.id]))
      : [],
    blockers: distinct([
      ...fileBlockers(
        forest,
        layer,
        new Set(['disk', 'media', 'snapshot', 'internal-snapshot', 'operation', 'export', 'trash']),
      ),
      ...suspendedBlockers(forest, touch),
      ...runningBlockers(forest, touch).filter(({ code }) => code === 'held-by-running-vm'),
      ...operationBlockers(forest, touch),
      ...incompleteBlockers(forest, consequence),
    ]),
  };
}
