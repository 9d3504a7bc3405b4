import { unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { AppError } from '../../app-error.ts';
import { relativeBacking } from '../../backing-link.ts';
import { writeOverlay } from '../../qemu/qemu-img.ts';
import { approvedChain } from './chain-facts.ts';
import { isUnusedName, overlayFolder, readsAsOverlay, unreadableOverlay } from './create-images.ts';
import { isUnreadable, lookAtFiles, putFile } from './disk-reader.ts';
import { demandFreeSpace, justHeader } from './free-space.ts';
import { candidatePaths, shownStem, stemOf } from './image-names.ts';
import { type ImageRecord, isSameInode } from './image-record.ts';
import type { LibraryAccess } from './library-access.ts';
import { demandSettled } from './settled-layers.ts';

/** An overlay that an operation has written down before it is made. */
export interface PlacedOverlay {
  readonly backingId: string;
  /** Where, as `placeOverlays` said. */
  readonly path: string;
  /** What that one has locked is no reason to refuse. */
  readonly operationId: string;
}

export interface PlaceWish {
  readonly backingId: string;
  readonly stem: string;
}

/** For each a path that neither a file nor an image has, nor the name of another or of one of `avoid`. */
export const placeOverlays = async (
  access: LibraryAccess,
  wishes: readonly PlaceWish[],
  avoid: readonly string[],
): Promise<string[]> => {
  const places = wishes.map(({ backingId }) => overlayFolder(access, access.world.record(backingId)));
  const folders = await Promise.all(places);
  await Promise.all([...new Set(folders)].map((folder) => demandFreeSpace(folder, justHeader)));
  const isUnused = isUnusedName(access);
  const avoided = new Set(avoid.map((path) => shownStem(basename(path))));
  const isFree = (path: string): boolean => isUnused(path) && !avoided.has(shownStem(basename(path)));
  const courses = wishes.map(({ stem }, at) => candidatePaths(folders[at] ?? '', stem, 'qcow2'));
  const next = (at: number): string => {
    for (let step = courses[at]?.next(); step?.done === false; step = courses[at]?.next())
      if (isFree(step.value)) {
        avoided.add(shownStem(basename(step.value)));
        return step.value;
      }
    throw new AppError('image-exists', `Every name like “${wishes[at]?.stem}” is taken in ${folders[at]}.`);
  };
  const paths = wishes.map((_, at) => next(at));
  for (;;) {
    const there = await lookAtFiles(paths);
    if (there.every((file) => file === null)) return paths;
    for (const [at, file] of there.entries()) if (file !== null) paths[at] = next(at);
  }
};

/**
 * Without a process, for a guest may be waiting for it, and without another look at all headers: the operation has read
 * them when it was asked for, and holds its locks since. What the library remembers of it is durable with whatever is
 * written down next.
 */
export const createPlacedOverlay = async (
  access: LibraryAccess,
  { backingId, path, operationId }: PlacedOverlay,
): Promise<ImageRecord> => {
  const [backing] = approvedChain(access.world, backingId);
  if (backing === undefined) throw new AppError('not-found', `There is no image ${backingId}.`);
  demandSettled(access.world, backingId, operationId);
  const link = relativeBacking(dirname(path), backing.path);
  const { file, below } = await writeOverlay(
    { path, backing: link, backingFormat: backing.format, size: backing.facts.virtualSize },
    (part, content) => putFile({ part, path, content, below: backing.path }),
  );
  const stands = below !== null && isSameInode(backing, below);
  if (isUnreadable(file) || !stands || !readsAsOverlay(file.header, link, backing)) {
    await unlink(path);
    throw unreadableOverlay(backing);
  }
  const read = { file, others: new Map([[backing.path, below]]) };
  return access.exclusive(() =>
    access.adoptLocked(path, { name: stemOf(path), format: 'qcow2', unsynced: true, read }),
  );
};
