import { statfs } from 'node:fs/promises';
import { AppError } from '../../app-error.ts';

/** Left over for the database and for what is running (security.md, DATA-11, for files of this size). */
const reserve = 64 * 1024 ** 2;

const mebibytes = (bytes: number): string => `${Math.floor(bytes / 1024 ** 2).toLocaleString('en')} MiB`;
const needed = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 2).toLocaleString('en')} MiB`;

/** What a person reads must add up: the free bytes, and the part of them that is not given away. */
export const noSpaceWords = (folder: string, bytes: number, free: number): string =>
  `This needs ${needed(bytes)} in ${folder}. ${mebibytes(free)} are free there, and Strata keeps ${mebibytes(reserve)} free for its database and the VMs that run.`;

/** What may be used in a folder. */
export const freeSpaceIn = async (folder: string): Promise<number> => {
  const { bavail, bsize } = await statfs(folder);
  return Math.max(0, bavail * bsize - reserve);
};

/** Before anything is written: `disk-full` when the folder cannot take so many bytes more. */
export const demandFreeSpace = async (folder: string, bytes: number): Promise<void> => {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (bytes + reserve <= free) return;
  throw new AppError('disk-full', noSpaceWords(folder, bytes, free));
};
