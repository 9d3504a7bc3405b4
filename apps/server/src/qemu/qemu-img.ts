import { isAbsolute } from 'node:path';
import type { ArrivalFormat, ImageFormat } from '@strata/contract';
import { emptyQcow2 } from '@strata/disk-image';
import { ExecaError } from 'execa';
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import { inTurn, type ProcessLimits, type ProcessWatch, runLimited } from './limited-process.ts';
import { intoNewFile, putNewFile } from './new-image-file.ts';
import { inWords, refusalFrom } from './qemu-errors.ts';

/*
 * The only way to qemu-img. Each call is one of the table in security.md 2.3 and nothing else can be called: the format is
 * always given (a probed raw image is whatever its guest wrote), paths are absolute (a relative `a:b` is a protocol) and come
 * after `--`, numbers are formatted here, and nothing of a user's text becomes an option.
 */

export interface ImageFile {
  readonly path: string;
  readonly format: ImageFormat;
}

/** Read and compared with what it is converted to, and nothing else. */
export interface SourceImage {
  readonly path: string;
  readonly format: ArrivalFormat;
}

const details = z.object({
  'virtual-size': z.number(),
  format: z.string(),
  'actual-size': z.number().optional(),
  'cluster-size': z.number().optional(),
  'dirty-flag': z.boolean().optional(),
  'backing-filename': z.string().optional(),
  'full-backing-filename': z.string().optional(),
  'backing-filename-format': z.string().optional(),
  snapshots: z
    .array(
      z.object({ id: z.string(), name: z.string(), 'vm-state-size': z.number(), 'date-sec': z.number() }),
    )
    .optional(),
});
export type ImageDetails = z.infer<typeof details>;

const checkResult = z.object({
  'check-errors': z.number(),
  corruptions: z.number().optional(),
  leaks: z.number().optional(),
});

const mapEntries = z.array(
  z.object({
    start: z.number(),
    length: z.number(),
    depth: z.number(),
    present: z.boolean(),
    zero: z.boolean(),
    data: z.boolean(),
    offset: z.number().optional(),
  }),
);
export type MapEntry = z.infer<typeof mapEntries>[number];

export type Preallocation = 'off' | 'metadata' | 'falloc' | 'full';

const mebibyte = 1024 * 1024;
const hour = 3_600_000;
export const light: ProcessLimits = {
  timeoutMs: 40_000,
  maxOutputBytes: mebibyte,
  addressSpaceBytes: 1024 * mebibyte,
  cpuSeconds: 30,
};
export const heavy: ProcessLimits = {
  timeoutMs: 12 * hour,
  maxOutputBytes: 64 * mebibyte,
  addressSpaceBytes: 2048 * mebibyte,
  cpuSeconds: 12 * 3600,
};

/** As much output as a heavy call, without waiting for those: where the holes of one file are is told at once. */
export const glance: ProcessLimits = { ...heavy, timeoutMs: 120_000, cpuSeconds: 120 };

/** QEMU has no driver for an ISO: it is raw. */
export const driverOf = (format: ArrivalFormat): string => (format === 'iso' ? 'raw' : format);

const run = (args: readonly string[], limits: ProcessLimits, watch?: ProcessWatch): Promise<string> =>
  inTurn(limits === heavy ? 'heavy' : 'light', () => runLimited('qemu-img', args, limits, watch));

const wasKilled = (error: unknown): boolean =>
  error instanceof ExecaError && error.signal === 'SIGKILL' && !error.timedOut && !error.isMaxBuffer;

/**
 * For what may be done again without a thought: when the tool is killed (the kernel is short of memory, somebody tidies
 * up), an operation that has moved all of its data need not fail for that.
 */
export const persistently = async (tool: () => Promise<string>): Promise<string> => {
  for (let again = 2; ; again -= 1)
    try {
      return await tool();
    } catch (error) {
      if (again === 0 || !wasKilled(error)) throw error;
    }
};

/** What the header says. Works on an image in use (`-U`); opens nothing but this one file, if it is a qcow2. */
export function readImageDetails({ path, format }: SourceImage): Promise<ImageDetails> {
  return inWords(`Reading ${path}`, async () => {
    const file = absolute(path);
    const output = await run(['info', '-U', '-f', driverOf(format), '--output=json', '--', file], light);
    return details.parse(JSON.parse(output));
  });
}

export interface NewImage {
  readonly path: string;
  readonly format: 'qcow2' | 'raw';
  readonly size: number;
  readonly preallocation?: Preallocation;
}

/** A new, empty image. Never touches a file that exists: `image-exists`. */
export function createImage({ path, format, size, preallocation = 'off' }: NewImage): Promise<void> {
  return intoNewFile(path, (file) => {
    const limits = preallocation === 'full' || preallocation === 'falloc' ? heavy : light;
    const options = `preallocation=${preallocation}`;
    return run(['create', '-q', '-f', format, '-o', options, '--', file, integer(size)], limits);
  });
}

export interface NewOverlay {
  readonly path: string;
  /** Goes into the header as it is: the backing image's path relative to the overlay's folder. */
  readonly backing: string;
  readonly backingFormat: ImageFormat;
}

/**
 * A new qcow2 overlay. Without a size and without `-u`, so that QEMU opens the backing image, checks it and takes its size;
 * also while a VM runs on that image.
 */
export function createOverlay({ path, backing, backingFormat }: NewOverlay): Promise<void> {
  return intoNewFile(path, (file) =>
    run(
      ['create', '-q', '-f', 'qcow2', '-b', backingName(backing), '-F', driverOf(backingFormat), '--', file],
      light,
    ),
  );
}

/**
 * The same without a process, for a backing image that has been read and approved: a live snapshot is taken while a guest
 * works. What is written is read back by whoever asked for it.
 */
export function writeOverlay<Put>(
  { path, backing, backingFormat, size }: NewOverlay & { readonly size: number },
  put: (part: string, content: Uint8Array) => Promise<Put>,
): Promise<Put> {
  const link = { string: backingName(backing), format: driverOf(backingFormat) };
  const content = emptyQcow2({ virtualSize: size, backing: link });
  return putNewFile(path, (part) => put(part, content));
}

/** Not on an image in use: what is on disk lags behind what QEMU holds in memory. Raw images cannot be checked: `qemu-refused`. */
export function checkImage({ path, format }: ImageFile): Promise<{ errors: number; leaks: number }> {
  return inWords(`Checking ${path}`, async () => {
    const args = ['check', '-f', driverOf(format), '--output=json', '--', absolute(path)];
    // 2: corruptions, 3: leaks; the report is on stdout all the same.
    const report = checkResult.parse(
      JSON.parse(await persistently(() => run(args, heavy)).catch(outputOf([2, 3]))),
    );
    return { errors: report['check-errors'] + (report.corruptions ?? 0), leaks: report.leaks ?? 0 };
  });
}

/** Whether two images read the same, each through its whole chain. */
export function imagesAreEqual(one: ImageFile, other: ImageFile): Promise<boolean> {
  return inWords(`Comparing ${one.path} with ${other.path}`, async () => {
    const formats = ['-f', driverOf(one.format), '-F', driverOf(other.format)];
    const args = ['compare', '-q', ...formats, '--', absolute(one.path), absolute(other.path)];
    // 1: they differ.
    return (await persistently(() => run(args, heavy)).then(() => 'same', outputOf([1]))) === 'same';
  });
}

/** Which layer of the chain provides each range. `inUse`: it is open elsewhere, and was flushed just before. */
export function mapImage(
  { path, format }: ImageFile,
  inUse = false,
  limits: ProcessLimits = heavy,
): Promise<MapEntry[]> {
  return inWords(`Mapping ${path}`, async () => {
    const shared = inUse ? ['-U'] : [];
    const args = ['map', ...shared, '-f', driverOf(format), '--output=json', '--', absolute(path)];
    const output = await run(args, limits);
    return mapEntries.parse(JSON.parse(output));
  });
}

/**
 * Writes another backing link into the header and nothing else. What the image reads changes with it, unless the new backing
 * reads the same as the old: the caller has proved that.
 */
export function relinkImage(
  path: string,
  backing: { readonly name: string; readonly format: ImageFormat } | null,
): Promise<void> {
  return inWords(`Relinking ${path}`, async () => {
    const link = backing ? ['-b', backingName(backing.name), '-F', driverOf(backing.format)] : ['-b', ''];
    const args = ['rebase', '-q', '-u', '-f', 'qcow2', ...link, '--', absolute(path)];
    await persistently(() => run(args, light, { outlivesServer: true }));
  });
}

/**
 * A copy of what the image reads, through its whole chain, without backing. The default cache mode of the target is `unsafe`
 * (no flush at all), hence `-t writeback`; the caller syncs the folder.
 */
export function convertImage(from: ImageFile, to: { path: string; format: 'qcow2' | 'raw' }): Promise<void> {
  return intoNewFile(to.path, (file) => {
    const formats = ['-f', driverOf(from.format), '-O', to.format];
    return run(['convert', '-q', '-t', 'writeback', ...formats, '--', absolute(from.path), file], heavy);
  });
}

export function absolute(path: string): string {
  if (!isAbsolute(path)) throw new AppError('internal-error', `${path} is not an absolute path.`);
  return path;
}

/** QEMU reads `a:b` in a header as protocol `a`, and `json:{…}` as options. A slash before the colon ends that. */
export function backingName(name: string): string {
  if (name === '' || /^[^/]*:/.test(name))
    throw new AppError('image-refused', `“${name}” would not be read as a file name in an image's header.`);
  return name;
}

function integer(size: number): string {
  if (!Number.isSafeInteger(size) || size <= 0)
    throw new AppError('internal-error', `${size} is not a size of an image.`);
  return String(size);
}

/** For tools that answer by their exit code: these codes are answers, not failures. */
export const outputOf =
  (codes: readonly number[]) =>
  (error: unknown): string => {
    if (!(error instanceof ExecaError) || error.exitCode === undefined || !codes.includes(error.exitCode))
      throw error;
    if (typeof error.stdout !== 'string') throw refusalFrom('Reading the answer', '', error);
    return error.stdout;
  };
