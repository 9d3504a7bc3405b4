import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { ChecksumAlgorithm } from '@strata/contract';
import { openForReading } from '@strata/disk-image';
import { AppError } from '../../../app-error.ts';
import type { WorkWatch } from '../../../qemu/image-work.ts';
import { inTurn } from '../../../qemu/limited-process.ts';
import { identityOf } from '../image-record.ts';
import { filePieces } from './file-pieces.ts';
import { startHashThread } from './hash-thread.ts';
import type { HashedFile } from './remembered-checksum.ts';

export interface HashedAs {
  readonly sums: ReadonlyMap<ChecksumAlgorithm, string>;
  readonly file: HashedFile;
}

/** Given to the threads before the first is done: neither they nor the disk wait for our messages. */
const underWay = 8;
/** A write in the tick of the file system's clock in which we begin would leave the same time behind. */
const tickMilliseconds = 50;

export const hashedFileOf = (stat: BigIntStats): HashedFile => ({
  ...identityOf(stat),
  changedNs: stat.ctimeNs.toString(),
});

const settledStat = async (handle: FileHandle): Promise<BigIntStats> => {
  const stat = await handle.stat({ bigint: true });
  const age = Date.now() - Number(stat.ctimeNs / 1_000_000n);
  if (age >= tickMilliseconds || age < 0) return stat;
  await delay(tickMilliseconds - age);
  return handle.stat({ bigint: true });
};

/** Resolves when the work may go on; others have its turn while it may not. */
const passBrake = async ({ brake, signal }: WorkWatch, bytes: number, leave: () => void): Promise<void> => {
  const passed = brake?.pass(bytes, signal);
  if (passed === undefined) return;
  const isHeld = await Promise.race([passed.then(() => false), turn(true)]);
  if (isHeld) leave();
  await passed;
};

const digests = async (
  { fd }: FileHandle,
  pieces: Iterable<{ readonly offset: number; readonly length: number; readonly zero: boolean }>,
  algorithms: readonly ChecksumAlgorithm[],
  size: number,
  watch: WorkWatch,
  leave: () => void,
): Promise<Map<ChecksumAlgorithm, string>> => {
  const threads = algorithms.map((algorithm) => ({ algorithm, thread: startHashThread(fd, algorithm) }));
  try {
    const given: { readonly end: number; readonly done: Promise<unknown> }[] = [];
    const settle = async (most: number): Promise<void> => {
      while (given.length > most) {
        const oldest = given.shift();
        await oldest?.done;
        watch.onProgress?.((oldest?.end ?? 0) / Math.max(1, size));
      }
    };
    for (const piece of pieces) {
      await passBrake(watch, piece.zero ? 0 : piece.length, leave);
      watch.signal?.throwIfAborted();
      const done = Promise.all(threads.map(({ thread }) => thread.take(piece)));
      // Looked at in its turn; when another fails before, it is no unhandled rejection.
      done.catch(() => {});
      given.push({ end: piece.offset + piece.length, done });
      await settle(underWay - 1);
    }
    await settle(0);
    const sums = new Map<ChecksumAlgorithm, string>();
    for (const { algorithm, thread } of threads) sums.set(algorithm, await thread.digest());
    return sums;
  } finally {
    await Promise.all(threads.map(({ thread }) => thread.end()));
  }
};

/** Throws `image-unreadable` when the file was written meanwhile: the sum would be of no moment. */
export const hashFile = async (
  path: string,
  algorithms: readonly ChecksumAlgorithm[],
  watch: WorkWatch = {},
): Promise<HashedAs> => {
  const { handle } = await openForReading(path);
  try {
    const stat = await settledStat(handle);
    const pieces = await filePieces(path);
    const size = Number(stat.size);
    const sums = await inTurn('heavy', (leave) => digests(handle, pieces, algorithms, size, watch, leave));
    const file = hashedFileOf(stat);
    const after = hashedFileOf(await handle.stat({ bigint: true }));
    if (JSON.stringify(after) !== JSON.stringify(file))
      throw new AppError(
        'image-unreadable',
        `${path} was changed while it was read. Compute the checksum again when nothing writes it.`,
      );
    return { sums, file };
  } finally {
    await handle.close();
  }
};
