import type { BigIntStats } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { extname } from 'node:path';
import type { ImageFormat } from '@strata/contract';
import { type ImageHeader, openForReading, readImageHeader, safetyProblems } from '@strata/disk-image';
import { allocatedOf, type FileFacts, type FileIdentity, identityOf } from './image-record.ts';

export interface Inspected {
  readonly stat: BigIntStats;
  readonly header: ImageHeader;
}

/** Reads the header. Throws `OpenForReadingError` when the file cannot be opened. */
export const inspectFile = async (path: string): Promise<Inspected> => {
  const { handle, stat } = await openForReading(path);
  try {
    return { stat, header: await readImageHeader(handle, Number(stat.size)) };
  } finally {
    await handle.close();
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
export const formatOf = (header: ImageHeader): ImageFormat | null =>
  formats.find((format) => format === header.kind) ?? null;

/** Without a header every file could be a raw disk; by itself only one that says so in its name is taken for one. */
const rawNames = new Set(['.raw', '.img', '.dd', '.ima', '.vfd', '.flp', '.iso']);
export const hasRawName = (path: string): boolean => rawNames.has(extname(path).toLowerCase());

const imageNames = new Set([...rawNames, '.qcow2', '.qcow', '.vmdk', '.vdi', '.vhdx', '.vhd', '.vpc']);
export const hasImageName = (path: string): boolean => imageNames.has(extname(path).toLowerCase());

const isWritable = (path: string): Promise<boolean> =>
  access(path, constants.W_OK).then(
    () => true,
    () => false,
  );

export interface FileState {
  readonly format: ImageFormat;
  readonly identity: FileIdentity;
  readonly facts: FileFacts;
}

const plainFacts = (format: ImageFormat, stat: BigIntStats, header: ImageHeader) => {
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
export const fileState = async (
  path: string,
  { stat, header }: Inspected,
  settled: ImageFormat | null,
): Promise<FileState | null> => {
  const format = settled ?? formatOf(header);
  if (format === null) return null;
  const facts: FileFacts = {
    ...plainFacts(format, stat, header),
    allocatedSize: allocatedOf(stat),
    snapshots: format === 'qcow2' ? (header.qcow2?.snapshots ?? []) : [],
    writable: (format === 'qcow2' || format === 'raw') && (await isWritable(path)),
    bornNs: stat.birthtimeNs.toString(),
    changedNs: stat.ctimeNs.toString(),
    readAt: Date.now(),
  };
  return { format, identity: identityOf(stat), facts };
};
