import { link, lstat, unlink } from 'node:fs/promises';
import { basename, dirname, extname } from 'node:path';
import { archiveName, type ImageFormat, type ImportImage } from '@strata/contract';
import { OpenForReadingError, safetyProblems } from '@strata/disk-image';
import { AppError } from '../../app-error.ts';
import { copyBytes } from '../../copy-bytes.ts';
import { lockHolder, openWords } from '../../qemu/lock-holder.ts';
import { intoNewFile } from '../../qemu/new-image-file.ts';
import { syncFolder } from '../../sync-files.ts';
import { atFreeName, libraryFolder } from './create-images.ts';
import { isForbidden, realFilePath } from './forbidden-paths.ts';
import { demandFreeSpace } from './free-space.ts';
import { allocatedOf, type ImageRecord, statKey } from './image-record.ts';
import { formatOf, type Inspected, inspectFile } from './inspect-file.ts';
import type { LibraryAccess } from './library-access.ts';
import { isWithin } from './path-trees.ts';
import { newRecord } from './read-record.ts';
import { resolveBackingOf } from './resolve-backings.ts';
import { demandSettled } from './settled-layers.ts';

const refused = (path: string, why: string): AppError =>
  new AppError('image-refused', `${path} cannot be taken in: ${why}`);

/** For a file that somebody names: what is wrong with it is told, and is no fault of the server. */
export const inspectNamed = async (path: string): Promise<Inspected> => {
  try {
    return await inspectFile(path);
  } catch (error) {
    if (!(error instanceof OpenForReadingError)) throw error;
    if (error.code === 'missing') throw new AppError('not-found', error.message, {}, { cause: error });
    throw new AppError('image-refused', `${error.message}.`, {}, { cause: error });
  }
};

/** An overlay is taken in where it lies, if what it stands on could be a disk image at all. */
const checkBacking = async (
  access: LibraryAccess,
  path: string,
  inspected: Inspected,
  operationId: string | undefined,
): Promise<void> => {
  const { dataDir } = access;
  const record = newRecord(path, inspected);
  const resolved = record === null ? null : await resolveBackingOf(record);
  if (resolved === null || resolved.target.kind === 'foreign') return;
  const target = resolved.target.path;
  if (isForbidden(target, dataDir)) {
    throw refused(path, `its backing file ${target} belongs to the system.`);
  }
  if (resolved.key !== null && !resolved.regular)
    throw refused(path, `its backing file ${target} is not a file.`);
  const backing = resolved.key === null ? undefined : access.library.byKey(resolved.key);
  if (backing !== undefined) demandSettled(access.world, backing.id, operationId);
};

/** Reads and judges a file that somebody names, without opening anything that it names in turn. */
const judged = async (
  access: LibraryAccess,
  path: string,
  operationId: string | undefined,
): Promise<Inspected & { format: ImageFormat }> => {
  const inspected = await inspectNamed(path);
  const [problem] = safetyProblems(inspected.header);
  if (problem !== undefined) throw refused(path, problem.message);
  const format = formatOf(inspected.header);
  if (format === null) throw refused(path, 'it is in a format that Strata does not take.');
  if (format === 'raw' && archiveName.test(path))
    throw refused(path, 'it is an archive. Unpack it into the library instead (POST /images/unpack).');
  const inside = access.folders().some((folder) => isWithin(path, folder.path));
  // A second name could lie anywhere, and writing through this one would change that.
  if (!inside && inspected.stat.nlink > 1n) {
    throw new AppError(
      'forbidden-path',
      `${path} has another name elsewhere (a hard link). Copy it instead.`,
    );
  }
  await checkBacking(access, path, inspected, operationId);
  return { ...inspected, format };
};

export const extensions: Record<ImageFormat, string> = {
  qcow2: 'qcow2',
  raw: 'raw',
  vmdk: 'vmdk',
  vdi: 'vdi',
  vhdx: 'vhdx',
  vpc: 'vhd',
  iso: 'iso',
};

const asAppError = (error: unknown, path: string): AppError => {
  if (error instanceof AppError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST') return new AppError('image-exists', `${path} exists already.`, {}, { cause: error });
  if (code === 'ENOSPC')
    return new AppError('disk-full', `There is no space left for ${path}.`, {}, { cause: error });
  return new AppError('not-possible', `${path} could not be written: ${String(error)}`, {}, { cause: error });
};

/** Shares blocks where the file system can; holes stay holes. Complete under its name, or not there. */
const copyInto =
  (from: string) =>
  async (path: string): Promise<void> => {
    await intoNewFile(path, (part) => copyBytes(from, part));
    await syncFolder(dirname(path));
  };

const moveInto =
  (from: string) =>
  async (path: string): Promise<void> => {
    const [source, folder] = [await lstat(from), await lstat(dirname(path))];
    if (source.dev !== folder.dev) {
      await copyInto(from)(path);
      const now = await lstat(from);
      if (now.size !== source.size || now.mtimeMs !== source.mtimeMs) {
        await unlink(path);
        throw new AppError('image-locked', `${from} was written while it was copied. It stays where it is.`);
      }
    } else {
      await link(from, path).catch((error: unknown) => {
        throw asAppError(error, path);
      });
      await syncFolder(dirname(path));
    }
    await unlink(from);
    await syncFolder(dirname(from));
  };

const demandIdle = (access: LibraryAccess, known: ImageRecord, mode: 'copy' | 'move'): void => {
  const { usedBy } = access.world.view(known.id);
  const running = access.world.uses().disks.find((disk) => disk.running && disk.imageId === known.id);
  if (running !== undefined) {
    throw new AppError('vm-running', `The VM “${running.vmName}” writes ${known.path}. Shut it down first.`);
  }
  if (mode === 'move' && usedBy.length > 0) {
    throw new AppError('image-in-use', `${known.path} cannot be moved: something stands on it.`, { usedBy });
  }
};

export interface ImportAs {
  /** The image of the library that this file is when it was moved, or the id that it gets. */
  readonly id?: string | undefined;
  /** The operation that takes it in: what that one has locked is no reason to refuse. */
  readonly operationId?: string;
}

export const importImage = async (
  access: LibraryAccess,
  request: ImportImage,
  as: ImportAs = {},
): Promise<ImageRecord> => {
  const path = await realFilePath(request.path, access.dataDir);
  if (access.world.making().has(path))
    throw new AppError(
      'operation-running',
      `${path} belongs to an operation that has not ended. Wait for it.`,
    );
  const { stat, header, format } = await judged(access, path, as.operationId);
  const known = access.library.byKey(statKey(stat)) ?? access.library.byPath(path);
  if (request.mode === 'register') {
    if (known !== undefined && known.path !== path) return known;
    // Registering again is the owner's word on the format, unless the image is in use as something.
    const used = known !== undefined && access.world.view(known.id).usedBy.length > 0;
    const settled = used ? known.format : format;
    return access.adopt(path, {
      ...(as.id === undefined ? {} : { id: as.id }),
      name: request.name ?? known?.name,
      format: settled,
      fixed: settled === 'raw',
    });
  }
  if (header.backing !== null) {
    const words =
      'It is an overlay: elsewhere it would no longer find its backing file. Register it where it is.';
    throw new AppError('not-possible', words);
  }
  if (known !== undefined) demandIdle(access, known, request.mode);
  const holder = request.mode === 'move' ? await lockHolder(path) : null;
  if (holder !== null) throw new AppError('image-locked', openWords(holder, { name: basename(path), path }));
  const folder = await libraryFolder(access);
  const sameDisk = (await lstat(folder)).dev === Number(stat.dev);
  if (request.mode === 'copy' || !sameDisk)
    await demandFreeSpace(folder, allocatedOf(stat), request.useReserve);
  const name = request.name ?? basename(path, extname(path));
  const into = request.mode === 'copy' ? copyInto(path) : moveInto(path);
  const target = await atFreeName(folder, name, extensions[format], into);
  return access.adopt(target, { name: request.name ?? basename(path), format, fixed: format === 'raw' });
};
