import type { ExtentList } from '@strata/backing-chain';

/** A run of pixel columns of a strip. Whole device pixels, so that edges are crisp at any density. */
export interface Bar {
  readonly x: number;
  readonly width: number;
}
export interface OwnedBar extends Bar {
  /** Index of the layer, top first, that provides most of these bytes. */
  readonly layer: number;
}

/** Extents to pixels. However small, data never disappears: an extent takes one pixel at least. */
export function stripBars(extents: ExtentList, virtualSize: number, width: number): Bar[] {
  if (virtualSize <= 0 || width <= 0) return [];
  const scale = width / virtualSize;
  const bars: { x: number; width: number }[] = [];
  for (const [start, length] of extents) {
    const x = Math.min(Math.floor(start * scale), width - 1);
    const end = Math.min(Math.max(Math.round((start + length) * scale), x + 1), width);
    const last = bars.at(-1);
    if (last !== undefined && x <= last.x + last.width) last.width = Math.max(last.width, end - last.x);
    else bars.push({ x, width: end - x });
  }
  return bars;
}

/**
 * What the guest sees: for each pixel column the layer that provides most of it. Counting bytes (instead of
 * painting layer over layer) keeps one stray cluster from colouring a column that is another layer's.
 */
export function guestBars(layers: readonly ExtentList[], virtualSize: number, width: number): OwnedBar[] {
  if (virtualSize <= 0 || width <= 0) return [];
  const most = new Float64Array(width);
  const owner = new Int32Array(width).fill(-1);
  layers.forEach((extents, layer) => {
    const share = new Float64Array(width);
    for (const extent of extents) addShares(share, extent, virtualSize / width);
    for (let x = 0; x < width; x += 1) {
      const bytes = share[x] ?? 0;
      if (bytes > (most[x] ?? 0)) {
        most[x] = bytes;
        owner[x] = layer;
      }
    }
  });
  return joinOwners(owner);
}

function addShares(share: Float64Array, [start, length]: readonly [number, number], bytesPerPixel: number) {
  const end = start + length;
  const last = Math.min(Math.ceil(end / bytesPerPixel), share.length);
  for (let x = Math.max(0, Math.floor(start / bytesPerPixel)); x < last; x += 1) {
    const from = Math.max(start, x * bytesPerPixel);
    const to = Math.min(end, (x + 1) * bytesPerPixel);
    share[x] = (share[x] ?? 0) + Math.max(0, to - from);
  }
}

function joinOwners(owner: Int32Array): OwnedBar[] {
  const bars: { x: number; width: number; layer: number }[] = [];
  owner.forEach((layer, x) => {
    if (layer < 0) return;
    const last = bars.at(-1);
    if (last !== undefined && last.layer === layer && last.x + last.width === x) last.width += 1;
    else bars.push({ x, width: 1, layer });
  });
  return bars;
}

/** The extent that overlaps `[from, to)`, the first of them; found by halving, because there may be 20,000. */
export function extentWithin(
  extents: ExtentList,
  from: number,
  to: number,
): readonly [number, number] | undefined {
  let low = 0;
  let high = extents.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const extent = extents[middle];
    if (extent !== undefined && extent[0] + extent[1] <= from) low = middle + 1;
    else high = middle;
  }
  const found = extents[low];
  return found !== undefined && found[0] < to ? found : undefined;
}

const steps = [1, 2, 4, 5, 8, 10, 16, 20, 25, 32, 50, 64, 100, 128, 200, 250, 256, 500, 512];

/** Round places of the ruler, from 0 to the end of the disk, at most `most` of them besides the end. */
export function rulerTicks(virtualSize: number, most = 4): number[] {
  if (virtualSize <= 0) return [0];
  for (let unit = 512; ; unit *= unit === 512 ? 2 : 1024) {
    for (const step of steps) {
      if (virtualSize / (step * unit) > most) continue;
      const ticks: number[] = [];
      // A tick too near to the end would print over the end's own label.
      for (let at = 0; at < virtualSize - step * unit * 0.5; at += step * unit) ticks.push(at);
      return [...ticks, virtualSize];
    }
  }
}
