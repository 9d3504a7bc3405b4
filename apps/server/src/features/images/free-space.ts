import { AppError } from '../../app-error.ts';
import { type FreeSpace, freeSpaceIn, spendable } from '../../space-reserve.ts';

/** A header and its tables: an overlay, an empty image. What one needs to go on does not wait for free gigabytes. */
export const justHeader = 1024 ** 2;

const mebibytes = (bytes: number): string => `${Math.floor(bytes / 1024 ** 2).toLocaleString('en')} MiB`;
const needed = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 2).toLocaleString('en')} MiB`;

/** What a person reads must add up: the free bytes, and the part of them that is not given away without asking. */
export const noSpaceWords = (folder: string, bytes: number, { free, reserve }: FreeSpace): string => {
  const facts = `This needs ${needed(bytes)} in ${folder}, and ${mebibytes(free)} are free there`;
  return bytes > free
    ? `${facts}. Free some space first.`
    : `${facts}, of which Strata keeps ${mebibytes(reserve)} as a reserve. Free some space first, or allow the reserve to be used.`;
};

/** Before anything is written: `disk-full` when the folder cannot take so many bytes more. */
export const demandFreeSpace = async (
  folder: string,
  bytes: number,
  useReserve: boolean | undefined = false,
): Promise<void> => {
  const space = await freeSpaceIn(folder);
  if (space === null || bytes <= spendable(space, useReserve || bytes <= justHeader)) return;
  throw new AppError('disk-full', noSpaceWords(folder, bytes, space), {
    fitsInReserve: bytes <= space.free,
  });
};
