import { accessSync, closeSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { extname } from 'node:path';
import type { ImageFormat } from '@strata/contract';
import {
  type ImageHeader,
  openForReading,
  openForReadingSync,
  readImageHeader,
  readImageHeaderSync,
  safetyProblems,
} from '@strata/disk-image';
import {
  allocatedOf,
  type FileFacts,
  type FileIdentity,
  type FileStat,
  identityOf,
  statOf,
} from './image-record.ts';

/** Of a header, what the library remembers. */
export interface Inspected {
  readonly stat: FileStat;
  readonly header: Pick<ImageHeader, 'kind' | 'virtualSize' | 'backing' | 'problems'>;
  readonly snapshots: FileFacts['snapshots'];
  /** By its permissions, whatever it is. */
  readonly writable: boolean;
  /** Just before, in ms. Whoever takes this in may do so long after: what was written in between is not in it. */
  readonly readAt: number;
}

const inspected = (
  stat: FileStat,
  { kind, virtualSize, backing, problems, qcow2 }: ImageHeader,
  writable: boolean,
  readAt: number,
): Inspected => ({
  stat: statOf(stat),
  header: { kind, virtualSize, backing, problems },
  snapshots: qcow2?.snapshots ?? [],
  writable,
  readAt,
});

const isWritable = (path: string): Promise<boolean> =>
  access(path, constants.W_OK).then(
    () => true,
    () => false,
  );

/** Reads the header. Throws `OpenForReadingError` when the file cannot be opened. */
export const inspectFile = async (path: string): Promise<Inspected> => {
  const readAt = Date.now();
  const { handle, stat } = await openForReading(path);
  try {
    const header = await readImageHeader(handle, Number(stat.size));
    return inspected(stat, header, await isWritable(path), readAt);
  } finally {
    await handle.close();
  }
};

const isWritableNow = (path: string): boolean => {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

/** {@link inspectFile}, for a thread that may wait for the disk. */
export const inspectFileSync = (path: string): Inspected => {
  const readAt = Date.now();
  const { fd, stat } = openForReadingSync(path);
  try {
    return inspected(stat, readImageHeaderSync(fd, Number(stat.size)), isWritableNow(path), readAt);
  } finally {
    closeSync(fd);
  }
};

const formats = [
  'qcow2',
  'raw',
  'vmdk',
  'vdi',
  'vhdx',
  'vpc',
  'iso',
] as const satisfies readonly ImageFormat[];

/** Null for what Strata does not take (QED, Parallels, …). */
export const formatOf = (header: Pick<ImageHeader, 'kind'>): ImageFormat | null =>
  formats.find((format) => format === header.kind) ?? null;

/** Without a header every file could be a raw disk; by itself only one that says so in its name is taken for one. */
const rawNames = new Set(['.raw', '.img', '.dd', '.ima', '.vfd', '.flp', '.iso']);
export const hasRawName = (path: string): boolean => rawNames.has(extname(path).toLowerCase());

const imageNames = new Set([...rawNames, '.qcow2', '.qcow', '.vmdk', '.vdi', '.vhdx', '.vhd', '.vpc']);
export const hasImageName = (path: string): boolean => imageNames.has(extname(path).toLowerCase());

export interface FileState {
  readonly format: ImageFormat;
  readonly identity: FileIdentity;
  readonly facts: FileFacts;
}

const plainFacts = (format: ImageFormat, { stat, header }: Inspected) => {
  const headerless = format === 'raw' || format === 'iso';
  const asSettled = headerless ? header.kind === 'raw' || header.kind === 'iso' : header.kind === format;
  if (asSettled) {
    const flaws = safetyProblems(header).map(({ code, message }) => ({ code, message }));
    return { virtualSize: header.virtualSize, backing: header.backing, flaws, looksLike: null };
  }
  if (!headerless) {
    const message = `It was ${format} and is ${header.kind} now.`;
    return {
      virtualSize: 0,
      backing: null,
      flaws: [{ code: 'format-changed', message }],
      looksLike: header.kind,
    };
  }
  // What a raw disk begins with was written by its guest; nothing in it is believed (security.md, IMG-05).
  const virtualSize = Math.ceil(Number(stat.size) / 512) * 512;
  return { virtualSize, backing: null, flaws: [], looksLike: header.kind };
};

/** What is remembered of a file. `settled` is its format when that is no longer a question. */
export const fileState = (file: Inspected, settled: ImageFormat | null): FileState | null => {
  const { stat, header, snapshots, writable, readAt } = file;
  const format = settled ?? formatOf(header);
  if (format === null) return null;
  const facts: FileFacts = {
    ...plainFacts(format, file),
    allocatedSize: allocatedOf(stat),
    snapshots: format === 'qcow2' ? snapshots : [],
    writable: (format === 'qcow2' || format === 'raw') && writable,
    bornNs: stat.birthtimeNs.toString(),
    changedNs: stat.ctimeNs.toString(),
    readAt,
  };
  return { format, identity: identityOf(stat), facts };
};
