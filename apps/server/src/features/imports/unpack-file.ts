import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { maxImageSize } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { WorkWatch } from '../../qemu/image-work.ts';
import { freeSpaceIn, spendable } from '../../space-reserve.ts';
import { SparseFile } from '../../sparse-file.ts';
import { archiveFlaw } from './archives/archive-flaw.ts';

const lookAtSpaceEvery = 64 * 1024 ** 2;

const gibibytes = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;

export interface Unpacking {
  /** Of the archive, for words. */
  readonly filename: string;
  readonly useReserve: boolean;
  readonly watch: WorkWatch;
  /** Check sums to make of what comes out, by Node's names. */
  readonly digests?: readonly string[];
  onBytes?(bytes: number): void;
}

export interface Unpacked {
  readonly size: number;
  readonly digests: Readonly<Record<string, string>>;
}

/** In full length, holes or not: an archive of nothing but zeros must not make a file that could never be filled. */
const limitFor = async (folder: string, useReserve: boolean): Promise<number> => {
  const space = await freeSpaceIn(folder);
  return space === null ? maxImageSize : Math.min(maxImageSize, spendable(space, useReserve));
};

const demandSpace = async (folder: string, filename: string, useReserve: boolean): Promise<void> => {
  const space = await freeSpaceIn(folder);
  if (space !== null && spendable(space, useReserve) === 0)
    throw new AppError('disk-full', `There is not enough space to unpack “${filename}”.`);
};

/** Chunks that come out of an archive, into a new file of ours; cut off at the limit, and then gone. On disk when it returns. */
export const unpackInto = async (
  path: string,
  chunks: AsyncIterable<Buffer>,
  { filename, useReserve, watch, digests = [], onBytes }: Unpacking,
): Promise<Unpacked> => {
  const folder = dirname(path);
  const limit = await limitFor(folder, useReserve);
  const hashes = digests.map((name): readonly [string, Hash] => [name, createHash(name)]);
  const handle = await open(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  );
  const file = new SparseFile(handle);
  let [size, looked] = [0, 0];
  try {
    for await (const chunk of chunks) {
      watch.signal?.throwIfAborted();
      size += chunk.length;
      if (size > limit)
        throw archiveFlaw(
          filename,
          `what is in it is larger than ${gibibytes(limit)}, which is all the space there is for it.`,
        );
      if (size - looked >= lookAtSpaceEvery) {
        looked = size;
        await demandSpace(folder, filename, useReserve);
      }
      for (const [, hash] of hashes) hash.update(chunk);
      await file.write(chunk);
      await watch.brake?.pass(chunk.length, watch.signal);
      onBytes?.(size);
    }
    await file.finish();
    await handle.sync();
  } catch (error) {
    await unlink(path).catch(() => {});
    watch.signal?.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    throw new AppError(
      'disk-full',
      `There is not enough space to unpack “${filename}”.`,
      {},
      { cause: error },
    );
  } finally {
    await handle.close();
  }
  if (size === 0) {
    await unlink(path);
    throw archiveFlaw(filename, 'it holds an empty file.');
  }
  return { size, digests: Object.fromEntries(hashes.map(([name, hash]) => [name, hash.digest('hex')])) };
};
