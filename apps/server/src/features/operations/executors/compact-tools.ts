import { createHash, type Hash } from 'node:crypto';
import { chmod, chown, link, lstat, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { clip, type ExtentList, joinNeighbours } from '@strata/backing-chain';
import {
  chunksOf,
  type HostRange,
  rawGrain,
  readPiece,
  readQcow2Allocation,
  wholeGrains,
  zeroRanges,
} from '@strata/disk-image';
import { AppError } from '../../../app-error.ts';
import { layersAreEqual, punchHoles, rewriteLayer } from '../../../qemu/compact-image.ts';
import type { WorkWatch } from '../../../qemu/image-work.ts';
import { lockHolder, openWords } from '../../../qemu/lock-holder.ts';
import type { FileMark } from './compact.ts';

/** Each is one action on the files, may be repeated, and is on disk when it returns; tests put something between. */
export interface CompactTools {
  readonly rewriteLayer: typeof rewriteLayer;
  readonly layersAreEqual: typeof layersAreEqual;
  /** Whether both leave the same ranges to what is below, as far as that reaches: so they read the same over anything. */
  holdTheSame(one: string, other: string, backingSize: number): Promise<boolean>;
  /** The new file gets the owner and the permissions of the old one. Answers its inode, and what the old one takes. */
  settle(path: string, part: string): Promise<{ key: string; storedBefore: number }>;
  /** Null: there is no such file. */
  markOf(path: string): Promise<FileMark | null>;
  storedBytes(path: string): Promise<number>;
  demandFree(path: string): Promise<void>;
  /** A second name, so that the file outlives the next step. Throws when it has one already that is not ours. */
  keepOld(path: string, old: string): Promise<void>;
  /** Over what is there, in one step. */
  takePlace(from: string, path: string): Promise<void>;
  remove(path: string): Promise<void>;
  punchZeros(path: string, held: ExtentList, watch: PunchWatch): Promise<boolean>;
}

export interface PunchWatch extends WorkWatch {
  /** All holes are punched; what the file reads is compared with what it read. */
  onProving(): void;
}

const sync = async (path: string): Promise<void> => {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const noHardLinks = new Set(['EPERM', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

const holdTheSame = async (one: string, other: string, backingSize: number): Promise<boolean> => {
  const [a, b] = await Promise.all(
    [one, other].map(async (path) => {
      const { extents, problems } = await readQcow2Allocation(path);
      if (problems.length > 0) return null;
      const ranges = joinNeighbours(extents.map(({ start, length }) => [start, length] as const));
      return JSON.stringify(clip(ranges, 0, backingSize));
    }),
  );
  return a !== null && a === b;
};

/** Reads the ranges chunk by chunk into a digest; `each` sees every chunk. */
const digestOf = async (
  path: string,
  chunks: readonly HostRange[],
  { signal, onProgress, brake }: WorkWatch,
  each: (bytes: Buffer, at: number) => void = () => {},
): Promise<string> => {
  const digest: Hash = createHash('sha256');
  const handle = await open(path, 'r');
  try {
    for (const [index, chunk] of chunks.entries()) {
      signal?.throwIfAborted();
      const bytes = await readPiece(handle, chunk);
      digest.update(bytes);
      await brake?.pass(bytes.length, signal);
      each(bytes, chunk[0]);
      onProgress?.((index + 1) / chunks.length);
    }
    return digest.digest('hex');
  } finally {
    await handle.close();
  }
};

/** Answers whether the file reads afterwards what it read before. */
const punchZeros = async (path: string, held: ExtentList, watch: PunchWatch): Promise<boolean> => {
  const { size } = await stat(path);
  const chunks = chunksOf(wholeGrains(held, size), rawGrain);
  const half = (offset: number): WorkWatch => ({
    // Proving is the end of it: no longer cancelled, and not held up.
    ...(watch.signal === undefined || offset > 0 ? {} : { signal: watch.signal }),
    ...(watch.brake === undefined || offset > 0 ? {} : { brake: watch.brake }),
    onProgress: (fraction) => watch.onProgress?.((offset + fraction) / 2),
  });
  let before = '';
  await punchHoles(
    path,
    async ({ punch }) => {
      before = await digestOf(path, chunks, half(0), (bytes, at) => {
        for (const [offset, length] of zeroRanges(bytes, at, rawGrain)) punch(offset, length);
      });
    },
    watch,
  );
  watch.onProving();
  await sync(path);
  return before === (await digestOf(path, chunks, half(1)));
};

export const compactTools: CompactTools = {
  rewriteLayer,
  layersAreEqual,
  holdTheSame,
  punchZeros,
  settle: async (path, part) => {
    const { mode, uid, gid, blocks } = await stat(path);
    const made = await stat(part);
    if (made.uid !== uid || made.gid !== gid)
      await chown(part, uid, gid).catch(() => {
        throw new AppError(
          'not-possible',
          `${path} belongs to somebody else, and a new file would not. It was not touched.`,
        );
      });
    await chmod(part, mode & 0o7777);
    await sync(part);
    await sync(dirname(part));
    const { ino } = await lstat(part, { bigint: true });
    return { key: ino.toString(), storedBefore: blocks * 512 };
  },
  markOf: (path) =>
    lstat(path, { bigint: true }).then(
      ({ ino, size, mtimeNs }) => ({
        inode: ino.toString(),
        size: Number(size),
        mtimeNs: mtimeNs.toString(),
      }),
      () => null,
    ),
  storedBytes: async (path) => (await stat(path)).blocks * 512,
  demandFree: async (path) => {
    const holder = await lockHolder(path);
    if (holder === null) return;
    throw new AppError('image-locked', openWords(holder, { name: basename(path), path }));
  },
  keepOld: async (path, old) => {
    await rm(old, { force: true });
    const { nlink } = await stat(path);
    if (nlink > 1)
      throw new AppError(
        'not-possible',
        `${path} has got another name meanwhile (a hard link), under which the old file would stay. Nothing was given back.`,
      );
    // Without hard links (FAT) the old file goes when the new one takes its place: compared it is already.
    await link(path, old).catch((error: NodeJS.ErrnoException) => {
      if (!noHardLinks.has(error.code ?? '')) throw error;
    });
    await sync(dirname(path));
  },
  takePlace: async (from, path) => {
    await rename(from, path);
    await sync(dirname(path));
  },
  remove: (path) => rm(path, { force: true }),
};
