import type { ImageMap } from '@strata/contract';
import { guestBars, stripBars } from './strip-geometry.ts';

export type Paint = (context: CanvasRenderingContext2D, width: number, height: number, ratio: number) => void;

type LayerMap = ImageMap['layers'][number];

/** One layer's strip: hatched what is hidden, over it solid what the guest sees of it. */
export function paintLayer(layer: LayerMap, virtualSize: number, colour: string): Paint {
  return (context, width, height, ratio) => {
    context.fillStyle = hatching(context, colour, ratio);
    for (const bar of stripBars(layer.shadowed, virtualSize, width))
      context.fillRect(bar.x, 0, bar.width, height);
    for (const bar of stripBars(layer.visible, virtualSize, width)) {
      // A solid bar wipes the hatching under it, or joined pixels would show both.
      context.clearRect(bar.x, 0, bar.width, height);
      context.fillStyle = colour;
      context.fillRect(bar.x, 0, bar.width, height);
    }
  };
}

/** The sum line: each column in the colour of the layer that provides it. */
export function paintGuest(map: ImageMap, colours: readonly string[]): Paint {
  return (context, width, height) => {
    const layers = map.layers.map((layer) => layer.visible);
    for (const bar of guestBars(layers, map.virtualSize, width)) {
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
