import { link, lstat, mkdir, rename, unlink } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { chainIds, tipsOf } from '@strata/backing-chain';
import type { EmptiedTrash, EmptyTrash, Image, RestoreTrash, TrashItem } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';
import { lockHolder } from '../../qemu/lock-holder.ts';
import { relinkImage } from '../../qemu/qemu-img.ts';
import { syncFolder, syncWithFolder } from '../../sync-files.ts';
import { libraryFolder } from './create-images.ts';
import { candidatePaths, exists } from './image-names.ts';
import { fileKey, type ImageRecord, statKey } from './image-record.ts';
import type { TrashRow } from './images.repository.ts';
import type { LibraryAccess } from './library-access.ts';
import { isWithin, trashName } from './path-trees.ts';
import { resolveBackingOf } from './resolve-backings.ts';
import { demandIdle, demandSettled } from './settled-layers.ts';

export type TrashService = ReturnType<typeof createTrashService>;

const dayMs = 24 * 3_600_000;

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
    const taken = `${to} exists already. Rename that file, or restore it under another name.`;
    if (errno(error) === 'EEXIST') throw new AppError('image-exists', taken);
    if (errno(error) === 'ENOENT')
      throw new AppError(
        'not-possible',
        `The folder ${dirname(to)} is gone. Create it, or restore it into another folder.`,
      );
    if (errno(error) === 'EXDEV')
      throw new AppError(
        'not-possible',
        `${dirname(to)} is on another disk than the trash. Restore it on its own disk, then move it.`,
      );
    // File systems without hard links (FAT).
    if (await exists(to)) throw new AppError('image-exists', taken);
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

const keyOf = async (path: string): Promise<string | null> => {
  const stat = await lstat(path, { bigint: true }).catch(() => null);
  return stat === null ? null : statKey(stat);
};

/** Where it goes: to its old place, or to another one on the same disk. */
const placeFor = async (
  access: LibraryAccess,
  { originalPath }: TrashRow,
  { folder, name }: RestoreTrash,
): Promise<string> => {
  const place = folder === undefined ? dirname(originalPath) : await libraryFolder(access, folder);
  if (name === undefined) return join(place, basename(originalPath));
  const [path] = candidatePaths(place, name, extname(originalPath).slice(1) || 'img');
  return path ?? originalPath;
};

/** A link of the file itself that is right from anywhere: written before the file moves, it is right at both places. */
const linkFromAnywhere = async ({ library }: LibraryAccess, item: TrashRow): Promise<void> => {
  const backing = item.backingId === null ? undefined : library.get(item.backingId);
  if (backing === undefined || item.image.facts.backing === null) return;
  if (item.image.format !== 'qcow2')
    throw new AppError(
      'not-possible',
      `“${item.name}” is ${item.image.format}: its link cannot be rewritten for another folder.`,
    );
  await relinkImage(item.trashPath, { name: backing.path, format: backing.format });
  await syncWithFolder(item.trashPath);
};

/** Restored, it must read what it read: through the same file, which nobody has changed or is changing. */
const demandItsBacking = async (
  { library, repository, world }: LibraryAccess,
  item: TrashRow,
  elsewhere: boolean,
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
  // Put elsewhere, it is linked to the file that is known, wherever the old name leads.
  const key = elsewhere && backing !== undefined ? await keyOf(backing.path) : resolved?.key;
  if (backing === undefined || key == null)
    throw refuse('Its backing file is gone. Put that file back first.');
  if (key !== fileKey(backing.identity))
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

  const belongedTo = (record: ImageRecord, vm: string | undefined): TrashRow['belonged'] => {
    const { forest } = access.world.now();
    const [, ...below] = chainIds(forest, record.id);
    const base = below.at(-1);
    const tree = new Set(base === undefined ? [] : tipsOf(forest, base).map(({ id }) => id));
    const users = forest.disks.filter(({ imageId }) => tree.has(imageId)).map(({ vmName }) => vmName);
    const backing = below[0] === undefined ? null : (library.get(below[0])?.name ?? null);
    return { backing, vms: vm === undefined ? [...new Set(users)].sort() : [vm] };
  };

  const throwAway = async (record: ImageRecord, vm: string | undefined): Promise<void> => {
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
      belonged: belongedTo(record, vm),
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

  const deleteLocked = async (item: TrashRow): Promise<void> => {
    demandNoneAbove(access, item);
    await unlink(item.trashPath).catch((error: unknown) => {
      if (errno(error) !== 'ENOENT') throw error;
    });
    repository.dropTrash(item.id);
    access.announceTrash(item.id, 'deleted');
  };

  return {
    list: (): TrashItem[] => {
      const rows = repository.trash();
      const uses = library.trashed();
      const byImage = new Map(rows.map((row) => [row.image.id, row]));
      return rows.map((row) => {
        const { id, name, originalPath: path, bytes, deletedAt, belonged, image } = row;
        const below = uses.find(({ trashId }) => trashId === id)?.imageId;
        const needed = below === undefined ? undefined : byImage.get(below);
        return {
          ...{ id, name, path, bytes, deletedAt, format: image.format },
          virtualSize: image.facts.virtualSize,
          belonged: { backing: belonged?.backing ?? null, vms: [...(belonged?.vms ?? [])] },
          needs: needed === undefined ? [] : [{ id: needed.id, name: needed.name }],
          neededBy: uses
            .filter(({ imageId }) => imageId === image.id)
            .map(({ trashId, name: above }) => ({ id: trashId, name: above })),
        };
      });
    },

    /** Throws `image-in-use` with who stands on it. */
    deleteImage: (id: string, vm?: string): Promise<void> =>
      access.exclusive(async () => {
        access.world.record(id);
        await access.scanLocked();
        const record = access.world.record(id);
        await demandUnused(access, record);
        await throwAway(record, vm);
        access.announce();
      }),

    restore: (id: string, wish: RestoreTrash = {}): Promise<string> =>
      access.exclusive(async () => {
        const item = find(id);
        if (!(await exists(item.trashPath))) {
          throw new AppError('not-possible', `${item.trashPath} is gone: somebody has emptied the trash.`);
        }
        const to = await placeFor(access, item, wish);
        const elsewhere = dirname(to) !== dirname(item.originalPath);
        await demandItsBacking(access, item, elsewhere);
        if (await exists(to))
          throw new AppError(
            'image-exists',
            `${to} exists already. Rename that file, or restore it under another name.`,
          );
        if (elsewhere) await linkFromAnywhere(access, item);
        await putBack(item.trashPath, to);
        // A scan may have met the file at its place in between.
        const met = library.byPath(to);
        if (met !== undefined) library.change([], [met.id]);
        const image = { ...item.image, path: to, ...(wish.name === undefined ? {} : { name: wish.name }) };
        repository.takeFromTrash({ ...item, image });
        library.remember(image);
        await access.refreshLocked([item.image.id]);
        access.announceTrash(id, 'deleted');
        return item.image.id;
      }),

    deleteForGood: (id: string): Promise<void> => access.exclusive(() => deleteLocked(find(id))),

    /** What stands on others goes before these. What must stay is told, and keeps nothing else from going. */
    empty: (wish: EmptyTrash, now = Date.now()): Promise<EmptiedTrash> =>
      access.exclusive(async () => {
        const before = now - (wish.olderThanDays ?? 0) * dayMs;
        let waiting =
          wish.items === undefined
            ? repository.trash().filter(({ deletedAt }) => Date.parse(deletedAt) <= before)
            : [...new Set(wish.items)].map(find);
        let [deleted, bytes] = [0, 0];
        for (;;) {
          const left: { readonly item: TrashRow; readonly why: string }[] = [];
          for (const item of waiting) {
            try {
              await deleteLocked(item);
              deleted += 1;
              bytes += item.bytes;
            } catch (error) {
              if (!(error instanceof AppError)) throw error;
              left.push({ item, why: error.message });
            }
          }
          if (left.length === 0 || left.length === waiting.length)
            return { deleted, bytes, left: left.map(({ item: { id, name }, why }) => ({ id, name, why })) };
          waiting = left.map(({ item }) => item);
        }
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
