import { overlaysOf } from '@strata/backing-chain';
import { AppError } from '../../app-error.ts';
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
/** Written before the first file is made: by it a later run tells its own unfinished work from everybody else's. */
export interface KnownOverlays {
  /** The overlays that stood on each backing before. */
  readonly before?: Readonly<Record<string, readonly string[]>>;
  /** Where the overlay of each disk was about to be made. */
  readonly paths?: Readonly<Record<string, string>>;
}

export const overlaysBefore = (images: ImagesService, backings: readonly string[]): KnownOverlays => {
  const forest = images.forest();
  return {
    before: Object.fromEntries(backings.map((id) => [id, overlaysOf(forest, id).map((layer) => layer.id)])),
    paths: {},
  };
};

/** For whom overlays are made: its own locks do not forbid it, and its journal hears of the files before they exist. */
export interface Maker {
  readonly operationId: string;
  readonly known: KnownOverlays;
  save(known: KnownOverlays): void;
}

/** Where they will be, for the journal. */
export const placedFor = async (
  images: ImagesService,
  wishes: readonly OverlayWish[],
  avoid: readonly string[] = [],
): Promise<Record<string, string>> => {
  const paths = await images.placeOverlays(wishes, avoid);
  return Object.fromEntries(wishes.map(({ diskId }, at) => [diskId, paths[at] ?? '']));
};

/** All of them, or none: what was made beside the one that fails is removed again. */
export const createOverlays = async (
  images: ImagesService,
  wishes: readonly OverlayWish[],
  { operationId, known, save }: Maker,
): Promise<NewOverlay[]> => {
  let paths = known.paths ?? {};
  const tried: string[] = [];
  const place = async (some: readonly OverlayWish[]): Promise<void> => {
    paths = { ...paths, ...(await placedFor(images, some, tried)) };
    save({ ...known, paths });
  };
  const make = async (wish: OverlayWish): Promise<NewOverlay> => {
    const { diskId, backingId } = wish;
    const path = paths[diskId] ?? '';
    tried.push(path);
    try {
      const { id } = await images.createPlacedOverlay({ backingId, path, operationId });
      return { diskId, imageId: id, path };
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'image-exists') throw error;
      // Somebody has taken the name since: a VM whose files are named alike, at the same moment.
      await place([wish]);
      return make(wish);
    }
  };
  if (wishes.some(({ diskId }) => paths[diskId] === undefined)) await place(wishes);
  const outcomes = await Promise.allSettled(wishes.map(make));
  const made = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed === undefined) return made;
  await removeOverlays(
    images,
    made.map((overlay) => overlay.imageId),
  );
  throw failed.reason;
};

/** Overlays that nobody has written to: there is nothing in them to keep in the trash. */
export const removeOverlays = async (images: ImagesService, ids: readonly string[]): Promise<void> => {
  for (const id of ids) await images.unlinkMerged(id);
};

/** What a run that was killed while it made overlays has left: the files it was about to make, unknown before, empty. */
export const removeStrays = async (images: ImagesService, known: KnownOverlays): Promise<number> => {
  await images.scan();
  let removed = 0;
  const paths = Object.values(known.paths ?? {});
  for (const [backingId, before] of Object.entries(known.before ?? {}))
    for (const id of images.get(backingId).overlays) {
      if (!paths.includes(images.facts(id).path)) continue;
      if (before.includes(id) || images.get(id).usedBy.some((use) => use.kind !== 'operation')) continue;
      if ((await images.allocation(id)).length > 0) continue;
      await images.unlinkMerged(id);
      removed += 1;
    }
  return removed;
};
