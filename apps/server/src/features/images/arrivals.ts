import { constants } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { extname } from 'node:path';
import {
  type ArrivalFormat,
  type ForeignFormat,
  foreignFormat,
  foreignNames,
  type ImageFormat,
  type TookHow,
} from '@strata/contract';
import { safetyProblems } from '@strata/disk-image';
import { AppError } from '../../app-error.ts';
import type { WorkWatch } from '../../qemu/image-work.ts';
import { readImageDetails } from '../../qemu/qemu-img.ts';
import { bringFile } from './bring-file.ts';
import { libraryFolder } from './create-images.ts';
import { realFilePath } from './forbidden-paths.ts';
import { demandFreeSpace } from './free-space.ts';
import { demandTakeable } from './host-file.ts';
import { inspectNamed, registerImage } from './import-images.ts';
import { formatOf, type Inspected } from './inspect-file.ts';
import type { LibraryAccess } from './library-access.ts';
import type { NewFile, NewFiles } from './new-files.ts';

/** A file from outside that nobody has looked at yet. */
export interface Arrival {
  readonly path: string;
  /** As it was called where it comes from: shown, and a hint at what it should be. */
  readonly filename: string;
  /** What it was said to be. */
  readonly format: ArrivalFormat | null;
  /** It lies where it always lay, and stays somebody's; left out: it is ours, complete in the private folder for such files. */
  readonly theirs?: boolean;
}

/** What it becomes, and what it has to be converted from. */
export interface Judged {
  readonly format: ImageFormat;
  readonly foreign: ForeignFormat | null;
}

/** How a file gets into the folder. `take`: it is ours, and goes there. `link`: its old name stays until all is done. */
export type BringHow = 'take' | 'copy' | 'link';

export interface Brought {
  readonly file: NewFile;
  readonly how: TookHow;
}

export interface Arrivals {
  /** A folder of the library for new images; the default one when none is wished for. Throws `forbidden-path`. */
  folder(wanted?: string): Promise<string>;
  /** The real path of a file of the host that somebody names. Throws `forbidden-path`. */
  hostFile(path: string): Promise<string>;
  /** Throws unless a file of the host may be copied or moved there now. */
  demandTakeable(path: string, mode: 'copy' | 'move', folder: string): Promise<void>;
  /** What it is in the library, when it is there: whatever it begins with by now. */
  settledFormat(path: string): ImageFormat | null;
  demandSpace(folder: string, bytes: number, useReserve: boolean): Promise<void>;
  /** By its header alone: throws `image-refused` with the reason. */
  recognize(arrival: Arrival): Promise<Judged>;
  /** The same, and QEMU must see what we have seen. Opens nothing that it names. */
  judge(arrival: Arrival): Promise<Judged>;
  /** Brings a judged file under a hidden name of its own into the folder. Again and again the same. */
  bring(path: string, target: BringTarget, watch: WorkWatch): Promise<Brought>;
  publish(file: NewFile): Promise<{ imageId: string; path: string }>;
  discard(file: NewFile): Promise<void>;
  /** A file of the host becomes an image where it lies. */
  register(path: string, name?: string): Promise<string>;
}

export interface BringTarget {
  readonly folder: string;
  readonly name: string;
  readonly format: ImageFormat;
  readonly foreign: ForeignFormat | null;
  readonly how: BringHow;
  readonly tag: string;
  readonly useReserve: boolean;
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

/** By the owner's word only (security.md, 2.3): its declared format, or the name of a file of the host that somebody has chosen. */
const foreignOf = ({ filename, format, theirs }: Arrival, { header }: Inspected): ForeignFormat | null => {
  const found = foreignFormat.options.find((each) => each === header.kind);
  if (found === undefined) return null;
  const isNamedSo = format === null && theirs === true && foreignNames[found].test(filename);
  return format === found || isNamedSo ? found : null;
};

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

/** The same before and after it was looked at; and what is ours, only what nobody else can change: of one name, and ours. */
const demandSame = async (arrival: Arrival, { stat }: Inspected): Promise<void> => {
  const now = await lstat(arrival.path, { bigint: true });
  const same = now.ino === stat.ino && now.size === stat.size && now.mtimeNs === stat.mtimeNs;
  const alone = arrival.theirs === true || (now.nlink === 1n && Number(now.uid) === process.getuid?.());
  const ours = now.isFile() && alone;
  if (!same || !ours || (Number(now.mode) & constants.S_IFMT) !== constants.S_IFREG)
    throw refused(arrival.filename, 'its file was changed while it was looked at.');
};

/** QEMU's own reading, with the format given and under limits; it must see what we have seen (security.md, 2.3). */
const demandAgreement = async (
  { path, filename }: Arrival,
  { header, snapshots }: Inspected,
  format: ArrivalFormat,
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

const recognized = async (arrival: Arrival): Promise<{ inspected: Inspected; judged: Judged }> => {
  const { filename } = arrival;
  const inspected = await inspectNamed(arrival.path);
  const { header } = inspected;
  const foreign = foreignOf(arrival, inspected);
  const problem = safetyProblems(header).find(({ code }) => foreign === null || code !== 'refused-format');
  if (problem !== undefined) throw refused(filename, problem.message);
  if (header.backing !== null)
    throw refused(
      filename,
      'it is an overlay: without what it stands on it shows nothing. Take an image that stands on nothing, or adopt the folder where both lie.',
    );
  if (foreign !== null) return { inspected, judged: { format: 'qcow2', foreign } };
  const found = formatOf(header);
  if (found === null) throw refused(filename, 'it is in a format that Strata does not take.');
  demandDeclared(arrival, found);
  const declared = arrival.format === 'raw' ? 'raw' : found;
  return { inspected, judged: { format: declared, foreign: null } };
};

/** The pipeline of security.md 2.3, from a file that is complete to an image of the library. */
export const createArrivals = (access: LibraryAccess, newFiles: NewFiles): Arrivals => ({
  folder: (wanted) => libraryFolder(access, wanted),
  hostFile: (path) => realFilePath(path, access.dataDir),
  demandTakeable: (path, mode, folder) => demandTakeable(access, path, mode, folder),
  settledFormat: (path) => access.library.byPath(path)?.format ?? null,
  demandSpace: demandFreeSpace,

  recognize: async (arrival) => (await recognized(arrival)).judged,
  judge: async (arrival) => {
    const { inspected, judged } = await recognized(arrival);
    await demandAgreement(arrival, inspected, judged.foreign ?? judged.format);
    await demandSame(arrival, inspected);
    return judged;
  },

  bring: (path, target, watch) => bringFile(newFiles, path, target, watch),
  publish: (file) => newFiles.publish(file),
  discard: (file) => newFiles.discard(file),
  register: async (path, name) => (await registerImage(access, { path, name })).id,
});
