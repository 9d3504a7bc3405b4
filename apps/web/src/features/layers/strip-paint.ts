import type { ImageMap } from '@strata/contract';
import { type Bar, guestBars, type HeldExtents, shadedBars, stripBars } from './strip-geometry.ts';
import type { DiskRange } from './zoom.ts';

export type Paint = (context: CanvasRenderingContext2D, width: number, height: number, ratio: number) => void;

type LayerMap = ImageMap['layers'][number];

/** One layer's strip: hatched what is hidden, over it solid what the guest sees of it. */
export function paintLayer(layer: LayerMap, range: DiskRange, colour: string): Paint {
  return (context, width, height, ratio) => {
    context.fillStyle = hatching(context, colour, ratio);
    for (const bar of stripBars(layer.shadowed, range, width)) context.fillRect(bar.x, 0, bar.width, height);
    context.fillStyle = colour;
    for (const bar of solidBars(layer, range, width)) {
      // A solid bar wipes the hatching under it, or joined pixels would show both.
      context.clearRect(bar.x, 0, bar.width, height);
      context.globalAlpha = bar.opacity;
      context.fillRect(bar.x, 0, bar.width, height);
    }
    context.globalAlpha = 1;
  };
}

/** Pieces told one by one are solid; of those told as one, the more is held of a column the stronger its colour. */
function solidBars(layer: LayerMap, range: DiskRange, width: number): (Bar & { opacity: number })[] {
  if (layer.visibleHeld === undefined)
    return stripBars(layer.visible, range, width).map((bar) => ({ ...bar, opacity: 1 }));
  return shadedBars(visibleOf(layer), range, width).map((bar) => ({
    ...bar,
    opacity: 0.4 + bar.quarters * 0.15,
  }));
}

const visibleOf = (layer: LayerMap): HeldExtents => ({ extents: layer.visible, held: layer.visibleHeld });

/** The sum line: each column in the colour of the layer that provides it. */
export function paintGuest(map: ImageMap, range: DiskRange, colours: readonly string[]): Paint {
  return (context, width, height) => {
    for (const bar of guestBars(map.layers.map(visibleOf), range, width)) {
      context.fillStyle = colours[bar.layer] ?? '#888888';
      context.fillRect(bar.x, 0, bar.width, height);
    }
  };
}

const tiles = new Map<string, HTMLCanvasElement>();

function hatching(context: CanvasRenderingContext2D, colour: string, ratio: number): CanvasPattern | string {
  const size = Math.max(4, Math.round(6 * ratio));
  const key = `${colour} ${size}`;
  const tile = tiles.get(key) ?? drawTile(colour, size, ratio);
  tiles.set(key, tile);
  return context.createPattern(tile, 'repeat') ?? colour;
}

/** A diagonal that meets itself at the tile's edges. */
function drawTile(colour: string, size: number, ratio: number): HTMLCanvasElement {
  const tile = document.createElement('canvas');
  tile.width = size;
  tile.height = size;
  const context = tile.getContext('2d');
  if (context === null) return tile;
  context.globalAlpha = 0.16;
  context.fillStyle = colour;
  context.fillRect(0, 0, size, size);
  context.globalAlpha = 0.9;
  context.strokeStyle = colour;
  context.lineWidth = Math.max(1, ratio);
  context.beginPath();
  for (const shift of [-size, 0, size]) {
    context.moveTo(shift - 1, size + 1);
    context.lineTo(shift + size + 1, -1);
  }
  context.stroke();
  return tile;
}
