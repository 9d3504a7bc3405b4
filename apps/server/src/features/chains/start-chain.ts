import { type ChainPlan, chainIds, type Forest, type LayerId, withDescendants } from '@strata/backing-chain';
import type { ImageFormat } from '@strata/contract';
import type { RunLayer } from '../operations/executors/chain-run.types.ts';
import type { CommitJournal, CommitRun } from '../operations/executors/commit.ts';
import type { PullJournal, PullRun } from '../operations/executors/pull.ts';
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
      : [wish.into, ...plan.deletes];
  const images = [...new Set(changed)];
  const root = wish.operation === 'commit' ? wish.top : wish.into;
  const reads = chainIds(forest, root).filter((id) => !images.includes(id));
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

/** All that the operations service writes down before the first step. */
export const startOfChain = (
  forest: Forest,
  plan: ChainPlan,
  wish: ChainWish,
  steps: readonly string[],
): StartOperation<CommitRun, CommitJournal> | StartOperation<PullRun, PullJournal> => {
  const locks = chainLocks(forest, plan, wish);
  const name = (id: LayerId): string => `“${forest.layers.get(id)?.name ?? id}”`;
  const common = {
    steps,
    locks,
    subjects: subjectsOf(forest, plan, locks, wish),
    unit: 'bytes',
    total: plan.bytesToMove,
  } as const;
  const relinked = plan.relinks.map((relink) => relink.layer);
  const layers = runLayers(forest, [...plan.before.flat(), ...plan.after.flat(), ...wish.range, ...relinked]);

  if (wish.operation === 'pull')
    return {
      ...common,
      kind: 'pull',
      title: `Pull into ${name(wish.into)}`,
      request: { plan, layers, into: wish.into, base: wish.base },
      journal: { phase: 'copying', daemon: null },
      cancelNote: `Nothing changes: what was copied into ${name(wish.into)} so far reads the same and stays there.`,
    };
  const between = wish.range.slice(1).map(name).join(', ');
  return {
    ...common,
    kind: 'commit',
    title: `Commit ${name(wish.top)} into ${name(wish.base)}`,
    request: { plan, layers, top: wish.top, base: wish.base, above: wish.above },
    journal: { phase: 'new', daemon: null, vmWasRunning: false },
    cancelNote: `${name(wish.top)} and what stands on it stay whole, but ${between} would be half changed and no restore point until this commit is repeated to its end.`,
  };
};
