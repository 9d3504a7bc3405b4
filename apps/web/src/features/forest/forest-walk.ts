import { type ForestLayout, nodeHeight, nodeWidth, type Place } from './forest-layout.ts';

export type Step = 'backing' | 'overlay' | 'left' | 'right' | 'first' | 'last';

/** What a key does, as in the drawing: down to the backing, up to what stands on it, aside to what is beside it. */
export const stepOfKey: Readonly<Record<string, Step>> = {
  ArrowDown: 'backing',
  ArrowUp: 'overlay',
  ArrowLeft: 'left',
  ArrowRight: 'right',
  Home: 'first',
  End: 'last',
};

/** Where a step leads from a node, or from nowhere; the node itself when there is nothing. */
export function walk(layout: ForestLayout, from: string | null, step: Step): string | null {
  const here = layout.places.get(from ?? '');
  const all = [...layout.places.values()];
  const bases = () => all.filter(({ node }) => node.level === 0);
  if (step === 'first' || here === undefined) return bases()[0]?.node.id ?? null;
  if (step === 'last') return bases().at(-1)?.node.id ?? null;
  if (step === 'backing') return here.node.parentId ?? here.node.id;
  if (step === 'overlay') return here.node.children[0]?.id ?? here.node.id;
  return beside(all, here, step === 'left' ? -1 : 1);
}

/** The next one of the same height in the row; past its end, the base at the near end of the next row. */
function beside(all: readonly Place[], here: Place, direction: -1 | 1): string {
  const { row, node } = here;
  const peers = all
    .filter((place) => place.row === row && place.node.level === node.level)
    .sort((a, b) => a.x - b.x);
  const next = peers[peers.indexOf(here) + direction];
  if (next !== undefined) return next.node.id;
  const bases = all.filter((place) => place.row === row + direction && place.node.level === 0);
  return (direction === 1 ? bases[0] : bases.at(-1))?.node.id ?? node.id;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export const boxOf = ({ x, y }: Place): Box => ({ x, y, width: nodeWidth, height: nodeHeight });

export function placeAt(layout: ForestLayout, x: number, y: number): Place | undefined {
  for (const place of layout.places.values())
    if (x >= place.x && x <= place.x + nodeWidth && y >= place.y && y <= place.y + nodeHeight) return place;
  return undefined;
}

/**
 * How far the picture moved where the eye is, from one layout to the next: at `current` when it is in `view`,
 * else at the node nearest to the middle of the view that is still there.
 */
export function drift(
  before: ForestLayout,
  after: ForestLayout,
  view: Box,
  current: string | null,
): { readonly x: number; readonly y: number } {
  const middle = { x: view.x + view.width / 2, y: view.y + view.height / 2 };
  let anchor: Place | undefined;
  let nearest = Number.POSITIVE_INFINITY;
  for (const [id, place] of before.places) {
    if (!after.places.has(id)) continue;
    const far = Math.hypot(place.x + nodeWidth / 2 - middle.x, place.y + nodeHeight / 2 - middle.y);
    const distance = id === current && touches(boxOf(place), view) ? -1 : far;
    if (distance < nearest) {
      nearest = distance;
      anchor = place;
    }
  }
  const moved = after.places.get(anchor?.node.id ?? '');
  if (anchor === undefined || moved === undefined) return { x: 0, y: 0 };
  return { x: moved.x - anchor.x, y: moved.y - anchor.y };
}

export const touches = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
