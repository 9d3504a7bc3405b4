import type { Image } from '@strata/contract';

/** Where the chain below an image breaks: the image of the library that has the problem, and the file that is gone. */
export interface Break {
  readonly imageId: string;
  /** Null: nothing is gone, but the chain leads back into itself. */
  readonly missing: string | null;
}

/** From the image down to its base; null for a chain that is whole. */
export function breakOf(image: Image, byId: ReadonlyMap<string, Image>): Break | null {
  const seen = new Set<string>();
  for (let layer: Image | undefined = image; layer !== undefined; ) {
    const { id, path, present, backing, backingId }: Image = layer;
    if (!present) return { imageId: id, missing: path };
    if (seen.has(id) || backing?.state === 'cycle') return { imageId: id, missing: null };
    seen.add(id);
    const below: Image | undefined = backingId === null ? undefined : byId.get(backingId);
    if (below === undefined && backing?.state === 'missing') return { imageId: id, missing: backing.path };
    layer = below;
  }
  return null;
}
