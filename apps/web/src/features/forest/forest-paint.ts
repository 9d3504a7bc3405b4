import { words } from '../../lib/words.ts';
import { colourOf, type LayerColours } from '../layers/layer-colours.ts';
import {
  betweenRows,
  type ForestLayout,
  nodeHeight,
  nodeWidth,
  type Place,
  storey,
  titleHeight,
} from './forest-layout.ts';
import { isTroubled } from './forest-text.ts';
import { type Box, boxOf, touches } from './forest-walk.ts';

/** What the drawing shows, apart from where one looks. */
export interface ForestPicture {
  readonly layout: ForestLayout;
  readonly colours: LayerColours;
  readonly scheme: 'dark' | 'light';
  /** The nodes found by the search; null when nothing is sought. */
  readonly found: ReadonlySet<string> | null;
  readonly current: string | null;
}

export interface Tokens {
  readonly lineStrong: string;
  readonly accent: string;
  readonly bad: string;
  readonly good: string;
  readonly warn: string;
  readonly idle: string;
  readonly panel: string;
  readonly muted: string;
  readonly font: string;
}

export function readTokens(element: Element): Tokens {
  const style = getComputedStyle(element);
  const token = (name: string) => style.getPropertyValue(`--strata-${name}`).trim();
  return {
    lineStrong: token('line-strong'),
    accent: token('accent'),
    bad: token('bad'),
    good: token('good'),
    warn: token('warn'),
    idle: token('idle'),
    panel: token('panel'),
    muted: token('muted'),
    font: token('font'),
  };
}

/** The lines on which trees stand, and those between nodes. `context` is in the units of the drawing. */
export function paintLines(
  context: CanvasRenderingContext2D,
  picture: ForestPicture,
  tokens: Tokens,
  view: Box,
): void {
  const { layout, current } = picture;
  context.lineWidth = 2;
  context.strokeStyle = tokens.lineStrong;
  context.beginPath();
  for (const { x, y, width } of layout.grounds) {
    context.moveTo(x, y + 8);
    context.lineTo(x + width, y + 8);
  }
  context.stroke();
  const below = chainBelow(layout, current);
  const broken = new Path2D();
  const plain = new Path2D();
  const marked = new Path2D();
  for (const place of layout.places.values()) {
    const parent = layout.places.get(place.node.parentId ?? '');
    if (parent === undefined || !touches(spanOf(place, parent), view)) continue;
    const isMarked = below.has(place.node.id);
    trace(isMarked ? marked : parent.node.subject.kind === 'gap' ? broken : plain, place, parent);
  }
  context.strokeStyle = tokens.lineStrong;
  context.stroke(plain);
  context.strokeStyle = tokens.bad;
  context.setLineDash([5, 5]);
  context.stroke(broken);
  context.setLineDash([]);
  context.strokeStyle = tokens.accent;
  context.lineWidth = 3;
  context.stroke(marked);
}

/** What the trees of a row are and, below its ground, the name of each base, both as large as they can be read. */
export function paintNames(
  context: CanvasRenderingContext2D,
  { layout }: ForestPicture,
  tokens: Tokens,
  zoom: number,
): void {
  context.fillStyle = tokens.muted;
  context.textBaseline = 'top';
  context.font = `650 ${Math.min(13 / zoom, titleHeight)}px ${tokens.font}`;
  for (const { grove, count, x, y } of layout.titles)
    context.fillText(words.forest.groves[grove](count), x, y - 6);
  const size = 11 / zoom;
  if (size > betweenRows) return;
  context.font = `${size}px ${tokens.font}`;
  for (const { node, x, y } of layout.places.values()) {
    if (node.level > 0) continue;
    const letters = Math.floor(nodeWidth / (size * 0.56));
    const name = node.name.length > letters ? `${node.name.slice(0, letters - 1)}…` : node.name;
    context.fillText(name, x, y + nodeHeight + 12);
  }
}

/** Nodes as blocks, for a view so wide that their text could not be read. */
export function paintBlocks(
  context: CanvasRenderingContext2D,
  picture: ForestPicture,
  tokens: Tokens,
  view: Box,
): void {
  const { layout, colours, scheme, found, current } = picture;
  for (const place of layout.places.values()) {
    if (!touches(boxOf(place), view)) continue;
    const { node, x, y } = place;
    context.globalAlpha = found === null || found.has(node.id) ? 1 : 0.18;
    const isVm = node.subject.kind === 'vm';
    context.fillStyle =
      node.subject.kind === 'vm'
        ? stateColour(node.subject.vm.state, tokens)
        : node.subject.kind === 'gap'
          ? tokens.panel
          : colourOf(colours, node.id, scheme);
    if (isVm) context.fillRect(x + 40, y + 16, nodeWidth - 80, nodeHeight - 16);
    else context.fillRect(x, y, nodeWidth, nodeHeight);
    const outline = node.id === current ? tokens.accent : isTroubled(node) ? tokens.bad : null;
    if (outline === null) continue;
    context.strokeStyle = outline;
    context.lineWidth = 14;
    context.strokeRect(x - 7, y - 7, nodeWidth + 14, nodeHeight + 14);
  }
  context.globalAlpha = 1;
}

function stateColour(state: string, tokens: Tokens): string {
  if (state === 'running' || state === 'starting' || state === 'stopping') return tokens.good;
  if (state === 'paused' || state === 'suspended') return tokens.warn;
  return state === 'crashed' ? tokens.bad : tokens.idle;
}

function chainBelow(layout: ForestLayout, id: string | null): ReadonlySet<string> {
  const chain = new Set<string>();
  for (let at = layout.places.get(id ?? ''); at !== undefined; at = layout.places.get(at.node.parentId ?? ''))
    chain.add(at.node.id);
  return chain;
}

const centre = ({ x }: Place) => x + nodeWidth / 2;

const spanOf = (place: Place, parent: Place): Box => ({
  x: Math.min(centre(place), centre(parent)),
  y: place.y + nodeHeight,
  width: Math.abs(centre(place) - centre(parent)) + 1,
  height: storey - nodeHeight,
});

/** Up from what is below, aside halfway, up into the node. */
function trace(path: Path2D, place: Place, parent: Place): void {
  const from = centre(parent);
  const to = centre(place);
  const middle = (place.y + nodeHeight + parent.y) / 2;
  const radius = Math.min(8, Math.abs(to - from) / 2);
  path.moveTo(from, parent.y);
  path.arcTo(from, middle, to, middle, radius);
  path.arcTo(to, middle, to, place.y + nodeHeight, radius);
  path.lineTo(to, place.y + nodeHeight);
}
