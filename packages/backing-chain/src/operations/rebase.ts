import { clip, type ExtentList, intersect, subtract, totalLength, union } from '../extents.ts';
import { chainIds, chainOf, type Forest, type Layer, type LayerId, maxDepth, tipsOf } from '../forest.ts';
import {
  type Allocation,
  type Blocker,
  type ChainPlan,
  isRefusal,
  type RebaseRequest,
  type Refusal,
  refuse,
} from '../plan.ts';
import { visibleMap } from '../visible.ts';
import { soundChain } from './chain-request.ts';
import { growthOf } from './growth.ts';
import {
  offlineBlockers,
  operationBlockers,
  readerBlockers,
  suspendedBlockers,
  type Touch,
  tagBlockers,
  writableBlockers,
} from './holders.ts';
import { planPull } from './pull.ts';
import { unusedOf } from './unused.ts';

export interface RebasePlan extends ChainPlan {
  readonly operation: 'rebase';
  readonly method: 'pull' | 'copy' | 'relink';
  /** Whether the old backing can be asked: whatever is claimed, it is compared then. */
  readonly compared: boolean;
}

interface Move {
  readonly layer: Layer;
  /** The chains below, before and after, top first; the old one as far as it can be followed. */
  readonly old: readonly Layer[];
  readonly next: readonly Layer[];
  /** Whether everything that the layer reads now can be read. */
  readonly sound: boolean;
}

function moveOf(forest: Forest, request: RebaseRequest): Move | Refusal {
  const layer = forest.layers.get(request.layer);
  if (layer === undefined || !layer.present)
    return refuse('unknown-layer', `There is no layer “${layer?.name ?? request.layer}”.`);
  if (layer.format !== 'qcow2')
    return refuse(
      'wrong-format',
      `“${layer.name}” is ${layer.format}: only qcow2 can stand on another image.`,
    );
  const next = request.backing === null ? [] : soundChain(forest, request.backing);
  if (isRefusal(next)) return next;
  if (next.some(({ id }) => id === layer.id))
    return refuse(
      'would-loop',
      `“${next[0]?.name}” stands on “${layer.name}”: the chain would lead back to itself.`,
    );
  const own = chainOf(forest, layer.id);
  const sound = own.end === 'complete';
  if (sound && layer.backingId === request.backing)
    return refuse(
      'nothing-to-do',
      next[0] === undefined
        ? `“${layer.name}” stands on nothing already.`
        : `“${layer.name}” stands on “${next[0].name}” already.`,
    );
  const above = Math.max(...tipsOf(forest, layer.id).map((tip) => heightOver(forest, tip.id, layer.id)));
  if (above + 1 + next.length > maxDepth)
    return refuse('too-deep', `The chain over “${next[0]?.name}” would be longer than ${maxDepth} layers.`);
  return { layer, old: own.layers.slice(1), next, sound };
}

const heightOver = (forest: Forest, tip: LayerId, layer: LayerId): number =>
  Math.max(0, chainIds(forest, tip).indexOf(layer));

/** No QEMU can put a foreign chain under a disk that it has open, so nothing running may hold the layer. */
const touchOf = ({ layer }: Move): Touch => ({
  root: layer.id,
  written: new Set(),
  relinked: [layer.id],
});

function heldBlockers(forest: Forest, move: Move): readonly Blocker[] {
  const touch = touchOf(move);
  const read = [...move.old, ...move.next].map(({ id }) => id);
  return [
    ...offlineBlockers(forest, move.layer.id, read, 'and QEMU cannot put another chain under it'),
    ...writableBlockers(forest, [move.layer.id]),
    ...suspendedBlockers(forest, touch),
    ...readerBlockers(forest, touch),
    ...operationBlockers(forest, touch),
    ...belowBlockers(forest, move),
  ];
}

/** The new chain is read: nothing may be at work on it; nor may a disk write the layer that becomes a backing. */
function belowBlockers(forest: Forest, { layer, next }: Move): readonly Blocker[] {
  const [backing] = next;
  const near = new Set(next.map(({ id }) => id));
  return [
    ...forest.operations
      .filter((use) => near.has(use.imageId))
      .map((use) => ({
        code: 'operation-unfinished',
        message: `The operation “${use.title}” works on “${forest.layers.get(use.imageId)?.name}”. Wait for its end, or cancel it, first.`,
        subjects: [{ kind: 'operation' as const, id: use.operationId, name: use.title }],
      })),
    ...forest.disks
      .filter((disk) => near.has(disk.imageId))
      .map(({ vmId, vmName, imageId }) => ({
        code: 'backing-is-active',
        message: `“${forest.layers.get(imageId)?.name}” is the active layer of a disk of the VM “${vmName}”, which would change what “${layer.name}” shows under it. Take a snapshot of that VM first, and stand on the layer that it freezes.`,
        subjects: [
          { kind: 'vm' as const, id: vmId, name: vmName },
          ...(backing === undefined ? [] : [{ kind: 'image' as const, id: backing.id, name: backing.name }]),
        ],
      })),
  ];
}

type Provided = ReadonlyMap<LayerId, ExtentList>;

/** Which layer below answers for each range that the layer itself leaves open. */
function providedBy(layer: Layer, below: readonly Layer[], allocation: Allocation): Provided {
  const chain = [layer, ...below];
  const sizes = new Map(chain.map(({ id, virtualSize }) => [id, virtualSize]));
  const map = visibleMap([...sizes.keys()], allocation, sizes);
  return new Map(map.slice(1).map((part) => [part.layer, part.visible]));
}

const sum = (lists: Iterable<ExtentList>): ExtentList =>
  [...lists].reduce<ExtentList>((all, list) => union(all, list), []);

/**
 * Where the two chains might read differently: where another layer answers, or one answers and the other reads zeros.
 * An upper bound: only ranges that do differ are copied.
 */
function differences({ layer, old, next }: Move, allocation: Allocation) {
  const before = providedBy(layer, old, allocation);
  const after = providedBy(layer, next, allocation);
  const same = sum([...before].map(([id, extents]) => intersect(extents, after.get(id) ?? [])));
  const open = clip(subtract(union(sum(before.values()), sum(after.values())), same), 0, layer.virtualSize);
  return {
    moves: [...before]
      .map(([from, extents]) => ({ from, to: layer.id, bytes: totalLength(intersect(extents, open)) }))
      .filter(({ bytes }) => bytes > 0),
    bytesToMove: totalLength(open),
    grows: growthOf(layer, open, allocation),
  };
}

function consequences(forest: Forest, { layer, old, next }: Move) {
  const before = tipsOf(forest, layer.id).map((tip) => chainIds(forest, tip.id));
  const stays = new Set(next.map(({ id }) => id));
  const left = old.map(({ id }) => id).filter((id) => !stays.has(id));
  return {
    liveVm: null,
    before,
    after: before.map((chain) => [
      ...chain.slice(0, chain.indexOf(layer.id) + 1),
      ...next.map(({ id }) => id),
    ]),
    deletes: [],
    losesSnapshots: [],
    repointsSnapshots: [],
    relinks: [{ layer: layer.id, from: old[0]?.id ?? null, to: next[0]?.id ?? null }],
    switches: [],
    nowUnused: forest.complete ? unusedOf(forest, left, new Set([layer.id])) : [],
  };
}

/**
 * The layer stands on another image, and reads the same.
 *
 *      layer                     layer'    holds what the two chains
 *        │                         │       show differently
 *       old      new    safe       │
 *        │        │     ──▶   old  └─ new
 *       base     base         base    base
 *
 * Onto a layer of its own chain that is a pull, and can be done live. `relink` copies nothing: it is legal when new
 * and old read the same, which the operation finds out by comparing them; without the old one somebody has to say so.
 */
export function planRebase(
  forest: Forest,
  allocation: Allocation,
  request: RebaseRequest,
): RebasePlan | Refusal {
  const move = moveOf(forest, request);
  if (isRefusal(move)) return move;
  return request.mode === 'safe'
    ? safePlan(forest, allocation, request, move)
    : relinkPlan(forest, request, move);
}

function safePlan(
  forest: Forest,
  allocation: Allocation,
  { layer: id, backing }: RebaseRequest,
  move: Move,
): RebasePlan | Refusal {
  const chain = soundChain(forest, id);
  if (isRefusal(chain)) return chain;
  const depth = backing === null ? chain.length : chain.findIndex((layer) => layer.id === backing);
  const from = chain[depth - 1];
  if (depth > 1 && from !== undefined) {
    const plan = planPull(forest, allocation, { into: id, from: from.id });
    if (isRefusal(plan)) return plan;
    // Where a pull would leave a tail uncovered, copying the differences does not.
    if (!plan.blockers.some(({ code }) => code === 'size-differs'))
      return { ...plan, operation: 'rebase', method: 'pull', compared: true };
  }
  return {
    operation: 'rebase',
    method: 'copy',
    compared: true,
    ...consequences(forest, move),
    ...differences(move, allocation),
    blockers: [
      ...tagBlockers(
        forest,
        move.layer.id,
        'that read through its backing and would show other data. Delete or extract them first.',
      ),
      ...heldBlockers(forest, move),
    ],
  };
}

function relinkPlan(
  forest: Forest,
  { backing, assumeSame = false }: RebaseRequest,
  move: Move,
): RebasePlan | Refusal {
  const { layer, next } = move;
  if (backing === null)
    return refuse(
      'nothing-to-do',
      `Without a backing “${layer.name}” would lose what it reads there. Flatten it instead.`,
    );
  if (layer.backingState === 'none')
    return refuse(
      'nothing-below',
      `“${layer.name}” has no backing that another could stand for. Rebase it safely instead.`,
    );
  return {
    operation: 'rebase',
    method: 'relink',
    compared: move.sound,
    ...consequences(forest, move),
    moves: [],
    bytesToMove: 0,
    grows: { layer: layer.id, bytes: 0 },
    blockers: [...(move.sound || assumeSame ? [] : notCompared(move)), ...heldBlockers(forest, move)],
  };

  function notCompared({ old }: Move): readonly Blocker[] {
    const lost = old.at(-1);
    return [
      {
        code: 'not-compared',
        message: `What “${layer.name}” stood on cannot be read any more${lost === undefined ? '' : ` (its chain breaks at “${lost.name}”)`}, so nobody can compare it with “${next[0]?.name}”. If you know that it is the same, say so (assumeSame) to relink all the same.`,
        subjects: [{ kind: 'image', id: layer.id, name: layer.name }],
      },
    ];
  }
}
