import type { ImagesService } from '../images/images.types.ts';

export interface OverlayWish {
  readonly diskId: string;
  readonly backingId: string;
  readonly stem: string;
}
export interface NewOverlay {
  readonly diskId: string;
  readonly imageId: string;
  readonly path: string;
}
/** Written before the first file is made: by it a later run tells its own unfinished work from what was there. */
export type KnownOverlays = Readonly<Record<string, readonly string[]>>;

export const overlaysBefore = (images: ImagesService, backings: readonly string[]): KnownOverlays =>
  Object.fromEntries(backings.map((id) => [id, images.get(id).overlays]));

/** All of them, or none: what was made before the one that fails is removed again. */
export const createOverlays = async (
  images: ImagesService,
  wishes: readonly OverlayWish[],
): Promise<NewOverlay[]> => {
  const made: NewOverlay[] = [];
  try {
    for (const { diskId, backingId, stem } of wishes) {
      const { id, path } = await images.createOverlay({ backingId, stem });
      made.push({ diskId, imageId: id, path });
    }
    return made;
  } catch (error) {
    await removeOverlays(
      images,
      made.map((overlay) => overlay.imageId),
    );
    throw error;
  }
};

/** Overlays that nobody has written to: there is nothing in them to keep in the trash. */
export const removeOverlays = async (images: ImagesService, ids: readonly string[]): Promise<void> => {
  for (const id of ids) await images.unlinkMerged(id);
};

/** What a run that was killed while it made overlays has left: on these layers, unknown before, empty. */
export const removeStrays = async (images: ImagesService, known: KnownOverlays): Promise<number> => {
  await images.scan();
  let removed = 0;
  for (const [backingId, before] of Object.entries(known))
    for (const id of images.get(backingId).overlays) {
      if (before.includes(id) || images.get(id).usedBy.some((use) => use.kind !== 'operation')) continue;
      if ((await images.allocation(id)).length > 0) continue;
      await images.unlinkMerged(id);
      removed += 1;
    }
  return removed;
};
