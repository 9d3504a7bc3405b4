import {
  type Allocation,
  type ChainPlan,
  type CompactUsage,
  chainIds,
  type Forest,
  isRefusal,
  overlaysOf,
  planCommit,
  planCompact,
  planDelete,
  planFlatten,
  planMove,
  planPull,
  planRebase,
  type Refusal,
} from '@strata/backing-chain';
import type { ErrorCode, LayerRequest, Plan } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { FreeSpace } from '../../space-reserve.ts';
import type { ImageMoves, ImagesService, MovePlace } from '../images/images.types.ts';
import type { CommitJournal, CommitRun } from '../operations/executors/commit.ts';
import type { OperationsService, StartOperation } from '../operations/operations.types.ts';
import { allocationOf } from './allocation-of.ts';
import { type ChainWish, chainWish } from './chain-wish.ts';
import type { ChainsService, Promotions } from './chains.types.ts';
import { demandSpace } from './demand-space.ts';
import { fingerprintOf } from './fingerprint.ts';
import { freeSpaceAt, growthsOf, type SpaceNeeded, spacesNeeded } from './free-space.ts';
import { lockBlockers } from './lock-blockers.ts';
import { type NodesOf, openNodes } from './open-nodes.ts';
import { planView } from './plan-view.ts';
import { startOfChain } from './start-chain.ts';
import { taintBlockers, taintUseOf } from './taint-blockers.ts';

interface Planned {
  readonly lookedAt: number;
  readonly forest: Forest;
  readonly plan: ChainPlan;
  readonly wish: ChainWish;
  readonly view: Plan;
  readonly spaces: readonly SpaceNeeded[];
  /** What the operations service would write down. */
  readonly start: ReturnType<typeof startOfChain>;
}

export interface ChainsDeps {
  readonly images: ImagesService;
  readonly operations: OperationsService;
  readonly moves: ImageMoves;
  readonly promotions: Promotions;
  /** The node-names that the QEMU of a running VM has for the layers of a disk. Without it commands name the layers. */
  readonly nodesOf?: NodesOf;
  readonly freeSpace?: (path: string) => Promise<FreeSpace | null>;
}

const refusalError = ({ code, message }: Refusal): AppError => {
  const codes: Partial<Record<Refusal['code'], ErrorCode>> = {
    'unknown-layer': 'not-found',
    'broken-chain': 'image-unreadable',
  };
  return new AppError(codes[code] ?? 'not-possible', message);
};

/** Whose chains are read, and priced by what is stored in them. */
const topsOf = (forest: Forest, request: LayerRequest): string[] => {
  switch (request.operation) {
    case 'commit':
      return [request.top];
    case 'pull':
      return [request.into];
    case 'flatten':
    case 'compact':
    case 'move':
      return [request.imageId];
    case 'delete':
      return [request.imageId, ...overlaysOf(forest, request.imageId).map((overlay) => overlay.id)];
    case 'rebase':
      return request.backing === null ? [request.imageId] : [request.imageId, request.backing];
  }
};

/**
 * What a plan is priced by: what the layers hold; of one that is compacted also how much of that is zeros; of one that
 * moves the place where it would lie.
 */
interface Measured {
  readonly allocation: Allocation;
  readonly usage: CompactUsage | null;
  readonly place: MovePlace | null;
}

const planOf = (
  forest: Forest,
  { allocation, usage, place }: Measured,
  request: LayerRequest,
): ChainPlan | Refusal => {
  switch (request.operation) {
    case 'commit':
      return planCommit(forest, allocation, request);
    case 'pull':
      return planPull(forest, allocation, request);
    case 'flatten':
      return planFlatten(forest, allocation, request.imageId);
    case 'delete':
      return planDelete(forest, allocation, { layer: request.imageId, mode: request.mode });
    case 'rebase':
      return planRebase(forest, allocation, { ...request, layer: request.imageId });
    case 'compact':
      if (usage === null) throw new Error('a layer that is compacted is measured first');
      return planCompact(forest, usage, { layer: request.imageId });
    case 'move':
      if (place === null) throw new Error('a move without a place');
      return planMove(forest, allocation, { ...place, layer: request.imageId });
  }
};

/** Nothing is copied, so that there is nothing to cancel: a file goes to the trash, or gets another name. */
const isAtOnce = ({ method, operation, liveVm }: ChainPlan): boolean =>
  method === 'trash' || (operation === 'move' && liveVm === null);

/** Plans are computed from the headers as they are at this moment, never from what the database remembers. */
export const createChainsService = ({
  images,
  operations,
  moves,
  promotions,
  nodesOf = () => Promise.resolve(new Map()),
  freeSpace = freeSpaceAt,
}: ChainsDeps): ChainsService => {
  const compute = async (request: LayerRequest, shown: boolean): Promise<Planned> => {
    const lookedAt = operations.look();
    await images.scan();
    const before = images.forest();
    const place = request.operation === 'move' ? await moves.placeOf(request.imageId, request.folder) : null;
    const below = topsOf(before, request).flatMap((id) => chainIds(before, id));
    const allocation = await allocationOf(images, before, below);
    const usage = request.operation === 'compact' ? await images.usage(request.imageId) : null;
    const forest = images.forest();
    const answer = planOf(forest, { allocation, usage, place }, request);
    if (isRefusal(answer)) throw refusalError(answer);
    const wish = chainWish(forest, request, answer, place);
    const use = taintUseOf(wish);
    const tainted = use === null ? [] : taintBlockers(wish.range, use, operations.taints.list(), images);
    const locked = await lockBlockers(forest, answer);
    const plan: ChainPlan = { ...answer, blockers: [...answer.blockers, ...tainted, ...locked] };
    const [fingerprint, spaces, nodes] = await Promise.all([
      fingerprintOf(forest, plan, request),
      spacesNeeded(growthsOf(forest, plan), freeSpace),
      // Only the commands need them, which are there to be read.
      shown ? openNodes(plan, nodesOf) : () => new Map<string, string>(),
    ]);
    const view = planView(forest, plan, wish, { fingerprint, spaces, nodes });
    const start = startOfChain(forest, plan, wish, view.steps);
    const { cancelNote } = start;
    return {
      ...{ lookedAt, forest, plan, wish, spaces, start },
      view: cancelNote === null || isAtOnce(plan) ? view : { ...view, cancelNote },
    };
  };

  return {
    plan: async (request) =>
      request.operation === 'promote' ? promotions.plan(request) : (await compute(request, true)).view,
    run: async (request, fingerprint, { useReserve = false } = {}) => {
      if (request.operation === 'promote') return promotions.run(request, fingerprint);
      const planned = await compute(request, false);
      const { plan, wish, start, view } = planned;
      if (view.fingerprint !== fingerprint)
        throw new AppError(
          'plan-stale',
          'Layers, snapshots or VMs have changed since this plan was made. Look at the new plan.',
        );
      if (view.blockers.length > 0)
        throw new AppError('plan-blocked', view.blockers.map(({ message }) => message).join(' '), {
          blockers: view.blockers,
        });
      demandSpace(planned.forest, plan, planned.spaces, useReserve);
      if (wish.operation === 'move' && plan.liveVm === null)
        return moves.offline(wish.layer, wish.place.target.folder, useReserve);
      // Each kind finds its own executor; the service itself does not look into request and journal.
      return operations.start({
        ...(start as StartOperation<CommitRun, CommitJournal>),
        lookedAt: planned.lookedAt,
      });
    },
  };
};
