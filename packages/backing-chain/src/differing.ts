import { type ExtentList, normalize, union } from './extents.ts';
import { chainIds, type Forest, type LayerId } from './forest.ts';
import type { Allocation } from './plan.ts';
import { visibleMap } from './visible.ts';

/** The layers of each chain that are not in the other: only what these hold can differ. */
export function apart(forest: Forest, one: LayerId, other: LayerId): readonly (readonly LayerId[])[] {
  const chains = [chainIds(forest, one), chainIds(forest, other)] as const;
  const common = chains[0].find((id) => chains[1].includes(id));
  return chains.map((chain) => (common === undefined ? chain : chain.slice(0, chain.indexOf(common))));
}

const sizeOf = (forest: Forest, id: LayerId): number => forest.layers.get(id)?.virtualSize ?? 0;

/**
 * Where two layers may read differently: at most there, for what is written may be what was there before.
 *
 *     one   |A A     |            one and other stand on common: whatever it holds, both show, but where a layer
 *     other |   B    |            above it holds something, or ends before the one above it does
 *     common|CCCCCCCC|
 *              ▓ ▓▓
 */
export function differingExtents(
  forest: Forest,
  allocation: Allocation,
  one: LayerId,
  other: LayerId,
): ExtentList {
  const sides = apart(forest, one, other).map((layers) => {
    const sizes = new Map(layers.map((id) => [id, sizeOf(forest, id)]));
    const seen = visibleMap(layers, allocation, sizes);
    return seen.reduce<ExtentList>((all, { visible, endZeros }) => union(all, union(visible, endZeros)), []);
  });
  const [first, second] = [sizeOf(forest, one), sizeOf(forest, other)];
  const [shorter, longer] = [Math.min(first, second), Math.max(first, second)];
  // A layer may be longer or shorter than the common one that shines through it: there only one of them ends.
  const ends: ExtentList = normalize([[shorter, longer - shorter]]);
  return sides.reduce<ExtentList>((all, side) => union(all, side), ends);
}
