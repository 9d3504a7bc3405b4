import { readImageHeader } from '@strata/disk-image';
import { execa } from 'execa';
import { AppError } from '../app-error.ts';
import { qemuEnvironment } from './capabilities.ts';
import { over, unlessCancelled, type WorkWatch, work } from './image-work.ts';
import { qcow2Form } from './qcow2-form.ts';
import { absolute, backingName, driverOf, type ImageFile, outputOf } from './qemu-img.ts';
import type { NewBacking } from './rebase-image.ts';

/* Giving space back. The rules are those of qemu-img.ts. */

/**
 * The layer alone into a new file over the same backing (`-B`): clusters it leaves open stay open, also where the
 * backing reads zeros; what it holds as zeros becomes a mark that says so; the rest is copied. Proved in
 * executors/compact.qemu.test.ts for clusters and subclusters. The caller syncs file and folder.
 */
export const rewriteLayer = (
  from: string,
  to: string,
  backing: NewBacking | null,
  watch: WorkWatch = {},
): Promise<void> =>
  unlessCancelled(`Rewriting ${from}`, watch, async () => {
    const { qcow2 } = await readImageHeader(absolute(from));
    if (qcow2 === undefined) throw new AppError('image-unreadable', `${from} is no qcow2 any more.`);
    const link = backing === null ? [] : ['-B', backingName(backing.name), '-F', driverOf(backing.format)];
    // The target's default cache mode is `unsafe`: no flush at all.
    const args = ['convert', '-p', '-t', 'writeback', '-f', 'qcow2', '-O', 'qcow2', '-o', qcow2Form(qcow2)];
    await work([...args, ...link, '--', absolute(from), absolute(to)], watch);
  });

/** Whether two qcow2 files read the same over the same backing; null: each for itself, over nothing. */
export const layersAreEqual = (
  one: string,
  other: string,
  backing: ImageFile | null,
  watch: WorkWatch = {},
): Promise<boolean> =>
  unlessCancelled(`Comparing ${one} with ${other}`, watch, async () => {
    const args = ['compare', '-p', '--', over(one, backing), over(other, backing)];
    // 1: they differ.
    return (await work(args, watch).then(() => null, outputOf([1]))) === null;
  });

export interface HolePunch {
  /** The range is zeros already: only its space is given back. */
  punch(offset: number, length: number): void;
}

/**
 * Holds a raw file as its only writer while `look` finds out where it is zeros, and punches holes there: QEMU locks the
 * file from the answer to the first command on until it ends. Reads the same at every moment.
 */
export const punchHoles = async (
  path: string,
  look: (holes: HolePunch) => Promise<void>,
  { signal }: WorkWatch = {},
): Promise<void> => {
  signal?.throwIfAborted();
  const program = execa('qemu-io', ['-f', 'raw', '-d', 'unmap', '--', absolute(path)], {
    ...(signal === undefined ? {} : { cancelSignal: signal }),
    all: true,
    reject: false,
    maxBuffer: 64 * 1024 ** 2,
    env: qemuEnvironment(),
    extendEnv: false,
  });
  const opened = new Promise<void>((resolve) => {
    program.stdout.on('data', (chunk: Buffer) => {
      if (chunk.includes('iB') || chunk.includes('bytes')) resolve();
    });
    void program.then(() => resolve());
  });
  // It may have refused to open the file; the end of the process says so.
  program.stdin.on('error', () => {});
  program.stdin.write('length\n');
  await opened;
  try {
    await look({
      punch: (offset, length) => void program.stdin.write(`write -q -z -u ${offset} ${length}\n`),
    });
    program.stdin.write('flush\n');
  } finally {
    program.stdin.end('quit\n');
  }
  const result = await program;
  signal?.throwIfAborted();
  if (result.code === 'ENOENT')
    throw new AppError(
      'tool-missing',
      'The program qemu-io is missing. Install "qemu-utils" (Debian, Ubuntu) or "qemu-img" (Fedora, Arch).',
    );
  const said = result.all ?? '';
  if (/lock/i.test(said) && result.failed)
    throw new AppError('image-locked', `Another program has ${path} open. Close it there first.`);
  // Whether a write went wrong is told in words only; qemu-io may still end with 0 (QEMU 7.2).
  if (result.failed || /failed|error|can't/i.test(said))
    throw new AppError('qemu-refused', `Giving space of ${path} back did not work.`, { stderr: said });
};
