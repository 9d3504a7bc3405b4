import { clip, type ExtentList, union } from '../extents.ts';
import type { Layer, LayerId } from '../forest.ts';
import type { Allocation } from '../plan.ts';
import { visibleMap } from '../visible.ts';

/** What one layer gives to a block job. */
export interface MovedPart {
  readonly from: LayerId;
  readonly extents: ExtentList;
}

const seen = (chain: readonly Layer[], allocation: Allocation) => {
  const sizes = new Map(chain.map((layer) => [layer.id, layer.virtualSize]));
  return visibleMap([...sizes.keys()], allocation, sizes);
};

/** What QEMU's commit copies of the layers it merges, top first: all that is allocated in them, and the zeros at ends. */
export const committedParts = (merged: readonly Layer[], allocation: Allocation): readonly MovedPart[] =>
  seen(merged, allocation).map(({ layer, visible, endZeros }) => ({
    from: layer,
    extents: union(visible, endZeros),
  }));

/**
 * What QEMU's stream copies of the layers it passes, top first. Behind the end of the direct backing it copies nothing
 * (see sizeBlockers of the pull).
 */
export const pulledParts = (
  into: Layer,
  passed: readonly Layer[],
  allocation: Allocation,
): readonly MovedPart[] =>
  seen([into, ...passed], allocation)
    .slice(1)
    .map(({ layer, visible, endZeros }) => ({
      from: layer,
      extents: clip(union(visible, endZeros), 0, Math.min(passed[0]?.virtualSize ?? 0, into.virtualSize)),
    }));

export const allOf = (parts: readonly MovedPart[]): ExtentList =>
  parts.reduce<ExtentList>((all, { extents }) => union(all, extents), []);
