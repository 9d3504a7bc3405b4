import { statfs } from 'node:fs/promises';
import { AppError } from '../../app-error.ts';

/** Left over for the database and for what is running (security.md, DATA-11, for files of this size). */
const reserve = 64 * 1024 ** 2;

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 2).toLocaleString('en')} MiB`;

/** Before anything is written: `disk-full` when the folder cannot take so many bytes more. */
export const demandFreeSpace = async (folder: string, bytes: number): Promise<void> => {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (bytes + reserve <= free) return;
  throw new AppError(
    'disk-full',
    `This needs ${mebibytes(bytes)} in ${folder}, and ${mebibytes(Math.max(0, free - reserve))} are free there.`,
  );
};
