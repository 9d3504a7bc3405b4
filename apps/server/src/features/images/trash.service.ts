import { link, lstat, mkdir, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Image } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';
import { lockHolder } from '../../qemu/lock-holder.ts';
import { syncFolder } from '../../sync-files.ts';
import { exists } from './image-names.ts';
import { fileKey, type ImageRecord, statKey } from './image-record.ts';
import type { TrashRow } from './images.repository.ts';
import type { LibraryAccess } from './library-access.ts';
import { isWithin, trashName } from './path-trees.ts';
import { resolveBackingOf } from './resolve-backings.ts';
import { demandIdle, demandSettled } from './settled-layers.ts';

export interface TrashItem {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly deletedAt: string;
}

export type TrashService = ReturnType<typeof createTrashService>;

const errno = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** On the same file system: a rename keeps every byte and takes no time and no space. */
const trashFolders = (access: LibraryAccess, record: ImageRecord): string[] => {
  const home = access.folders().find((folder) => isWithin(record.path, folder.path));
  const beside = dirname(record.path);
  // Another disk may be mounted below a folder of the library.
  const folders = [home?.path ?? beside, beside].map((folder) => join(folder, trashName));
  return [...new Set([join(access.dataDir, 'trash'), ...folders])];
};

const moveAside = async (from: string, folders: readonly string[], name: string): Promise<string> => {
  for (const folder of folders) {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const path = join(folder, name);
      await rename(from, path);
      await syncFolder(folder);
      await syncFolder(dirname(from));
      return path;
    } catch (error) {
      if (errno(error) === 'EXDEV') continue;
      throw new AppError(
        'not-possible',
        `${from} could not be moved to the trash: ${String(error)}`,
        {},
        { cause: error },
      );
    }
  }
  throw new AppError('not-possible', `There is no place for a trash on the file system of ${from}.`);
};

/** Takes a name that nobody has; `rename` alone would overwrite. */
const putBack = async (from: string, to: string): Promise<void> => {
  try {
    await link(from, to);
    await unlink(from);
  } catch (error) {
    if (errno(error) === 'EEXIST')
      throw new AppError('image-exists', `${to} exists already. Rename that file first.`);
    if (errno(error) === 'ENOENT')
      throw new AppError('not-possible', `The folder ${dirname(to)} is gone. Create it first.`);
    // File systems without hard links (FAT).
    if (await exists(to)) throw new AppError('image-exists', `${to} exists already. Rename that file first.`);
    await rename(from, to);
  }
  await syncFolder(dirname(to));
};

const demandUnused = async (access: LibraryAccess, record: ImageRecord): Promise<void> => {
  const image: Image = access.world.view(record.id);
  if (image.usedBy.length > 0) {
    const names = image.usedBy.map(({ kind, name }) => `${kind} “${name}”`).join(', ');
    const usedBy = image.usedBy;
    throw new AppError('image-in-use', `“${record.name}” is not deleted: it is needed by ${names}.`, {
      usedBy,
    });
  }
  if (!access.library.complete) {
    const words = 'a folder of the library cannot be read, so it is not known what stands on this image.';
    throw new AppError('image-in-use', `“${record.name}” is not deleted: ${words}`, { usedBy: [] });
  }
  const holder = record.present ? await lockHolder(record.path) : null;
  if (holder !== null) {
    const words = `${holder.program} (process ${holder.pid}) has it open.`;
    throw new AppError('image-locked', `“${record.name}” is not deleted: ${words}`);
  }
};

/** Restored, it must read what it read: through the same file, which nobody has changed or is changing. */
const demandItsBacking = async (
  { library, repository, world }: LibraryAccess,
  item: TrashRow,
): Promise<void> => {
  const use = library.trashed().find(({ trashId }) => trashId === item.id);
  if (use === undefined) return;
  const refuse = (why: string): AppError =>
    new AppError('not-possible', `“${item.name}” is not restored: it would not show what it did. ${why}`);
  const deleted = repository.trash().find(({ image }) => image.id === use.imageId);
  if (deleted !== undefined)
    throw refuse(`“${deleted.name}”, on which it stands, is in the trash. Restore that first.`);
  const backing = library.get(use.imageId);
  const resolved = await resolveBackingOf({ ...item.image, path: item.originalPath });
  if (backing === undefined || resolved?.key == null)
    throw refuse('Its backing file is gone. Put that file back first.');
  if (resolved.key !== fileKey(backing.identity))
    throw refuse(`Another file has taken the place of its backing file, which is ${backing.path} now.`);
  const writer = world.uses().disks.find((disk) => disk.running && disk.imageId === backing.id);
  if (writer !== undefined) throw refuse(`The VM “${writer.vmName}” is writing “${backing.name}”.`);
  // The layers that an unfinished commit has changed come back as marked as they went, and so does what mends them.
  const belongs = world.taintOf(item.image.id) !== undefined || world.mendedBy(item.image.id).length > 0;
  (belongs ? demandIdle : demandSettled)(world, backing.id);
};

/** What is deleted for good takes with it all that stands on it in the trash: that goes first. */
const demandNoneAbove = ({ library, world }: LibraryAccess, item: TrashRow): void => {
  const [tainted] = world.mendedBy(item.image.id);
  if (tainted !== undefined)
    throw new AppError(
      'image-in-use',
      `“${item.name}” stays in the trash: a commit of it did not end, and without it “${tainted.name}” can never be made whole. Restore it and repeat the commit, or delete “${tainted.name}” first.`,
      { usedBy: [{ kind: 'image', id: tainted.id, name: tainted.name }] },
    );
  const above = library.trashed().filter(({ imageId }) => imageId === item.image.id);
  if (above.length === 0) return;
  const names = above.map(({ name }) => `“${name}”`).join(', ');
  throw new AppError(
    'image-in-use',
    `“${item.name}” stays in the trash: ${names}, in the trash too, could not be restored without it. Delete ${above.length === 1 ? 'that' : 'these'} for good first.`,
    { usedBy: above.map(({ trashId, name }) => ({ kind: 'trash', id: trashId, name })) },
  );
};

/**
 * Deleted images, until they are deleted for good. The row is written before the file moves, and the row knows both
 * places: after a crash in between, `recover` finds the file at one of them.
 */
export const createTrashService = (access: LibraryAccess) => {
  const { repository, library } = access;
  const find = (id: string): TrashRow => {
    const item = repository.trash().find((row) => row.id === id);
    if (item === undefined) throw new AppError('not-found', `There is nothing ${id} in the trash.`);
    return item;
  };

  const throwAway = async (record: ImageRecord): Promise<void> => {
    const stat = await lstat(record.path, { bigint: true }).catch(() => null);
    if (stat === null) return library.change([], [record.id]);
    const id = newId();
    const name = `${id}-${basename(record.path)}`;
    const item: TrashRow = {
      id,
      name: record.name,
      originalPath: record.path,
      trashPath: join(trashFolders(access, record)[0] ?? '', name),
      bytes: record.facts.allocatedSize,
      image: record,
      backingId: access.world.relation(record.id).backingId,
      deletedAt: new Date().toISOString(),
    };
    repository.moveToTrash(item);
    library.forget([record.id]);
    try {
      const trashPath = await moveAside(record.path, trashFolders(access, record), name);
      if (trashPath !== item.trashPath) {
        repository.dropTrash(id);
        repository.moveToTrash({ ...item, trashPath });
      }
    } catch (error) {
      repository.takeFromTrash(item);
      library.remember(record);
      throw error;
    }
    access.announceTrash(id, 'created');
  };

  return {
    list: (): TrashItem[] =>
      repository.trash().map(({ id, name, originalPath, bytes, deletedAt }) => ({
        id,
        name,
        path: originalPath,
        bytes,
        deletedAt,
      })),

    /** Throws `image-in-use` with who stands on it. */
    deleteImage: (id: string): Promise<void> =>
      access.exclusive(async () => {
        access.world.record(id);
        await access.scanLocked();
        const record = access.world.record(id);
        await demandUnused(access, record);
        await throwAway(record);
        access.announce();
      }),

    restore: (id: string): Promise<string> =>
      access.exclusive(async () => {
        const item = find(id);
        if (!(await exists(item.trashPath))) {
          throw new AppError('not-possible', `${item.trashPath} is gone: somebody has emptied the trash.`);
        }
        await demandItsBacking(access, item);
        await putBack(item.trashPath, item.originalPath);
        // A scan may have met the file at its old place in between.
        const met = library.byPath(item.originalPath);
        if (met !== undefined) library.change([], [met.id]);
        repository.takeFromTrash(item);
        library.remember(item.image);
        await access.refreshLocked([item.image.id]);
        access.announceTrash(id, 'deleted');
        return item.image.id;
      }),

    deleteForGood: (id: string): Promise<void> =>
      access.exclusive(async () => {
        const item = find(id);
        demandNoneAbove(access, item);
        await unlink(item.trashPath).catch((error: unknown) => {
          if (errno(error) !== 'ENOENT') throw error;
        });
        repository.dropTrash(id);
        access.announceTrash(id, 'deleted');
      }),

    /** Unlinks what a verified commit has merged. Again and again the same. */
    unlinkMerged: (id: string): Promise<void> =>
      access.exclusive(async () => {
        const known = library.get(id);
        // The kernel takes as long for its locks as the scan takes for the folders.
        const [, looked] = await Promise.all([access.scanLocked(), known && lockHolder(known.path)]);
        const record = library.get(id);
        if (record === undefined) return;
        const holder = record.path === known?.path ? looked : await lockHolder(record.path);
        const standing = [
          ...access.world.view(id).usedBy.filter(({ kind }) => kind !== 'operation'),
          ...library
            .trashed()
            .filter(({ imageId }) => imageId === id)
            .map(({ trashId, name }) => ({ kind: 'trash' as const, id: trashId, name })),
        ];
        if (standing.length > 0) {
          const words = `${record.path} is not removed: something stands on it.`;
          throw new AppError('image-in-use', words, { usedBy: standing });
        }
        const stat = await lstat(record.path, { bigint: true }).catch(() => null);
        if (stat !== null && holder) {
          const words = `${record.path} is not removed: ${holder.program} (process ${holder.pid}) has it open.`;
          throw new AppError('image-locked', words);
        }
        // Another file under the same name is none of our business.
        if (stat !== null && statKey(stat) === fileKey(record.identity)) {
          await unlink(record.path);
          await syncFolder(dirname(record.path));
        }
        // Known again after a power failure, it would be found gone.
        library.change([], [id], 'unsynced');
        access.announce();
      }),

    /**
     * At start: a file that never reached the trash is an image again; a rename to the second place is found there.
     * What is missing together with its whole folder lies on a disk that is not mounted, and is waited for.
     */
    recover: async (): Promise<void> => {
      for (const item of repository.trash()) {
        if (await exists(item.trashPath)) continue;
        const other = trashFolders(access, item.image).map((folder) =>
          join(folder, basename(item.trashPath)),
        );
        const found: string[] = [];
        for (const path of other) if (await exists(path)) found.push(path);
        const [moved] = found;
        if (moved !== undefined) {
          repository.dropTrash(item.id);
          repository.moveToTrash({ ...item, trashPath: moved });
        } else if ((await exists(item.originalPath)) && library.byPath(item.originalPath) === undefined) {
          repository.takeFromTrash(item);
          library.remember(item.image);
        } else if (await exists(dirname(item.trashPath))) repository.dropTrash(item.id);
      }
    },
  };
};
