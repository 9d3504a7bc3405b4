import { clip, type ExtentList, intersect, subtract, totalLength, upTo } from './extents.ts';
import type { LayerId } from './forest.ts';
import type { Allocation } from './plan.ts';

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

/**
 * Who provides what to a reader of the top layer. `chain` is top first; `virtualSizes` in bytes. Linear in the
 * extents of each layer and of what is still open above it.
 *
 *     top    |  AA      |          top: AA
 *     middle |BBB |                middle: B visible, B under A shadowed, zeros from its end to top's end
 *     base   |C  CCCCCCC|          base: only what middle and top leave open, and not beyond middle's end
 */
export function visibleMap(
  chain: readonly LayerId[],
  allocation: Allocation,
  virtualSizes: ReadonlyMap<LayerId, number>,
): readonly VisibleLayer[] {
  const [top] = chain;
  let open = upTo(top === undefined ? 0 : (virtualSizes.get(top) ?? 0));
  return chain.map((layer) => {
    const size = virtualSizes.get(layer) ?? 0;
    const own = clip(allocation.get(layer) ?? [], 0, size);
    const visible = intersect(own, open);
    const endZeros = subtract(open, upTo(size));
    open = subtract(clip(open, 0, size), visible);
    return {
      layer,
      visible,
      shadowed: subtract(own, visible),
      endZeros,
      allocatedBytes: totalLength(own),
      visibleBytes: totalLength(visible),
    };
  });
}
