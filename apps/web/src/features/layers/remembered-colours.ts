import { assignColours, type LayerColours } from './layer-colours.ts';

const remembered = new Map<string, number>();

/** Colours for a drawing of what might become: nothing is remembered of it. */
export const previewColours = (chain: readonly string[]): LayerColours => assignColours(chain, remembered);

/** The colours of a chain (ids, top first), the same in every view of this page for as long as it is open. */
export function rememberedColours(chain: readonly string[]): LayerColours {
  const colours = assignColours(chain, remembered);
  for (const [id, colour] of colours) remembered.set(id, colour);
  return colours;
}
