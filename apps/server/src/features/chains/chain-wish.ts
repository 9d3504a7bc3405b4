import {
  type ChainPlan,
  type CompactPlan,
  chainIds,
  type Forest,
  type LayerId,
  type RebasePlan,
} from '@strata/backing-chain';
import type { LayerRequest } from '@strata/contract';
import type { MovePlace } from '../images/images.types.ts';

/** A request with all that the carrying out needs to know of it. */
export type ChainWish =
  | {
      readonly operation: 'commit';
      readonly top: LayerId;
      readonly base: LayerId;
      /** The overlay of `top` through which the layers are opened; null: nothing stands on `top`. */
      readonly above: LayerId | null;
      /** From `top` down to `base`. */
      readonly range: readonly LayerId[];
    }
  | {
      readonly operation: 'pull';
      readonly into: LayerId;
      /** What `into` stands on afterwards. */
      readonly base: LayerId | null;
      /** From `into` down to the last layer that is copied. */
      readonly range: readonly LayerId[];
    }
  | {
      readonly operation: 'delete-up';
      readonly layer: LayerId;
      /** The pulls into its overlays; none: its file just goes to the trash. */
      readonly parts: ReadonlyArray<{ readonly into: LayerId; readonly base: LayerId | null }>;
      readonly range: readonly LayerId[];
    }
  | {
      readonly operation: 'rebase';
      readonly layer: LayerId;
      readonly old: LayerId | null;
      readonly backing: LayerId | null;
      readonly relink: boolean;
      /** Whether the old backing can be read. */
      readonly compared: boolean;
      readonly range: readonly LayerId[];
    }
  | {
      readonly operation: 'compact';
      readonly layer: LayerId;
      readonly backing: LayerId | null;
      readonly method: 'rewrite' | 'punch';
      readonly range: readonly LayerId[];
    }
  | {
      readonly operation: 'move';
      readonly layer: LayerId;
      readonly place: MovePlace;
      readonly range: readonly LayerId[];
    };

const upTo = (chain: readonly LayerId[], last: LayerId): LayerId[] => chain.slice(0, chain.indexOf(last) + 1);

/** A pull by another name: flatten, or a rebase onto a layer of the own chain. */
const pullWish = (forest: Forest, into: LayerId, base: LayerId | null): ChainWish => {
  const chain = chainIds(forest, into);
  const range = base === null ? chain : chain.slice(0, chain.indexOf(base));
  return { operation: 'pull', into, base, range };
};

const commitWish = (forest: Forest, top: LayerId, base: LayerId, plan: ChainPlan): ChainWish => {
  const overlays = plan.relinks.filter(({ to }) => to === base).map(({ layer }) => layer);
  // Of several overlays the one that a running VM holds open: the others are relinked by hand.
  const disk = forest.disks.find(
    ({ vmId, diskId }) => vmId === plan.liveVm?.vmId && diskId === plan.liveVm.diskId,
  );
  const held = disk === undefined ? [] : chainIds(forest, disk.imageId);
  return {
    operation: 'commit',
    top,
    base,
    above: overlays.find((id) => held.includes(id)) ?? overlays[0] ?? null,
    range: upTo(chainIds(forest, top), base),
  };
};

const deleteWish = (forest: Forest, layer: LayerId, plan: ChainPlan): ChainWish => {
  const base = forest.layers.get(layer)?.backingId ?? null;
  if (plan.method === 'commit' && base !== null) return commitWish(forest, layer, base, plan);
  const parts = plan.relinks.map(({ layer: into, to }) => ({ into, base: to }));
  const overlays = parts.map(({ into }) => into);
  return { operation: 'delete-up', layer, parts, range: [...overlays, layer] };
};

const rebaseWish = (forest: Forest, layer: LayerId, backing: LayerId | null, plan: RebasePlan): ChainWish => {
  if (plan.method === 'pull') return pullWish(forest, layer, backing);
  const below = backing === null ? [] : chainIds(forest, backing);
  return {
    operation: 'rebase',
    layer,
    old: forest.layers.get(layer)?.backingId ?? null,
    backing,
    relink: plan.method === 'relink',
    compared: plan.compared,
    range: [...new Set([...chainIds(forest, layer), ...below])],
  };
};

export const chainWish = (
  forest: Forest,
  request: LayerRequest,
  plan: ChainPlan,
  place: MovePlace | null,
): ChainWish => {
  switch (request.operation) {
    case 'commit':
      return commitWish(forest, request.top, request.base, plan);
    case 'pull': {
      const chain = chainIds(forest, request.into);
      const range = request.from === undefined ? [...chain] : upTo(chain, request.from);
      return { operation: 'pull', into: request.into, base: chain[range.length] ?? null, range };
    }
    case 'flatten':
      return pullWish(forest, request.imageId, null);
    case 'delete':
      return deleteWish(forest, request.imageId, plan);
    case 'rebase':
      return rebaseWish(forest, request.imageId, request.backing, plan as RebasePlan);
    case 'compact': {
      const range = chainIds(forest, request.imageId);
      const { method } = plan as CompactPlan;
      return { operation: 'compact', layer: request.imageId, backing: range[1] ?? null, method, range };
    }
    case 'move': {
      if (place === null) throw new Error('a move without a place');
      return { operation: 'move', layer: request.imageId, place, range: [request.imageId] };
    }
  }
};
