import type { ReactFlowState, Transform } from '@xyflow/react';
import type { Box } from './forest-walk.ts';

/** Below this zoom the names could not be read: blocks on the canvas stand for the nodes. */
export const detailZoom = 0.36;
/** The part of the drawing whose nodes exist as elements grows and moves in steps of this. */
const tile = 480;

export const viewOf = ([x, y, zoom]: Transform, width: number, height: number): Box => ({
  x: -x / zoom,
  y: -y / zoom,
  width: width / zoom,
  height: height / zoom,
});

/** The tiles in view as text, so that it is equal as long as they are; `far` when no node is to be drawn. */
export function tilesInView({ transform, width, height }: ReactFlowState): string {
  if (transform[2] < detailZoom) return 'far';
  const view = viewOf(transform, width, height);
  return [
    Math.floor(view.x / tile),
    Math.floor(view.y / tile),
    Math.ceil((view.x + view.width) / tile),
    Math.ceil((view.y + view.height) / tile),
  ].join(' ');
}

/** What {@link tilesInView} said as a part of the drawing; null from afar. */
export function boxOfTiles(tiles: string): Box | null {
  if (tiles === 'far') return null;
  const [left = 0, top = 0, right = 0, bottom = 0] = tiles.split(' ').map((text) => Number(text) * tile);
  return { x: left, y: top, width: right - left, height: bottom - top };
}
