import { type ChainPlan, chainIds, type Forest, type LayerId } from '@strata/backing-chain';
import type { ChainRequest } from '@strata/contract';

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
    };

const upTo = (chain: readonly LayerId[], last: LayerId): LayerId[] => chain.slice(0, chain.indexOf(last) + 1);

export const chainWish = (forest: Forest, request: ChainRequest, plan: ChainPlan): ChainWish => {
  if (request.operation === 'pull') {
    const chain = chainIds(forest, request.into);
    const range = request.from === undefined ? [...chain] : upTo(chain, request.from);
    return {
      operation: 'pull',
      into: request.into,
      base: chain[range.length] ?? null,
      range,
    };
  }
  const overlays = plan.relinks.filter(({ to }) => to === request.base).map(({ layer }) => layer);
  // Of several overlays the one that a running VM holds open: the others are relinked by hand.
  const disk = forest.disks.find(
    ({ vmId, diskId }) => vmId === plan.liveVm?.vmId && diskId === plan.liveVm.diskId,
  );
  const held = disk === undefined ? [] : chainIds(forest, disk.imageId);
  return {
    operation: 'commit',
    top: request.top,
    base: request.base,
    above: overlays.find((id) => held.includes(id)) ?? overlays[0] ?? null,
    range: upTo(chainIds(forest, request.top), request.base),
  };
};
