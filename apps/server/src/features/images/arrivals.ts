import { constants } from 'node:fs';
import { lstat, rename, unlink } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { ImageFormat } from '@strata/contract';
import { safetyProblems } from '@strata/disk-image';
import { AppError } from '../../app-error.ts';
import type { WorkWatch } from '../../qemu/image-work.ts';
import { readImageDetails } from '../../qemu/qemu-img.ts';
import { syncFolder } from '../../sync-files.ts';
import { libraryFolder } from './create-images.ts';
import { placeOfFolder } from './folder-place.ts';
import { realFilePath } from './forbidden-paths.ts';
import { demandFreeSpace } from './free-space.ts';
import { inspectNamed } from './import-images.ts';
import { inodeOf } from './inode.ts';
import { formatOf, type Inspected } from './inspect-file.ts';
import type { LibraryAccess } from './library-access.ts';
import type { NewFile, NewFiles } from './new-files.ts';

/** A file from outside, complete in the private folder for such files, that nobody has looked at yet. */
export interface Arrival {
  readonly path: string;
  /** As it was called where it comes from: shown, and a hint at what it should be. */
  readonly filename: string;
  /** What it was said to be. */
  readonly format: ImageFormat | null;
}

export interface Arrivals {
  /** A folder of the library for new images; the default one when none is wished for. Throws `forbidden-path`. */
  folder(wanted?: string): Promise<string>;
  /** The real path of a file of the host that somebody names. Throws `forbidden-path`. */
  hostFile(path: string): Promise<string>;
  demandSpace(folder: string, bytes: number, useReserve: boolean): Promise<void>;
  /** What it is, if it may be taken in; throws `image-refused` with the reason. Opens nothing that it names. */
  judge(arrival: Arrival): Promise<ImageFormat>;
  /** Brings a judged file under a hidden name of its own into the folder. Again and again the same. */
  bring(path: string, target: BringTarget, watch: WorkWatch): Promise<NewFile>;
  publish(file: NewFile): Promise<{ imageId: string; path: string }>;
  discard(file: NewFile): Promise<void>;
}

export interface BringTarget {
  readonly folder: string;
  readonly name: string;
  readonly format: ImageFormat;
  readonly tag: string;
}

const refused = (filename: string, why: string): AppError =>
  new AppError('image-refused', `“${filename}” cannot be taken in: ${why}`);

/** These say in their first or last bytes what they are: a file that is called so and does not is broken. */
const toldByName: Readonly<Record<string, ImageFormat>> = {
  '.qcow2': 'qcow2',
  '.vmdk': 'vmdk',
  '.vdi': 'vdi',
  '.vhdx': 'vhdx',
  '.vhd': 'vpc',
};
/** What anything may be called that has no header of its own. */
const rawNames = /^(|\.(raw|img|dd|bin|iso|ima|vfd|flp|usb|hdd|disk))$/;

const demandDeclared = ({ filename, format }: Arrival, found: ImageFormat): void => {
  const isPlain = found === 'raw' || found === 'iso';
  if (format !== null) {
    // An ISO is a raw disk that can be told; what is declared raw stays raw.
    if (format === found || (format === 'raw' && isPlain)) return;
    throw refused(filename, `it was said to be ${format}, and is ${found} by its content.`);
  }
  const ending = extname(filename).toLowerCase();
  const promised = toldByName[ending];
  if (found === 'raw' && promised !== undefined)
    throw refused(
      filename,
      `by its name it is ${promised}, but it has no such header. It may be incomplete, or something else.`,
    );
  if (found === 'raw' && !rawNames.test(ending))
    throw refused(
      filename,
      'it does not look like a disk image. If it holds the plain bytes of a disk, say that its format is raw.',
    );
};

/** Only what nobody else can change: one name, ours, and the same before and after it was looked at. */
const demandOurs = async (arrival: Arrival, { stat }: Inspected): Promise<void> => {
  const now = await lstat(arrival.path, { bigint: true });
  const same = now.ino === stat.ino && now.size === stat.size && now.mtimeNs === stat.mtimeNs;
  const ours = now.isFile() && now.nlink === 1n && Number(now.uid) === process.getuid?.();
  if (!same || !ours || (Number(now.mode) & constants.S_IFMT) !== constants.S_IFREG)
    throw refused(arrival.filename, 'its file was changed while it was looked at.');
};

/** QEMU's own reading, with the format given and under limits; it must see what we have seen (security.md, 2.3). */
const demandAgreement = async (
  { path, filename }: Arrival,
  { header, snapshots }: Inspected,
  format: ImageFormat,
): Promise<void> => {
  const details = await readImageDetails({ path, format }).catch((error: unknown) => {
    if (!(error instanceof AppError) || error.code === 'tool-missing') throw error;
    throw refused(filename, `QEMU cannot read it (${error.message})`);
  });
  const agrees =
    details['virtual-size'] === header.virtualSize &&
    details['backing-filename'] === undefined &&
    (format !== 'qcow2' || (details.snapshots?.length ?? 0) === snapshots.length);
  if (!agrees) throw refused(filename, 'QEMU reads something else in its header than Strata does.');
};

/** The pipeline of security.md 2.3, from a file that is complete to an image of the library. */
export const createArrivals = (access: LibraryAccess, newFiles: NewFiles): Arrivals => ({
  folder: (wanted) => libraryFolder(access, wanted),
  hostFile: (path) => realFilePath(path, access.dataDir),
  demandSpace: demandFreeSpace,

  judge: async (arrival) => {
    const { filename } = arrival;
    const inspected = await inspectNamed(arrival.path);
    const { header } = inspected;
    const [problem] = safetyProblems(header);
    if (problem !== undefined) throw refused(filename, problem.message);
    if (header.backing !== null)
      throw refused(
        filename,
        'it is an overlay: without what it stands on it shows nothing. Send an image that stands on nothing, or adopt the folder where both lie.',
      );
    const found = formatOf(header);
    if (found === null) throw refused(filename, 'it is in a format that Strata does not take.');
    demandDeclared(arrival, found);
    const format = arrival.format ?? found;
    await demandAgreement(arrival, inspected, format);
    await demandOurs(arrival, inspected);
    return format;
  },

  bring: async (path, { folder, name, format, tag }, watch) => {
    const part = join(folder, `.strata-${tag}.part`);
    const file: NewFile = { part, folder, name, format, key: null, place: await placeOfFolder(folder) };
    const key = await inodeOf(path);
    try {
      if (key !== null) await rename(path, part);
      await syncFolder(folder);
      return { ...file, key: await inodeOf(part) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
      const made = await newFiles.makeFrom(file, { path, backing: null }, watch);
      await unlink(path);
      return made;
    }
  },

  publish: (file) => newFiles.publish(file),
  discard: (file) => newFiles.discard(file),
});
