import {
  type Blocker,
  type DeleteSnapshotsPlan,
  type Forest,
  type LayerId,
  overlaysOf,
  type SnapshotMerge,
  type World,
} from '@strata/backing-chain';
import type { FreeSpace } from '../../space-reserve.ts';
import type { ImagesService } from '../images/images.types.ts';
import type { CommitRun } from '../operations/executors/commit.ts';
import type { SnapshotMergeRun } from '../operations/executors/delete-snapshots.ts';
import type { PullRun } from '../operations/executors/pull.ts';
import type { OperationLocks, OperationsService } from '../operations/operations.types.ts';
import { allocationOf } from './allocation-of.ts';
import { type ChainWish, chainWish } from './chain-wish.ts';
import type { MergeSequences, PreparedMerges } from './chains.types.ts';
import { demandSpace } from './demand-space.ts';
import { fingerprintOf } from './fingerprint.ts';
import { freeSpaceAt, growthsOf, spacesNeeded } from './free-space.ts';
import { lockBlockers } from './lock-blockers.ts';
import { type NodesOf, openNodes } from './open-nodes.ts';
import { planCommands } from './plan-commands.ts';
import { planSteps } from './plan-steps.ts';
import { planFacts } from './plan-view.ts';
import { startOfChain } from './start-chain.ts';
import { taintBlockers, taintUseOf } from './taint-blockers.ts';

export interface MergeSequencesDeps {
  readonly images: ImagesService;
  readonly operations: Pick<OperationsService, 'taints'>;
  readonly nodesOf: NodesOf;
  readonly freeSpace?: (path: string) => Promise<FreeSpace | null>;
}

const wishOf = ({ forest, request, plan }: SnapshotMerge): ChainWish =>
  chainWish(
    forest,
    request.operation === 'commit' ? request : { ...request, deleteUnused: false },
    plan,
    null,
  );

/** The restore points of `lost` that show one of these layers. */
const showing = (forest: Forest, lost: ReadonlySet<string>, layers: readonly LayerId[]): string[] => [
  ...new Set(
    forest.snapshots
      .filter(({ snapshotId, imageId }) => lost.has(snapshotId) && layers.includes(imageId))
      .map(({ snapshotId }) => snapshotId),
  ),
];

/** What carries out one merge. A row that names a file which goes must go with it, in the same transaction. */
const runOf = (start: Forest, merge: SnapshotMerge, wish: ChainWish, lost: ReadonlySet<string>) => {
  const { forest, plan } = merge;
  const goes = plan.deletes;
  const named = new Set(showing(start, lost, goes));
  const losesSnapshots = start.snapshots
    .filter(({ snapshotId }) => named.has(snapshotId))
    .map(({ snapshotId: id, name }) => ({ id, name }));
  const { request, journal, locks } = startOfChain(forest, { ...plan, losesSnapshots }, wish, []);
  const run: SnapshotMergeRun =
    merge.request.operation === 'commit'
      ? {
          kind: 'commit',
          request: request as CommitRun,
          ruins: showing(start, lost, [...goes, merge.request.base]),
        }
      : { kind: 'pull', request: request as PullRun };
  return { run, journal, locks };
};

const union = (all: readonly OperationLocks[], more: readonly string[]): OperationLocks => {
  const images = new Set([...all.flatMap((locks) => locks.images), ...more]);
  const reads = new Set(all.flatMap((locks) => locks.reads ?? []));
  return {
    images: [...images],
    reads: [...reads].filter((id) => !images.has(id)),
    vms: [...new Set(all.flatMap((locks) => locks.vms))],
  };
};

/** Several merges one after the other, each planned on what those before it leave, carried out as one operation. */
export const createMergeSequences = ({
  images,
  operations,
  nodesOf,
  freeSpace = freeSpaceAt,
}: MergeSequencesDeps): MergeSequences => {
  /** What the planner cannot know: layers that a commit has half changed, and programs that have a file open. */
  const furtherBlockers = async ({ merges }: DeleteSnapshotsPlan): Promise<Blocker[]> => {
    const taints = operations.taints.list();
    const blockers: Blocker[] = [];
    for (const merge of merges) {
      const wish = wishOf(merge);
      const use = taintUseOf(wish);
      if (use !== null) blockers.push(...taintBlockers(wish.range, use, taints, images));
      blockers.push(...(await lockBlockers(merge.forest, merge.plan)));
    }
    return blockers;
  };

  return {
    world: async (layersOf): Promise<World> => {
      await images.scan();
      const forest = images.forest();
      const layers = layersOf(forest);
      const above = layers.flatMap((id) => overlaysOf(forest, id).map((overlay) => overlay.id));
      const allocation = await allocationOf(images, forest, [...layers, ...above]);
      return { forest: images.forest(), allocation };
    },

    prepare: async (start, sum, request, shown): Promise<PreparedMerges> => {
      const further = await furtherBlockers(sum);
      const plan = { ...sum, blockers: [...sum.blockers, ...further] };
      const lost = new Set(plan.losesSnapshots.map(({ id }) => id));
      const [fingerprint, spaces, nodes] = await Promise.all([
        fingerprintOf(start, plan, request),
        spacesNeeded(growthsOf(start, plan), freeSpace),
        shown ? openNodes(plan, nodesOf) : () => new Map<string, string>(),
      ]);
      const parts = plan.merges.map((merge) => ({ merge, wish: wishOf(merge) }));
      const runs = parts.map(({ merge, wish }) => runOf(start, merge, wish, lost));
      return {
        facts: planFacts(start, plan, { fingerprint, spaces }),
        steps: parts.map(({ merge, wish }) => {
          const [copy = '', link = ''] = planSteps(merge.forest, merge.plan, wish);
          return `${copy}. ${link}`;
        }),
        commands:
          plan.blockers.length > 0
            ? []
            : parts.flatMap(({ merge, wish }) => planCommands(merge.forest, merge.plan, wish, nodes)),
        runs: runs.map(({ run }) => run),
        journals: runs.map(({ journal }) => journal as PreparedMerges['journals'][number]),
        locks: union(
          runs.map(({ locks }) => locks),
          plan.disposals.map(({ layer }) => layer),
        ),
        demandSpace: (useReserve) => demandSpace(start, plan, spaces, useReserve),
      };
    },
  };
};
