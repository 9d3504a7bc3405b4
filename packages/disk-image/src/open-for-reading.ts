import type { BigIntStats } from 'node:fs';
import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';

export type OpenProblem = 'missing' | 'not-a-file' | 'not-permitted' | 'unreadable';

/** The only way a file gets no handle. */
export class OpenForReadingError extends Error {
  override readonly name = 'OpenForReadingError';
  readonly code: OpenProblem;

  constructor(code: OpenProblem, message: string, options?: { cause: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export interface OpenedFile {
  readonly handle: FileHandle;
  readonly stat: BigIntStats;
}

const words: Record<string, { code: OpenProblem; text: string }> = {
  ENOENT: { code: 'missing', text: 'there is no such file' },
  ENOTDIR: { code: 'missing', text: 'there is no such file' },
  EACCES: { code: 'not-permitted', text: 'you may not read it' },
  EPERM: { code: 'not-permitted', text: 'you may not read it' },
  ELOOP: { code: 'not-a-file', text: 'it is a symbolic link' },
};

const failure = (path: string, error: unknown): OpenForReadingError => {
  if (error instanceof OpenForReadingError) return error;
  const errno = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  const known = words[errno] ?? { code: 'unreadable' as const, text: `reading failed (${errno})` };
  return new OpenForReadingError(known.code, `${path}: ${known.text}`, { cause: error });
};

const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const demandRegular = (path: string, seen: BigIntStats): void => {
  if (!seen.isFile()) throw new OpenForReadingError('not-a-file', `${path}: it is not a regular file`);
};

const demandSame = (path: string, seen: BigIntStats, opened: BigIntStats): void => {
  if (opened.isFile() && opened.dev === seen.dev && opened.ino === seen.ino) return;
  throw new OpenForReadingError('not-a-file', `${path}: it was exchanged while it was opened`);
};

/**
 * Opens a regular file to read, and nothing else. A FIFO would hang, a device would act and a socket or folder
 * is no image: the first look is an `lstat`, the open refuses links and does not block, and what was opened must
 * be what was looked at.
 */
export const openForReading = async (path: string): Promise<OpenedFile> => {
  let handle: FileHandle | undefined;
  try {
    const seen = await lstat(path, { bigint: true });
    demandRegular(path, seen);
    handle = await open(path, openFlags);
    const stat = await handle.stat({ bigint: true });
    demandSame(path, seen, stat);
    return { handle, stat };
  } catch (error) {
    await handle?.close();
    throw failure(path, error);
  }
};

/** {@link openForReading}, for a thread that may wait for the disk. The caller closes the file. */
export const openForReadingSync = (path: string): { readonly fd: number; readonly stat: BigIntStats } => {
  let fd: number | undefined;
  try {
    const seen = lstatSync(path, { bigint: true });
    demandRegular(path, seen);
    fd = openSync(path, openFlags);
    const stat = fstatSync(fd, { bigint: true });
    demandSame(path, seen, stat);
    return { fd, stat };
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    throw failure(path, error);
  }
};
