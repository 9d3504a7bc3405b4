import { constants, copyFile, type FileHandle, open, unlink } from 'node:fs/promises';
import { dataOfEither, type FileRange, fileRanges } from './file-ranges.ts';
import type { WorkWatch } from './qemu/image-work.ts';
import { toAppError } from './qemu/qemu-errors.ts';

const chunkSize = 1024 ** 2;
const zeros = Buffer.alloc(chunkSize);

const withFiles = async <Result>(
  from: string,
  to: string,
  flags: string,
  work: (source: FileHandle, target: FileHandle) => Promise<Result>,
): Promise<Result> => {
  const source = await open(from, 'r');
  try {
    const target = await open(to, flags, 0o600);
    try {
      return await work(source, target);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
};

/** Calls `each` with every chunk of these ranges; ends early when it answers false. */
const walkChunks = async (
  file: FileHandle,
  ranges: readonly FileRange[],
  { signal, onProgress, brake }: WorkWatch,
  each: (chunk: Buffer, position: number) => Promise<boolean>,
): Promise<boolean> => {
  const total = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  const buffer = Buffer.alloc(chunkSize);
  let done = 0;
  for (const { start, end } of ranges)
    for (let position = start; position < end; ) {
      signal?.throwIfAborted();
      const wanted = Math.min(chunkSize, end - position);
      const { bytesRead } = await file.read(buffer, 0, wanted, position);
      if (bytesRead === 0) return false;
      if (!(await each(buffer.subarray(0, bytesRead), position))) return false;
      position += bytesRead;
      done += bytesRead;
      await brake?.pass(bytesRead, signal);
      onProgress?.(done / total);
    }
  return true;
};

/** On a disk that becomes full a write may take less than it was given, without an error. */
const writeWhole = async (target: FileHandle, chunk: Buffer, position: number): Promise<void> => {
  for (let done = 0; done < chunk.length; )
    done += (await target.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
};

const copyAll = async (from: string, to: string, watch: WorkWatch): Promise<boolean> => {
  await unlink(to).catch(() => {});
  const shared = await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE).then(
    () => true,
    () => false,
  );
  if (!shared) await unlink(to).catch(() => {});
  await withFiles(from, to, shared ? 'r+' : 'wx', async (source, target) => {
    if (!shared) {
      const data = (await fileRanges(from)).filter(({ zero }) => !zero);
      await walkChunks(source, data, watch, async (chunk, position) => {
        if (!chunk.equals(zeros.subarray(0, chunk.length))) await writeWhole(target, chunk, position);
        return true;
      });
      await target.truncate((await source.stat()).size);
    }
    await target.chmod(0o600);
    await target.sync();
  });
  return shared;
};

/** Every byte of a file into another one, on disk when it returns. Shares blocks where it can, and answers whether it has; holes stay holes. */
export const copyBytes = async (from: string, to: string, watch: WorkWatch = {}): Promise<boolean> => {
  try {
    return await copyAll(from, to, watch);
  } catch (error) {
    watch.signal?.throwIfAborted();
    throw toAppError(`Copying ${from}`, error);
  }
};

export const sameBytes = (one: string, other: string, watch: WorkWatch = {}): Promise<boolean> =>
  withFiles(one, other, 'r', async (source, target) => {
    if ((await source.stat()).size !== (await target.stat()).size) return false;
    const buffer = Buffer.alloc(chunkSize);
    const data = dataOfEither(await fileRanges(one), await fileRanges(other));
    return walkChunks(source, data, watch, async (chunk, position) => {
      const { bytesRead } = await target.read(buffer, 0, chunk.length, position);
      return bytesRead === chunk.length && chunk.equals(buffer.subarray(0, bytesRead));
    });
  });
