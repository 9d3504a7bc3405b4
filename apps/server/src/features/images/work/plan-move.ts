import { access as canAccess, constants, lstat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Image, RenameImage } from '@strata/contract';
import { readImageHeader } from '@strata/disk-image';
import { AppError } from '../../../app-error.ts';
import { newId } from '../../../new-id.ts';
import { libraryFolder } from '../create-images.ts';
import { placeOfFolder } from '../folder-place.ts';
import { demandFreeSpace } from '../free-space.ts';
import { candidatePaths, exists } from '../image-names.ts';
import type { MovePlace } from '../images.types.ts';
import { extensions } from '../import-images.ts';
import { inodeOf } from '../inode.ts';
import type { LibraryAccess } from '../library-access.ts';
import type { Move } from '../move-files.ts';

const inWay = (message: string): AppError => new AppError('not-possible', message);

/** The file's name for a shown name; the ending stays what it is, people sort by it. */
const fileNameOf = (image: Image, name: string): string => {
  const extension = extname(image.path).slice(1) || extensions[image.format];
  const [path] = candidatePaths('/', name, extension);
  return basename(path ?? image.path);
};

/** Every file whose link has to be rewritten must be one that can be. */
const demandLinks = (access: LibraryAccess, image: Image, moves: boolean): void => {
  const { library, world } = access;
  if (!library.complete)
    throw new AppError(
      'image-in-use',
      'A folder of the library cannot be read, so it is not known which overlays lead to this file.',
      { usedBy: [] },
    );
  for (const id of image.overlays) {
    const { name, format, facts } = world.record(id);
    if (format !== 'qcow2') throw inWay(`The link in “${name}” cannot be rewritten: it is ${format}.`);
    if (!facts.writable) throw inWay(`The link in “${name}” cannot be rewritten: its file is read-only.`);
  }
  if (!moves || image.backing === undefined) return;
  if (image.backing.state !== 'ok')
    throw inWay(`“${image.name}” cannot be moved: what it stands on cannot be read. Mend that link first.`);
  const { format, facts } = world.record(image.id);
  if (format !== 'qcow2' || !facts.writable)
    throw inWay(`“${image.name}” cannot be moved: its own link cannot be rewritten.`);
};

/** What a rename comes to. Throws what stands in its way; touches nothing. */
export const planMove = async (
  access: LibraryAccess,
  image: Image,
  { name, folder, useReserve }: RenameImage,
): Promise<{ move: Move; overlays: readonly string[] }> => {
  const from = image.path;
  const place = folder === undefined ? dirname(from) : await libraryFolder(access, folder);
  const to = join(place, name === undefined ? basename(from) : fileNameOf(image, name));
  const fromKey = await inodeOf(from);
  if (fromKey === null) throw new AppError('image-unreadable', `${from} is gone.`);
  const overlays = to === from ? [] : image.overlays;
  if (to !== from) {
    demandLinks(access, image, place !== dirname(from));
    if (await exists(to))
      throw new AppError('image-exists', `${to} exists already. Choose another name or folder.`);
  }
  const otherDisk = (await lstat(dirname(from))).dev !== (await lstat(place)).dev;
  if (otherDisk) await demandFreeSpace(place, image.allocatedSize, useReserve);
  const part = otherDisk ? join(place, `.strata-${newId()}.part`) : null;
  const move = { imageId: image.id, from, fromKey, to, name: name ?? null, part };
  return { move: { ...move, place: await placeOfFolder(place) }, overlays };
};

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
const canCreate = (folder: string): Promise<boolean> =>
  canAccess(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );

/** What a move to this folder would meet there. Only a folder outside the library is an error; the rest is the plan's. */
export const placeFor = async (
  access: LibraryAccess,
  imageId: string,
  folder: string,
): Promise<MovePlace> => {
  const { path: from, format } = access.world.facts(imageId);
  const place = await libraryFolder(access, folder);
  const to = join(place, basename(from));
  const fromKey = await inodeOf(from);
  if (fromKey === null) throw new AppError('image-unreadable', `${from} is gone.`);
  const sameDisk = (await lstat(dirname(from))).dev === (await lstat(place)).dev;
  const header = format === 'qcow2' ? await readImageHeader(from) : null;
  return {
    target: {
      ...{ folder: place, path: to, sameDisk },
      taken: to !== from && (await isThere(to)),
      writable: await canCreate(place),
      removable: await canCreate(dirname(from)),
    },
    bitmaps: header?.qcow2?.bitmaps ?? 0,
    move: {
      ...{ imageId, from, fromKey, to, name: null, place: await placeOfFolder(place) },
      part: sameDisk ? null : join(place, `.strata-${newId()}.part`),
    },
  };
};
