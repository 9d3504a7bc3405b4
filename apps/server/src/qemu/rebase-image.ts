import type { ImageFormat } from '@strata/contract';
import { over, unlessCancelled, type WorkWatch, work } from './image-work.ts';
import { allPids, argumentsOf, identify, killProcess, waitForEnd } from './process-identity.ts';
import { absolute, backingName, driverOf, type ImageFile, outputOf, persistently } from './qemu-img.ts';

/* Putting another backing under an image, and the proof that it reads the same. The rules are those of qemu-img.ts. */

const endTimeoutMs = 10_000;

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
export const rebaseImage = (path: string, backing: NewBacking | null, watch: WorkWatch = {}): Promise<void> =>
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

/** Whether an image reads the same over two backings, each through its whole chain: both are read, nothing is written. */
export const readsSameOver = (
  path: string,
  one: ImageFile | null,
  other: ImageFile | null,
  watch: WorkWatch = {},
): Promise<boolean> =>
  unlessCancelled(`Comparing what ${path} reads`, watch, async () => {
    // 1: they differ.
    const args = ['compare', '-q', '--', over(path, one), over(path, other)];
    const answer = await persistently(() => work(args, watch)).then(() => null, outputOf([1]));
    return answer === null;
  });
