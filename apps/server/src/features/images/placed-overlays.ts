import { basename, dirname } from 'node:path';
import { AppError } from '../../app-error.ts';
import { relativeBacking } from '../../backing-link.ts';
import { writeOverlay } from '../../qemu/qemu-img.ts';
import { syncFolder } from '../../sync-files.ts';
import { approvedChain } from './chain-facts.ts';
import { isUnusedName, overlayFolder, verifyOverlay } from './create-images.ts';
import { demandFreeSpace, justHeader } from './free-space.ts';
import { candidatePaths, exists, shownStem, stemOf } from './image-names.ts';
import type { ImageRecord } from './image-record.ts';
import type { LibraryAccess } from './library-access.ts';
import { demandSettled } from './settled-layers.ts';

/** An overlay that an operation has written down before it is made. */
export interface PlacedOverlay {
  readonly backingId: string;
  /** Where, as `placeOverlay` said. */
  readonly path: string;
  /** What that one has locked is no reason to refuse. */
  readonly operationId: string;
}

/** A path that neither a file nor an image has, nor the name of one of `avoid`. */
export const placeOverlay = async (
  access: LibraryAccess,
  { backingId, stem, avoid }: { backingId: string; stem: string; avoid: readonly string[] },
): Promise<string> => {
  const folder = await overlayFolder(access, access.world.record(backingId));
  await demandFreeSpace(folder, justHeader);
  const isUnused = isUnusedName(access);
  const avoided = new Set(avoid.map((path) => shownStem(basename(path))));
  for (const path of candidatePaths(folder, stem, 'qcow2'))
    if (isUnused(path) && !avoided.has(shownStem(basename(path))) && !(await exists(path))) return path;
  throw new AppError('image-exists', `Every name like “${stem}” is taken in ${folder}.`);
};

/**
 * Without a process, for a guest may be waiting for it, and without another look at all headers: the operation has read
 * them when it was asked for. What the library remembers of it is durable with whatever is written down next.
 */
export const createPlacedOverlay = (access: LibraryAccess, placed: PlacedOverlay): Promise<ImageRecord> =>
  access.exclusive(async () => {
    const { backingId, path, operationId } = placed;
    await access.glanceLocked([backingId]);
    const [backing] = approvedChain(access.world, backingId);
    if (backing === undefined) throw new AppError('not-found', `There is no image ${backingId}.`);
    demandSettled(access.world, backingId, operationId);
    const link = relativeBacking(dirname(path), backing.path);
    await writeOverlay({
      ...{ path, backing: link, backingFormat: backing.format },
      size: backing.facts.virtualSize,
    });
    await verifyOverlay(path, link, backing);
    await syncFolder(dirname(path));
    return access.adoptLocked(path, { name: stemOf(path), format: 'qcow2', unsynced: true });
  });
