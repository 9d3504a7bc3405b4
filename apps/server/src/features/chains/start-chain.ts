import { dirname, join } from 'node:path';
import {
  type ChainPlan,
  type CompactPlan,
  chainIds,
  type Forest,
  type LayerId,
  withDescendants,
} from '@strata/backing-chain';
import type { ImageFormat } from '@strata/contract';
import { newId } from '../../new-id.ts';
import type { Move } from '../images/move-files.ts';
import type { RunLayer } from '../operations/executors/chain-run.types.ts';
import type { CommitJournal, CommitRun } from '../operations/executors/commit.ts';
import type { CompactJournal, CompactRun } from '../operations/executors/compact.ts';
import type { DeleteJournal, DeleteRun } from '../operations/executors/delete-layer.ts';
import type { MoveJournal, MoveRun } from '../operations/executors/move.ts';
import type { PullJournal, PullRun } from '../operations/executors/pull.ts';
import type { RebaseJournal, RebaseRun } from '../operations/executors/rebase.ts';
import type { OperationLocks, OperationSubject, StartOperation } from '../operations/operations.types.ts';
import type { ChainWish } from './chain-wish.ts';

/** VMs whose disks stand, over however many overlays, on a layer that changes. */
const vmsAbove = (forest: Forest, changed: readonly LayerId[]): string[] => {
  const above = new Set(changed.flatMap((id) => withDescendants(forest, id).map((layer) => layer.id)));
  return [...new Set(forest.disks.filter((disk) => above.has(disk.imageId)).map((disk) => disk.vmId))];
};

export const chainLocks = (forest: Forest, plan: ChainPlan, wish: ChainWish): OperationLocks => {
  const changed =
    wish.operation === 'commit'
      ? [...wish.range, ...plan.relinks.map((relink) => relink.layer)]
      : [
          ...plan.relinks.map((relink) => relink.layer),
          ...plan.deletes,
          ...(wish.operation === 'compact' || wish.operation === 'move' ? [wish.layer] : []),
        ];
  const images = [...new Set(changed)];
  const read = new Set([...images.flatMap((id) => chainIds(forest, id)), ...wish.range]);
  const reads = [...read].filter((id) => !images.includes(id));
  return { images, reads, vms: vmsAbove(forest, changed) };
};

const runLayers = (forest: Forest, ids: readonly LayerId[]): Record<LayerId, RunLayer> =>
  Object.fromEntries(
    [...new Set(ids)].flatMap((id) => {
      const layer = forest.layers.get(id);
      if (layer === undefined) return [];
      const { name, path, virtualSize } = layer;
      return [[id, { name, path, virtualSize, format: layer.format as ImageFormat }]];
    }),
  );

const subjectsOf = (
  forest: Forest,
  plan: ChainPlan,
  locks: OperationLocks,
  wish: ChainWish,
): OperationSubject[] => {
  const vms = locks.vms.map((id): OperationSubject => {
    const disk = forest.disks.find((use) => use.vmId === id);
    return { kind: 'vm', id, name: disk?.vmName ?? id };
  });
  const image = (id: LayerId): OperationSubject => ({
    kind: 'image',
    id,
    name: forest.layers.get(id)?.name ?? id,
  });
  const lost = plan.losesSnapshots.map(({ id, name }): OperationSubject => ({ kind: 'snapshot', id, name }));
  return [...vms, ...wish.range.map(image), ...lost];
};

/** A copy gets its name when it is complete enough to be known again. */
const hiddenFirst = (move: Move): Move => ({
  ...move,
  part: join(dirname(move.to), `.strata-${newId()}.part`),
});

type ChainStart =
  | StartOperation<CommitRun, CommitJournal>
  | StartOperation<PullRun, PullJournal>
  | StartOperation<DeleteRun, DeleteJournal>
  | StartOperation<RebaseRun, RebaseJournal>
  | StartOperation<CompactRun, CompactJournal>
  | StartOperation<MoveRun, MoveJournal>;

/** All that the operations service writes down before the first step. */
export const startOfChain = (
  forest: Forest,
  plan: ChainPlan,
  wish: ChainWish,
  steps: readonly string[],
): ChainStart => {
  const locks = chainLocks(forest, plan, wish);
  const name = (id: LayerId): string => `“${forest.layers.get(id)?.name ?? id}”`;
  const common = {
    steps,
    locks,
    subjects: subjectsOf(forest, plan, locks, wish),
    unit: plan.method === 'relink' || plan.method === 'trash' ? 'steps' : 'bytes',
    total: plan.bytesToMove,
  } as const;
  const relinked = plan.relinks.map((relink) => relink.layer);
  const layers = runLayers(forest, [...plan.before.flat(), ...plan.after.flat(), ...wish.range, ...relinked]);
  const nothingChanges = (into: LayerId): string =>
    `Nothing changes: what was copied into ${name(into)} so far reads the same and stays there.`;

  if (wish.operation === 'delete-up')
    return {
      ...common,
      kind: 'delete',
      title: `Delete ${name(wish.layer)}`,
      request: { plan, layers, layer: wish.layer, parts: wish.parts },
      journal: { phase: 'pulling', parts: wish.parts.map(() => ({ phase: 'copying', daemon: null })) },
      cancelNote: `${name(wish.layer)} stays. Overlays that hold its data already no longer stand on it; everything reads the same.`,
    };
  if (wish.operation === 'rebase')
    return {
      ...common,
      kind: 'rebase',
      title: `${wish.relink ? 'Relink' : 'Rebase'} ${name(wish.layer)} onto ${wish.backing === null ? 'nothing' : name(wish.backing)}`,
      request: { plan, layers, ...wish },
      journal: { phase: 'copying' },
      cancelNote: wish.relink ? 'Nothing changes.' : nothingChanges(wish.layer),
    };
  if (wish.operation === 'compact')
    return {
      ...common,
      kind: 'compact',
      title: `Compact ${name(wish.layer)}`,
      request: { plan: plan as CompactPlan, layers, layer: wish.layer, backing: wish.backing },
      journal: { phase: 'working', original: null, key: null, storedBefore: null },
      cancelNote:
        wish.method === 'punch'
          ? `${name(wish.layer)} reads the same; what was given back so far stays given back.`
          : `Nothing changes: the new file is removed, and ${name(wish.layer)} was not touched.`,
    };
  if (wish.operation === 'move')
    return {
      ...common,
      kind: 'move',
      title: `Move ${name(wish.layer)} to ${wish.place.move.to}`,
      request: { plan, layers, layer: wish.layer, move: hiddenFirst(wish.place.move) },
      journal: { phase: 'new', key: null, daemon: null, vmWasRunning: false },
      cancelNote: `Nothing changes: the new file is removed, and “${plan.liveVm?.vmName}” goes on in the old one.`,
    };
  if (wish.operation === 'pull') return pullStart(plan, wish);
  const between = wish.range.slice(1).map(name).join(', ');
  return {
    ...common,
    kind: plan.operation === 'delete' ? 'delete' : 'commit',
    title:
      plan.operation === 'delete'
        ? `Delete ${name(wish.top)} by committing it into ${name(wish.base)}`
        : `Commit ${name(wish.top)} into ${name(wish.base)}`,
    request: { plan, layers, top: wish.top, base: wish.base, above: wish.above },
    journal: { phase: 'new', daemon: null, vmWasRunning: false },
    cancelNote: `${name(wish.top)} and what stands on it stay whole, but ${between} would be half changed and no restore point until this commit is repeated to its end.`,
  };

  function pullStart(
    { operation }: ChainPlan,
    { into, base }: Extract<ChainWish, { operation: 'pull' }>,
  ): StartOperation<PullRun, PullJournal> {
    const titles = {
      flatten: `Flatten ${name(into)}`,
      rebase: `Rebase ${name(into)} onto ${base === null ? 'nothing' : name(base)}`,
    };
    const kind = operation === 'flatten' || operation === 'rebase' ? operation : 'pull';
    return {
      ...common,
      kind,
      title: kind === 'pull' ? `Pull into ${name(into)}` : titles[kind],
      request: { plan, layers, into, base },
      journal: { phase: 'copying', daemon: null },
      cancelNote: nothingChanges(into),
    };
  }
};
