import type { Image } from '@strata/contract';

export interface Branch {
  /** The overlay that leaves the chain. */
  readonly image: Image;
  /** Where the branch's view starts: its top, or the place where it forks again. */
  readonly tipId: string;
  /** How many layers it has up to there. */
  readonly layers: number;
}

/** The overlays of a layer that are not part of the chain shown, each with the tip to go to. */
export function branchesOf(
  layer: Image,
  shown: ReadonlySet<string>,
  images: ReadonlyMap<string, Image>,
): Branch[] {
  return layer.overlays
    .filter((id) => !shown.has(id))
    .flatMap((id) => {
      const image = images.get(id);
      return image === undefined ? [] : [{ image, ...climb(image, images) }];
    });
}

/** The top of a chain, climbing while there is no choice. */
export function climb(
  from: Image,
  images: ReadonlyMap<string, Image>,
): { readonly tipId: string; readonly layers: number } {
  const seen = new Set([from.id]);
  let tip = from;
  while (tip.overlays.length === 1) {
    const next = images.get(tip.overlays[0] ?? '');
    // A cycle of backing files is a problem shown elsewhere; here it must only not hang.
    if (next === undefined || seen.has(next.id)) break;
    seen.add(next.id);
    tip = next;
  }
  return { tipId: tip.id, layers: seen.size };
}
