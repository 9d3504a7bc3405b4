import { getViewportForBounds, type Viewport } from '@xyflow/react';
import { type ForestLayout, nodeWidth } from './forest-layout.ts';
import { detailZoom } from './forest-window.ts';

export const minZoom = 0.01;
const firstZoom = 0.75;
const margin = 64;

export function viewportOfAll(layout: ForestLayout, width: number, height: number): Viewport {
  const bounds = { x: 0, y: 0, width: layout.width, height: layout.height };
  return getViewportForBounds(bounds, width, height, minZoom, 1, 0.06);
}

/**
 * Everything when it can be read, else the first trees: the first ground at the lower edge, since bases are where to begin
 * reading, and the first base in view, which in the middle of a wide tree can be beyond the edge of a narrow window.
 */
export function firstLook(layout: ForestLayout, width: number, height: number): Viewport {
  const all = viewportOfAll(layout, width, height);
  const base = [...layout.places.values()].find(({ node, row }) => node.level === 0 && row === 0);
  if (all.zoom >= detailZoom || base === undefined) return all;
  const ground = ((layout.grounds[0]?.y ?? 0) + 24) * firstZoom;
  const isInView = margin + (base.x + nodeWidth) * firstZoom <= width;
  return {
    x: isInView ? margin : width / 2 - (base.x + nodeWidth / 2) * firstZoom,
    y: Math.min(16, height - ground),
    zoom: firstZoom,
  };
}
