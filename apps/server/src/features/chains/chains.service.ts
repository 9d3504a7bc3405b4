import { dirname } from 'node:path';
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
import type { ChainRequest, ErrorCode, Plan } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { ImageMoves, ImagesService, MovePlace } from '../images/images.types.ts';
import type { CommitJournal, CommitRun } from '../operations/executors/commit.ts';
import type { OperationsService, StartOperation } from '../operations/operations.types.ts';
import { byteWords } from './byte-words.ts';
import { type ChainWish, chainWish } from './chain-wish.ts';
import type { ChainsService } from './chains.types.ts';
import { fingerprintOf } from './fingerprint.ts';
import { growthsOf, spendableSpace, tightestSpace } from './free-space.ts';
import { lockBlockers } from './lock-blockers.ts';
import { planView } from './plan-view.ts';
import { startOfChain } from './start-chain.ts';
import { taintBlockers, taintUseOf } from './taint-blockers.ts';

interface Planned {
  readonly forest: Forest;
  readonly plan: ChainPlan;
  readonly wish: ChainWish;
  readonly view: Plan;
}

export interface ChainsDeps {
  readonly images: ImagesService;
  readonly operations: OperationsService;
  readonly moves: ImageMoves;
  /** Bytes that may be used on the file system of a file; null when unknown. */
  readonly freeSpace?: (path: string) => Promise<number | null>;
}

const refusalError = ({ code, message }: Refusal): AppError => {
  const codes: Partial<Record<Refusal['code'], ErrorCode>> = {
    'unknown-layer': 'not-found',
    'broken-chain': 'image-unreadable',
  };
  return new AppError(codes[code] ?? 'not-possible', message);
};

/** Whose chains are read, and priced by what is stored in them. */
const topsOf = (forest: Forest, request: ChainRequest): string[] => {
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
  request: ChainRequest,
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

/** Plans are computed from the headers as they are at this moment, never from what the database remembers. */
export const createChainsService = ({
  images,
  operations,
  moves,
  freeSpace = spendableSpace,
}: ChainsDeps): ChainsService => {
  const allocationBelow = async (forest: Forest, tops: readonly string[]): Promise<Allocation> => {
    const allocation = new Map<string, Awaited<ReturnType<ImagesService['allocation']>>>();
    for (const layer of new Set(tops.flatMap((id) => chainIds(forest, id))))
      if (forest.layers.get(layer)?.present === true) allocation.set(layer, await images.allocation(layer));
    return allocation;
  };

  const compute = async (request: ChainRequest): Promise<Planned> => {
    await images.scan();
    const before = images.forest();
    const place = request.operation === 'move' ? await moves.placeOf(request.imageId, request.folder) : null;
    const allocation = await allocationBelow(before, topsOf(before, request));
    const usage = request.operation === 'compact' ? await images.usage(request.imageId) : null;
    const forest = images.forest();
    const answer = planOf(forest, { allocation, usage, place }, request);
    if (isRefusal(answer)) throw refusalError(answer);
    const wish = chainWish(forest, request, answer, place);
    const use = taintUseOf(wish);
    const tainted = use === null ? [] : taintBlockers(wish.range, use, operations.taints.list(), images);
    const locked = await lockBlockers(forest, answer);
    const plan: ChainPlan = { ...answer, blockers: [...answer.blockers, ...tainted, ...locked] };
    const [fingerprint, space] = await Promise.all([
      fingerprintOf(forest, plan, request),
      tightestSpace(growthsOf(forest, plan), freeSpace),
    ]);
    return { forest, plan, wish, view: planView(forest, plan, wish, { fingerprint, ...space }) };
  };

  const demandSpace = ({ plan, view, forest }: Planned): void => {
    if (view.freeSpace === null || view.freeSpaceNeeded <= view.freeSpace) return;
    const name = forest.layers.get(plan.grows.layer)?.name ?? '';
    if (plan.relocates !== undefined)
      throw new AppError(
        'disk-full',
        `“${name}” may take ${byteWords(view.freeSpaceNeeded)} in ${dirname(plan.relocates.to)}, but only ${byteWords(view.freeSpace)} of that file system can be used (a reserve is kept). Free some space first, or choose another folder.`,
      );
    throw new AppError(
      'disk-full',
      `“${name}” may grow by ${byteWords(view.freeSpaceNeeded)}, but only ${byteWords(view.freeSpace)} of its file system can be used (a reserve is kept). Free some space first.`,
    );
  };

  return {
    plan: async (request) => (await compute(request)).view,
    run: async (request, fingerprint) => {
      const planned = await compute(request);
      const { forest, plan, wish, view } = planned;
      if (view.fingerprint !== fingerprint)
        throw new AppError(
          'plan-stale',
          'Layers, snapshots or VMs have changed since this plan was made. Look at the new plan.',
        );
      if (view.blockers.length > 0)
        throw new AppError('plan-blocked', view.blockers.map(({ message }) => message).join(' '), {
          blockers: view.blockers,
        });
      demandSpace(planned);
      if (wish.operation === 'move' && plan.liveVm === null)
        return moves.offline(wish.layer, wish.place.target.folder);
      const start = startOfChain(forest, plan, wish, view.steps);
      // Each kind finds its own executor; the service itself does not look into request and journal.
      return operations.start(start as StartOperation<CommitRun, CommitJournal>);
    },
  };
};
