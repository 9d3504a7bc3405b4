import type { ExtentList } from '@strata/backing-chain';
import type { DiskRange } from './zoom.ts';

/** A run of pixel columns of a strip. Whole device pixels, so that edges are crisp at any density. */
export interface Bar {
  readonly x: number;
  readonly width: number;
}
export interface OwnedBar extends Bar {
  /** Index of the layer, top first, that provides most of these bytes. */
  readonly layer: number;
}
export interface ShadedBar extends Bar {
  /** How much of these bytes is held, in quarters from 1 to 4. */
  readonly quarters: number;
}
/** Extents, and how much of each is really held where several pieces are told as one. */
export interface HeldExtents {
  readonly extents: ExtentList;
  readonly held: readonly number[] | undefined;
}

/** Extents to pixels. However small, data never disappears: an extent takes one pixel at least. */
export function stripBars(extents: ExtentList, range: DiskRange, width: number): Bar[] {
  if (range.length <= 0 || width <= 0) return [];
  const scale = width / range.length;
  const bars: { x: number; width: number }[] = [];
  for (const [from, length] of extents) {
    const start = from - range.start;
    if (start + length <= 0 || start >= range.length) continue;
    const x = Math.max(0, Math.min(Math.floor(start * scale), width - 1));
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
export function guestBars(layers: readonly HeldExtents[], range: DiskRange, width: number): OwnedBar[] {
  if (range.length <= 0 || width <= 0) return [];
  const most = new Float64Array(width);
  const owner = new Int32Array(width).fill(-1);
  layers.forEach((layerHeld, layer) => {
    const share = sharesOf(layerHeld, range, width);
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

/**
 * For what is told coarsely: pixel columns, paler where little of them is held. A column is never empty that has
 * anything.
 */
export function shadedBars(layer: HeldExtents, range: DiskRange, width: number): ShadedBar[] {
  if (range.length <= 0 || width <= 0) return [];
  const share = sharesOf(layer, range, width);
  const bars: { x: number; width: number; quarters: number }[] = [];
  for (const { x, width: wide } of stripBars(layer.extents, range, width))
    for (let at = x; at < x + wide; at += 1) {
      const quarters = Math.min(
        4,
        Math.max(1, Math.ceil(((share[at] ?? 0) / (range.length / width)) * 4 - 0.01)),
      );
      const last = bars.at(-1);
      if (last !== undefined && last.quarters === quarters && last.x + last.width === at) last.width += 1;
      else bars.push({ x: at, width: 1, quarters });
    }
  return bars;
}

/** Bytes held in each pixel column. */
function sharesOf({ extents, held }: HeldExtents, range: DiskRange, width: number): Float64Array {
  const share = new Float64Array(width);
  extents.forEach(([start, length], index) => {
    const density = held === undefined ? 1 : (held[index] ?? length) / length;
    addShares(share, [start - range.start, length], range.length / width, density);
  });
  return share;
}

function addShares(
  share: Float64Array,
  [start, length]: readonly [number, number],
  bytesPerPixel: number,
  density: number,
) {
  const end = start + length;
  const last = Math.min(Math.ceil(end / bytesPerPixel), share.length);
  for (let x = Math.max(0, Math.floor(start / bytesPerPixel)); x < last; x += 1) {
    const from = Math.max(start, x * bytesPerPixel);
    const to = Math.min(end, (x + 1) * bytesPerPixel);
    share[x] = (share[x] ?? 0) + Math.max(0, to - from) * density;
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

/** The place in the list of the first extent that overlaps `[from, to)`, -1 for none; found by halving. */
export function indexWithin(extents: ExtentList, from: number, to: number): number {
  let low = 0;
  let high = extents.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const extent = extents[middle];
    if (extent !== undefined && extent[0] + extent[1] <= from) low = middle + 1;
    else high = middle;
  }
  const found = extents[low];
  return found !== undefined && found[0] < to ? low : -1;
}

const steps = [1, 2, 4, 5, 8, 10, 16, 20, 25, 32, 50, 64, 100, 128, 200, 250, 256, 500, 512];

/** Round places of the ruler from its first to its last byte, at most `most` of them between these two. */
export function rulerTicks({ start, length }: DiskRange, most = 4): number[] {
  if (length <= 0) return [0];
  for (let unit = 512; ; unit *= unit === 512 ? 2 : 1024) {
    for (const step of steps) {
      const apart = step * unit;
      if (length / apart > most) continue;
      const ticks: number[] = [];
      // A tick too near to one of the ends would print over its label.
      const first = Math.ceil((start + apart * 0.35) / apart) * apart;
      for (let at = first; at < start + length - apart * 0.35; at += apart) ticks.push(at);
      return [start, ...ticks, start + length];
    }
  }
}
