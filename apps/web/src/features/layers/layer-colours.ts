export interface EarthColour {
  readonly name: string;
  /** On a dark surface. */
  readonly dark: string;
  /** On a light surface: deeper, so that sand is still seen on white. */
  readonly light: string;
}

/** Stone for bases, then soils, each told from its neighbours in hue and in lightness. */
export const earthColours: readonly EarthColour[] = [
  { name: 'slate', dark: '#7c8a98', light: '#6b7986' },
  { name: 'umber', dark: '#a5694a', light: '#8f5d42' },
  { name: 'ochre', dark: '#d08f4c', light: '#bd7a33' },
  { name: 'moss', dark: '#86a574', light: '#6f9159' },
  { name: 'sand', dark: '#deb768', light: '#ab8429' },
  { name: 'clay', dark: '#c4736a', light: '#a64f45' },
  { name: 'teal', dark: '#63a39c', light: '#3a7f77' },
  { name: 'heather', dark: '#a58ab8', light: '#7d5f93' },
  { name: 'copper', dark: '#d9a08a', light: '#9c5f47' },
  { name: 'lichen', dark: '#b5b56a', light: '#7c7b2c' },
];

/** Of each layer (by image id) the index into {@link earthColours}. */
export type LayerColours = ReadonlyMap<string, number>;

/**
 * A colour for each layer of a chain (ids, top first). A layer keeps the colour it had in `before`, so that a
 * merge does not repaint everything above it; a new one takes the colour least used here that its neighbours lack.
 */
export function assignColours(chain: readonly string[], before: LayerColours = new Map()): LayerColours {
  const colours = new Map<string, number>();
  for (const id of chain) {
    const known = before.get(id);
    if (known !== undefined) colours.set(id, known);
  }
  for (let index = chain.length - 1; index >= 0; index -= 1) {
    const id = chain[index];
    if (id === undefined || colours.has(id)) continue;
    const isBase = index === chain.length - 1;
    const neighbours = [chain[index - 1], chain[index + 1]].map((near) => colours.get(near ?? ''));
    colours.set(id, isBase && !neighbours.includes(0) ? 0 : leastUsed(colours, neighbours));
  }
  return colours;
}

/** Slate is left to bases as long as another colour is as free. */
function leastUsed(colours: LayerColours, neighbours: readonly (number | undefined)[]): number {
  const uses = earthColours.map(
    (_, colour) => [...colours.values()].filter((used) => used === colour).length,
  );
  let best = 1;
  let fewest = Number.POSITIVE_INFINITY;
  for (let colour = 1; colour < earthColours.length; colour += 1) {
    const used = uses[colour] ?? 0;
    if (used < fewest && !neighbours.includes(colour)) {
      best = colour;
      fewest = used;
    }
  }
  return best;
}

export function colourOf(colours: LayerColours, imageId: string, scheme: 'dark' | 'light'): string {
  const colour = earthColours[colours.get(imageId) ?? 0] ?? earthColours[0];
  return colour?.[scheme] ?? '#7c8a98';
}
