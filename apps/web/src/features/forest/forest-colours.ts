import type { LayerColours } from '../layers/layer-colours.ts';
import { rememberedColours } from '../layers/remembered-colours.ts';
import type { ForestLayout } from './forest-layout.ts';

/** Of every image the colour it has in its Layers view: chain by chain, as they are drawn there. */
export function forestColours({ places }: ForestLayout): LayerColours {
  const all = new Map<string, number>();
  for (const { node } of places.values()) {
    const isTip =
      node.subject.kind === 'image' && node.children.every(({ subject }) => subject.kind !== 'image');
    if (!isTip) continue;
    const chain: string[] = [];
    for (
      let at = places.get(node.id);
      at?.node.subject.kind === 'image';
      at = places.get(at.node.parentId ?? '')
    )
      chain.push(at.node.id);
    for (const [id, colour] of rememberedColours(chain)) all.set(id, colour);
  }
  return all;
}
