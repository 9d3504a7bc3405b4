import type { Image } from '@strata/contract';

/** What an image could stand on: everything but itself, what stands on it, its backing of now, and media. */
export function rebaseTargets(images: readonly Image[], image: Image): Image[] {
  const byId = new Map(images.map((each) => [each.id, each]));
  const above = new Set<string>([image.id]);
  // A set grows while it is walked: overlays of overlays come by themselves, and a cycle ends it.
  for (const id of above) for (const overlay of byId.get(id)?.overlays ?? []) above.add(overlay);
  return images
    .filter((each) => each.present && each.format !== 'iso' && each.role !== 'media')
    .filter((each) => !above.has(each.id) && each.id !== image.backingId)
    .sort((a, b) => a.name.localeCompare(b.name));
}
