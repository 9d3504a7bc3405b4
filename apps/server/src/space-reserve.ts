import { statfs } from 'node:fs/promises';

/**
 * What is left free of a file system, so that guests, the database and the host go on when an estimate was wrong
 * (security.md, DATA-11). Who has to work because the disk is nearly full can say so (`useReserve`), and use it.
 */
export const reserveOf = (totalBytes: number): number =>
  Math.max(2 * 1024 ** 3, Math.ceil(totalBytes * 0.05));

export interface FreeSpace {
  readonly free: number;
  readonly reserve: number;
}

/** Of the file system that holds a folder; null when it does not say. */
export const freeSpaceIn = async (folder: string): Promise<FreeSpace | null> => {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return { free: bavail * bsize, reserve: reserveOf(blocks * bsize) };
  } catch {
    return null;
  }
};

/** What may be used of it. */
export const spendable = ({ free, reserve }: FreeSpace, useReserve = false): number =>
  useReserve ? free : Math.max(0, free - reserve);
