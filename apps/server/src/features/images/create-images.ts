import { access, constants, realpath, stat, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { CreateImage } from '@strata/contract';
import { type ImageHeader, readImageHeader } from '@strata/disk-image';
import { AppError } from '../../app-error.ts';
import { relativeBacking } from '../../backing-link.ts';
import { createImage, createOverlay, type Preallocation } from '../../qemu/qemu-img.ts';
import { syncWithFolder } from '../../sync-files.ts';
import { approvedChain } from './chain-facts.ts';
import { forbidSystemPath } from './forbidden-paths.ts';
import { demandFreeSpace, justHeader } from './free-space.ts';
import { candidatePaths, shownStem, stemOf } from './image-names.ts';
import type { ImageRecord } from './image-record.ts';
import type { LibraryAccess } from './library-access.ts';
import { isWithin } from './path-trees.ts';
import { demandSettled } from './settled-layers.ts';

/** `given`: shown as a person wrote it. `unique`: Strata chose it, and nothing else is shown so. */
export type Naming = 'given' | 'unique';

/** Where new images may go: a registered folder, or one below it. */
export const libraryFolder = async (
  { library, folders, dataDir }: LibraryAccess,
  wanted?: string,
): Promise<string> => {
  const registered = folders();
  const given = wanted ?? registered.find((folder) => folder.isDefault)?.path;
  const path = given === undefined ? null : await realpath(given).catch(() => null);
  if (path === null) throw new AppError('not-found', `There is no folder ${given ?? 'for new images'}.`);
  // A scan does not look there, and an image would be taken for gone.
  forbidSystemPath(path, dataDir);
  if (!(await stat(path)).isDirectory()) throw new AppError('not-possible', `${path} is not a folder.`);
  if (registered.some((folder) => isWithin(path, folder.path))) return path;
  const lone = [...library.all()].some((record) => dirname(record.path) === path);
  if (lone) return path;
  throw new AppError('forbidden-path', `${path} is not a folder of the library. Register it first.`);
};

/** Tries names until one is free; the file is created exclusively, so nobody's file is overwritten. */
export const atFreeName = async (
  folder: string,
  name: string,
  extension: string,
  make: (path: string) => Promise<void>,
  isAllowed: (path: string) => boolean = () => true,
): Promise<string> => {
  for (const path of candidatePaths(folder, name, extension)) {
    if (!isAllowed(path)) continue;
    try {
      await make(path);
      return path;
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'image-exists') throw error;
    }
  }
  throw new AppError('image-exists', `Every name like “${name}” is taken in ${folder}.`);
};

/**
 * What Strata names by itself is called as no other image is, in any folder and in the trash: “Demo-2”. A person may
 * give a name twice.
 */
export const isUnusedName = ({ library, repository }: LibraryAccess): ((path: string) => boolean) => {
  const shown = [...library.all(), ...repository.trash()].map(({ name }) => shownStem(name));
  const taken = new Set(shown);
  return (path) => !taken.has(shownStem(basename(path)));
};

const spaceFor = (size: number, preallocation: Preallocation): number =>
  preallocation === 'full' || preallocation === 'falloc' ? size : justHeader;

export const createEmptyImage = async (
  access: LibraryAccess,
  request: CreateImage & { size: number },
  naming: Naming = 'given',
): Promise<ImageRecord> => {
  const { name, format, size, preallocation } = request;
  if (format === 'raw' && preallocation === 'metadata') {
    throw new AppError(
      'not-possible',
      'A raw image has no metadata to preallocate. Choose off, falloc or full.',
    );
  }
  const folder = await libraryFolder(access, request.folder);
  await demandFreeSpace(folder, spaceFor(size, preallocation), request.useReserve);
  const path = await atFreeName(
    folder,
    name,
    format,
    (file) => createImage({ path: file, format, size, preallocation }),
    naming === 'unique' ? isUnusedName(access) : undefined,
  );
  await syncWithFolder(path);
  const shown = naming === 'unique' ? stemOf(path) : name;
  return access.adopt(path, { name: shown, format, fixed: format === 'raw' });
};

const isWritableFolder = (path: string): Promise<boolean> =>
  access(path, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );

/** Beside its backing image, if that is a place for new files; else in the default folder. */
export const overlayFolder = async (
  access: LibraryAccess,
  backing: ImageRecord,
  { folder, place = 'beside' }: Pick<OverlayRequest, 'folder' | 'place'> = {},
): Promise<string> => {
  if (folder !== undefined) return libraryFolder(access, folder);
  if (place === 'default') return libraryFolder(access);
  const beside = dirname(backing.path);
  const inLibrary = access.folders().some((folder) => isWithin(beside, folder.path));
  return inLibrary && (await isWritableFolder(beside)) ? beside : libraryFolder(access);
};

/** What was asked for must be what the header says: an overlay without its link shows zeros where data was. */
export const readsAsOverlay = (
  header: Pick<ImageHeader, 'backing' | 'problems' | 'virtualSize'>,
  link: string,
  backing: ImageRecord,
): boolean => {
  const driver = backing.format === 'iso' ? 'raw' : backing.format;
  const linked = header.backing?.string === link && header.backing.format === driver;
  return header.problems.length === 0 && linked && header.virtualSize === backing.facts.virtualSize;
};

export const unreadableOverlay = (backing: ImageRecord): AppError =>
  new AppError(
    'image-unreadable',
    `The new overlay of ${backing.path} does not read as it should; it was removed.`,
  );

export const verifyOverlay = async (path: string, link: string, backing: ImageRecord): Promise<void> => {
  if (readsAsOverlay(await readImageHeader(path), link, backing)) return;
  await unlink(path);
  throw unreadableOverlay(backing);
};

/** Exclusively, so that the backing image is not deleted before its overlay is known. */
export const createOverlayImage = (access: LibraryAccess, request: OverlayRequest): Promise<ImageRecord> =>
  access.exclusive(() => createOverlayLocked(access, request));

interface OverlayRequest {
  readonly backingId: string;
  readonly stem: string;
  readonly folder?: string | undefined;
  readonly place?: 'beside' | 'default' | undefined;
  readonly naming: Naming;
}

const createOverlayLocked = async (access: LibraryAccess, request: OverlayRequest): Promise<ImageRecord> => {
  const chain = approvedChain(access.world, request.backingId).map((record) => record.id);
  await access.refreshLocked(chain);
  const [backing] = approvedChain(access.world, request.backingId);
  if (backing === undefined) throw new AppError('not-found', `There is no image ${request.backingId}.`);
  demandSettled(access.world, backing.id);
  const folder = await overlayFolder(access, backing, request);
  await demandFreeSpace(folder, justHeader);
  const link = relativeBacking(folder, backing.path);
  const path = await atFreeName(
    folder,
    request.stem,
    'qcow2',
    async (file) => {
      // The last look: an operation may have begun while headers were read.
      demandSettled(access.world, backing.id);
      await createOverlay({ path: file, backing: link, backingFormat: backing.format });
    },
    request.naming === 'unique' ? isUnusedName(access) : undefined,
  );
  await verifyOverlay(path, link, backing);
  await syncWithFolder(path);
  const name = request.naming === 'unique' ? stemOf(path) : request.stem;
  return access.adoptLocked(path, { name, format: 'qcow2' });
};
