import { archiveName, type ImageFormat } from '@strata/contract';
import { OpenForReadingError, safetyProblems } from '@strata/disk-image';
import { AppError } from '../../app-error.ts';
import { isForbidden, realFilePath } from './forbidden-paths.ts';
import { type ImageRecord, statKey } from './image-record.ts';
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
    throw refused(path, 'it is an archive. Unpack it into the library instead (POST /images/take-in).');
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

export interface RegisterFile {
  readonly path: string;
  readonly name?: string | undefined;
}

export interface ImportAs {
  /** The image of the library that this file is when it was moved, or the id that it gets. */
  readonly id?: string | undefined;
  /** The operation that takes it in: what that one has locked is no reason to refuse. */
  readonly operationId?: string;
}

/** A file of the host becomes an image where it lies. */
export const registerImage = async (
  access: LibraryAccess,
  request: RegisterFile,
  as: ImportAs = {},
): Promise<ImageRecord> => {
  const path = await realFilePath(request.path, access.dataDir);
  if (access.world.making().has(path))
    throw new AppError(
      'operation-running',
      `${path} belongs to an operation that has not ended. Wait for it.`,
    );
  const { stat, format } = await judged(access, path, as.operationId);
  const known = access.library.byKey(statKey(stat)) ?? access.library.byPath(path);
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
};
