import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

const reserveAtMost = 2 * 1024 ** 3;

/**
 * What an operation may use of the file system that holds a file: the free bytes without a reserve (2 GiB, on small
 * file systems 5 %), so that guests, the database and the host go on when the estimate was wrong.
 * Null when the file system does not say.
 */
export const spendableSpace = async (path: string): Promise<number | null> => {
  try {
    const { bavail, blocks, bsize } = await statfs(dirname(path));
    const reserve = Math.min(reserveAtMost, Math.floor(blocks * bsize * 0.05));
    return Math.max(0, bavail * bsize - reserve);
  } catch {
    return null;
  }
};
