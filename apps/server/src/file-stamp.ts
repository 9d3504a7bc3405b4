import { lstat } from 'node:fs/promises';

/** By which it is told that nobody has written a file meanwhile. Not its ctime: that changes with a second name. */
export const stampOf = async (path: string): Promise<string> => {
  const { ino, size, mtimeNs } = await lstat(path, { bigint: true });
  return `${ino}:${size}:${mtimeNs}`;
};
