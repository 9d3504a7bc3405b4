import type { ExtentList } from './extents.ts';
import type { LayerId } from './forest.ts';
import type { Allocation } from './plan.ts';
import { extentsOf, lengthOf, type Ranges, rangesOf, split, within } from './ranges.ts';

export interface VisibleLayer {
  readonly layer: LayerId;
  /** What this layer provides to a reader of the top. */
  readonly visible: ExtentList;
  /** What it holds, but a layer above hides: by data of its own, or because a layer above ends earlier. */
  readonly shadowed: ExtentList;
  /**
   * What a reader of the top sees as zeros because this layer ends before the one above it: everything below
   * is hidden there. QEMU counts it as allocated in this layer (block/io.c, bdrv_co_common_block_status_above:
   * "any zeroes that we synthesize beyond EOF behave as if they were allocated at this layer"), so a block job
   * copies it like data.
   */
  readonly endZeros: ExtentList;
  /** Bytes of virtual disk the layer holds data of its own for. */
  readonly allocatedBytes: number;
  readonly visibleBytes: number;
}

/** What a layer holds, and where it ends. */
export interface HeldLayer {
  readonly own: Ranges;
  readonly size: number;
}

export interface SeenLayer {
  readonly visible: Ranges;
  readonly shadowed: Ranges;
  readonly endZeros: Ranges;
}

/**
 * Who provides what to a reader of [start, end) of the top layer; `chain` is top first. Linear in what the layers
 * hold there and in what is still open above them.
 *
 *     top    |  AA      |          top: AA
 *     middle |BBB |                middle: B visible, B under A shadowed, zeros from its end to top's end
 *     base   |C  CCCCCCC|          base: only what middle and top leave open, and not beyond middle's end
 */
export function seenThrough(chain: readonly HeldLayer[], start: number, end: number): SeenLayer[] {
  let open: Ranges = rangesOf([[start, Math.min(end, chain[0]?.size ?? 0) - start]]);
  return chain.map(({ own, size }) => {
    const { shared: visible, rest: shadowed } = split(within(own, start, Math.min(end, size)), open);
    const endZeros = within(open, Math.max(start, size), end);
    open = split(within(open, start, Math.min(end, size)), visible).rest;
    return { visible, shadowed, endZeros };
  });
}

/** {@link seenThrough} of a whole disk, as extents. `virtualSizes` in bytes. */
export function visibleMap(
  chain: readonly LayerId[],
  allocation: Allocation,
  virtualSizes: ReadonlyMap<LayerId, number>,
): readonly VisibleLayer[] {
  const held = chain.map((layer) => ({
    own: rangesOf(allocation.get(layer) ?? []),
    size: virtualSizes.get(layer) ?? 0,
  }));
  const end = Math.max(0, ...held.map(({ size }) => size));
  return seenThrough(held, 0, end).map(({ visible, shadowed, endZeros }, index) => ({
    layer: chain[index] ?? '',
    visible: extentsOf(visible),
    shadowed: extentsOf(shadowed),
    endZeros: extentsOf(endZeros),
    allocatedBytes: lengthOf(visible) + lengthOf(shadowed),
    visibleBytes: lengthOf(visible),
  }));
}
