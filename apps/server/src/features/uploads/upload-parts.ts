import { constants } from 'node:fs';
import { type FileHandle, open, readdir, stat, truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../app-error.ts';
import { freeSpaceIn, spendable } from '../../space-reserve.ts';
import { SparseFile } from '../../sparse-file.ts';
import type { UploadRow } from './uploads.types.ts';

/** At the same time, whoever sends them (security.md §6). */
export const mostAtOnce = 4;
const lookAtSpaceEvery = 64 * 1024 ** 2;
/** After a power failure no more than this has to be sent again. */
const syncEvery = 256 * 1024 ** 2;

interface Receiving {
  readonly stop: AbortController;
  readonly file: SparseFile;
  readonly ended: Promise<unknown>;
}

/** The files of uploads: one writer each, as long as what has come. */
export interface UploadParts {
  path(id: string): string;
  create(id: string): Promise<void>;
  /** Bytes that are here. */
  offset(id: string): Promise<number>;
  isActive(id: string): boolean;
  /** Appends what comes; answers the new offset. `synced` is told when everything up to there is on disk. */
  receive(
    row: UploadRow,
    offset: number,
    chunks: AsyncIterable<Buffer>,
    synced: (offset: number) => void,
  ): Promise<number>;
  /** Ends a part that is on its way; resolves when nothing is written any more. */
  stop(id: string): Promise<void>;
  cut(id: string, length: number): Promise<void>;
  remove(id: string): Promise<void>;
  /** Removes what a crash has left of uploads that nobody knows. */
  sweep(known: ReadonlySet<string>): Promise<void>;
}

const isFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((error as NodeJS.ErrnoException).code ?? '');

const inWords = (filename: string, error: unknown): unknown =>
  isFull(error)
    ? new AppError(
        'disk-full',
        `There is no space left for “${filename}”. What was sent is kept: free some space, then go on.`,
        {},
        { cause: error },
      )
    : error;

export const createUploadParts = (folder: string): UploadParts => {
  const receiving = new Map<string, Receiving>();
  const path = (id: string): string => join(folder, `${id}.part`);

  const demandSpace = async (row: UploadRow): Promise<void> => {
    const space = await freeSpaceIn(folder);
    if (space === null || spendable(space, row.wishes.useReserve) > 0) return;
    throw new AppError(
      'disk-full',
      `The disk is nearly full: “${row.filename}” would use what Strata keeps as a reserve. What was sent is kept: free some space, then go on.`,
      { fitsInReserve: true },
    );
  };

  const takeAll = async (
    row: UploadRow,
    file: SparseFile,
    chunks: AsyncIterable<Buffer>,
    { signal }: AbortController,
  ): Promise<void> => {
    let received = file.position;
    let looked = received;
    for await (const chunk of chunks) {
      signal.throwIfAborted();
      received += chunk.length;
      if (received > row.size)
        throw new AppError('body-too-large', `“${row.filename}” was announced with ${row.size} bytes.`);
      if (received - looked >= lookAtSpaceEvery) {
        looked = received;
        await demandSpace(row);
      }
      await file.write(chunk);
    }
    signal.throwIfAborted();
  };

  const receiveInto = async (
    handle: FileHandle,
    row: UploadRow,
    file: SparseFile,
    chunks: AsyncIterable<Buffer>,
    stop: AbortController,
    synced: (offset: number) => void,
  ): Promise<number> => {
    try {
      await takeAll(row, file, chunks, stop);
    } finally {
      // Also what came before a connection broke is here.
      await file.finish().catch((error: unknown) => {
        throw inWords(row.filename, error);
      });
    }
    if (file.position === row.size || file.position - row.synced >= syncEvery) {
      await handle.sync();
      synced(file.position);
    }
    return file.position;
  };

  return {
    path,
    create: async (id) => {
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
      await (await open(path(id), flags, 0o600)).close();
    },
    offset: async (id) => {
      const { size } = await stat(path(id));
      return Math.max(size, receiving.get(id)?.file.position ?? 0);
    },
    isActive: (id) => receiving.has(id),
    receive: async (row, offset, chunks, synced) => {
      if (receiving.has(row.id))
        throw new AppError('upload-conflict', `Another part of “${row.filename}” is on its way.`);
      if (receiving.size >= mostAtOnce)
        throw new AppError(
          'rate-limited',
          `${mostAtOnce} uploads are under way. Go on when one of them has ended.`,
        );
      const stop = new AbortController();
      let end = (): void => {};
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      const handle = await open(path(row.id), constants.O_WRONLY | constants.O_NOFOLLOW);
      const file = new SparseFile(handle, offset);
      receiving.set(row.id, { stop, file, ended });
      try {
        return await receiveInto(handle, row, file, chunks, stop, synced);
      } catch (error) {
        throw inWords(row.filename, error);
      } finally {
        await handle.close();
        receiving.delete(row.id);
        end();
      }
    },
    stop: async (id) => {
      const under = receiving.get(id);
      under?.stop.abort(new AppError('upload-conflict', 'The upload was removed.'));
      await under?.ended;
    },
    cut: (id, length) => truncate(path(id), length),
    remove: async (id) => {
      await unlink(path(id)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    },
    sweep: async (known) => {
      for (const name of await readdir(folder)) {
        const id = /^([a-z0-9]{12})\.part$/.exec(name)?.[1];
        if (id !== undefined && !known.has(id)) await unlink(join(folder, name));
      }
    },
  };
};
