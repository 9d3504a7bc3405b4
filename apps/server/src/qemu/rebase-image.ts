import type { ImageFormat } from '@strata/contract';
import { inTurn, runLimited } from './limited-process.ts';
import { allPids, argumentsOf, identify, killProcess, waitForEnd } from './process-identity.ts';
import { inWords } from './qemu-errors.ts';
import {
  absolute,
  backingName,
  driverOf,
  heavy,
  type ImageFile,
  outputOf,
  persistently,
} from './qemu-img.ts';

/* Putting another backing under an image, and the proof that it reads the same. The rules are those of qemu-img.ts. */

export interface RebaseWatch {
  /** Ends the work: until the link is rewritten nothing has changed, for what was copied reads the same. */
  readonly signal?: AbortSignal;
  /** From 0 to 1. */
  onProgress?(fraction: number): void;
}

const endTimeoutMs = 10_000;
const percent = /\((\d+(?:\.\d+)?)\/100%\)/g;

const work = async (args: readonly string[], { signal, onProgress }: RebaseWatch): Promise<string> => {
  signal?.throwIfAborted();
  return inTurn('heavy', () =>
    runLimited('qemu-img', args, heavy, {
      ...(signal === undefined ? {} : { signal }),
      onOutput: (text) => {
        const last = [...text.matchAll(percent)].at(-1)?.[1];
        if (last !== undefined) onProgress?.(Number(last) / 100);
      },
    }),
  );
};

const unlessCancelled = async <Result>(
  doing: string,
  { signal }: RebaseWatch,
  run: () => Promise<Result>,
): Promise<Result> => {
  try {
    return await inWords(doing, run);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
};

export interface NewBacking {
  /** Goes into the header: relative to the folder of the image. */
  readonly name: string;
  readonly format: ImageFormat;
}

export const rebaseArguments = (path: string, backing: NewBacking | null): string[] => {
  const link =
    backing === null ? ['-b', ''] : ['-b', backingName(backing.name), '-F', driverOf(backing.format)];
  return ['rebase', '-p', '-t', 'writethrough', '-f', 'qcow2', ...link, '--', absolute(path)];
};

/**
 * Safe rebase: what the two backings show differently is written into the image, then its link. Never with the
 * default cache mode: there the link can reach the file before the tables of what was copied (security.md §0:
 * lost at three of its last writes; with writethrough at none).
 */
export const rebaseImage = (
  path: string,
  backing: NewBacking | null,
  watch: RebaseWatch = {},
): Promise<void> =>
  unlessCancelled(`Rebasing ${path}`, watch, async () => {
    await work(rebaseArguments(path, backing), watch);
  });

/**
 * Ends what another server began with the same arguments (that of a server that was killed, where the system has no
 * `setpriv`). Until it is gone it may write the link.
 */
export const endRebase = async (path: string, backing: NewBacking | null): Promise<void> => {
  const wanted = ['qemu-img', ...rebaseArguments(path, backing)].join('\0');
  for (const pid of await allPids()) {
    if ((await argumentsOf(pid)).join('\0') !== wanted) continue;
    const process = await identify(pid);
    if (process === null) continue;
    await killProcess(process);
    await waitForEnd(process, endTimeoutMs);
  }
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

/** Whether an image reads the same over two backings, each through its whole chain: both are read, nothing is written. */
export const readsSameOver = (
  path: string,
  one: ImageFile | null,
  other: ImageFile | null,
  watch: RebaseWatch = {},
): Promise<boolean> =>
  unlessCancelled(`Comparing what ${path} reads`, watch, async () => {
    // 1: they differ.
    const args = ['compare', '-q', '--', over(path, one), over(path, other)];
    const answer = await persistently(() => work(args, watch)).then(() => null, outputOf([1]));
    return answer === null;
  });

/** Whether two images read the same over the whole size of the longer one; what only that one has must be zeros. */
export const readSame = (one: ImageFile, other: ImageFile, watch: RebaseWatch = {}): Promise<boolean> =>
  unlessCancelled(`Comparing ${one.path} with ${other.path}`, watch, async () => {
    const formats = ['-f', driverOf(one.format), '-F', driverOf(other.format)];
    const args = ['compare', '-p', ...formats, '--', absolute(one.path), absolute(other.path)];
    return (await persistently(() => work(args, watch)).then(() => null, outputOf([1]))) === null;
  });
