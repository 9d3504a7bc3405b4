import { unlink } from 'node:fs/promises';
import type { ImageFormat } from '@strata/contract';
import { z } from 'zod';
import { inTurn, type ProcessWatch, runLimited } from './limited-process.ts';
import { inWords } from './qemu-errors.ts';
import {
  absolute,
  driverOf,
  heavy,
  type ImageFile,
  outputOf,
  persistently,
  type SourceImage,
} from './qemu-img.ts';
import type { WorkBrake } from './work-brake.ts';

/* The long calls of qemu-img: they tell how far they are, and can be ended. The rules are those of qemu-img.ts. */

export interface WorkWatch {
  /** Ends the work; what is thrown then is the signal's reason. */
  readonly signal?: AbortSignal;
  /** From 0 to 1. */
  onProgress?(fraction: number): void;
  /** Pauses it, and limits its speed. */
  readonly brake?: WorkBrake;
}
type Work = WorkWatch & Pick<ProcessWatch, 'outlivesServer'>;

/** qemu-img -p writes `    (12.34/100%)` and a carriage return, also into a pipe. */
const fractions = (text: string): number[] =>
  [...text.matchAll(/\((\d+(?:\.\d+)?)\/100%\)/g)].map(([, percent]) => Number(percent) / 100);

export const work = async (args: readonly string[], watch: Work): Promise<string> => {
  const { signal, onProgress, brake } = watch;
  // Nothing is begun while it is paused.
  await brake?.pass(0, signal);
  return inTurn('heavy', (leave) => {
    signal?.throwIfAborted();
    return runLimited('qemu-img', args, heavy, {
      ...watch,
      onStopped: leave,
      onOutput: (text) => {
        const last = fractions(text).at(-1);
        if (last !== undefined) onProgress?.(last);
      },
    });
  });
};

/** A qcow2 image over a backing of our choice, whatever its header says. */
export const over = (path: string, backing: ImageFile | null): string =>
  `json:${JSON.stringify({
    driver: 'qcow2',
    file: { driver: 'file', filename: absolute(path) },
    backing:
      backing === null
        ? null
        : { driver: driverOf(backing.format), file: { driver: 'file', filename: absolute(backing.path) } },
  })}`;

/** A process that was ended because somebody cancelled is no failure of QEMU. */
export const unlessCancelled = async <Result>(
  doing: string,
  { signal }: WorkWatch,
  run: () => Promise<Result>,
): Promise<Result> => {
  try {
    return await inWords(doing, run);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
};

/**
 * What the image reads, through its whole chain, into a new file without backing. Whatever is at the target's name
 * goes first: the caller has chosen that name and knows that it is its own. The caller syncs file and folder.
 */
export const copyContent = (
  from: ImageFile,
  to: { readonly path: string; readonly format: 'qcow2' | 'raw' },
  watch: WorkWatch = {},
): Promise<void> =>
  unlessCancelled(`Copying ${from.path}`, watch, async () => {
    const target = absolute(to.path);
    await unlink(target).catch(() => {});
    // The target's default cache mode is `unsafe`: no flush at all.
    const args = ['convert', '-p', '-t', 'writeback', '-f', driverOf(from.format), '-O', to.format];
    await work([...args, '--', absolute(from.path), target], watch);
  });

/** Whether two images read the same, each through its whole chain. */
export const contentsAreEqual = (
  one: SourceImage,
  other: ImageFile,
  watch: WorkWatch = {},
): Promise<boolean> =>
  unlessCancelled(`Comparing ${one.path} with ${other.path}`, watch, async () => {
    const args = ['compare', '-p', '-f', driverOf(one.format), '-F', driverOf(other.format)];
    const files = ['--', absolute(one.path), absolute(other.path)];
    // 1: they differ.
    const compare = () => work([...args, ...files], watch);
    return (await persistently(compare).then(() => null, outputOf([1]))) === null;
  });

/** Formats that qemu-img can look through, and those it can mend. */
export const checkedFormats: readonly ImageFormat[] = ['qcow2', 'vdi', 'vhdx', 'vmdk'];
export const mendedFormats: readonly ImageFormat[] = ['qcow2'];

const report = z.object({
  'check-errors': z.number(),
  corruptions: z.number().default(0),
  'corruptions-fixed': z.number().default(0),
  leaks: z.number().default(0),
  'leaks-fixed': z.number().default(0),
});

/** What is wrong now: after a repair, what is left of it. */
export interface CheckReport {
  readonly errors: number;
  readonly leaks: number;
  readonly errorsFixed: number;
  readonly leaksFixed: number;
}

/**
 * Never on an image in use: what is on disk lags behind what QEMU holds in memory. The tables of one file: its backing is
 * not opened, and may be lost.
 */
export const checkImageFile = (
  { path, format }: ImageFile,
  repair: 'leaks' | 'all' | null,
  watch: WorkWatch = {},
): Promise<CheckReport> =>
  unlessCancelled(`Checking ${path}`, watch, async () => {
    const args = ['check', '--output=json', ...(repair === null ? [] : ['-r', repair])];
    const file =
      format === 'qcow2' ? ['--', over(path, null)] : ['-f', driverOf(format), '--', absolute(path)];
    // 1: not completed, 2: corruptions, 3: leaks; the report is on stdout all the same.
    const how: Work = { ...watch, outlivesServer: repair !== null };
    const output = await work([...args, ...file], how).catch(outputOf([2, 3]));
    // With a repair QEMU says beside the report what it mends.
    const found = report.parse(JSON.parse(output.slice(output.indexOf('{'))));
    return {
      errors: found['check-errors'] + found.corruptions,
      leaks: found.leaks,
      errorsFixed: found['corruptions-fixed'],
      leaksFixed: found['leaks-fixed'],
    };
  });
