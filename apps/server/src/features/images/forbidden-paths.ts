import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import { AppError } from '../../app-error.ts';
import { isSystemPath, isWithin, trashName } from './path-trees.ts';

/** Everything in the data folder but its images: the database, sockets, memory files, trash. */
export const isPrivatePath = (path: string, dataDir: string): boolean =>
  isWithin(path, dataDir) && !isWithin(path, join(dataDir, 'images'));

const isTrash = (path: string): boolean => path.split('/').includes(trashName);

/** The default folder is a place for images wherever the data folder was put. */
export const isForbidden = (path: string, dataDir: string): boolean =>
  isTrash(path) ||
  (!isWithin(path, join(dataDir, 'images')) && (isSystemPath(path) || isPrivatePath(path, dataDir)));

export const forbidSystemPath = (path: string, dataDir: string): void => {
  if (!isForbidden(path, dataDir)) return;
  throw new AppError('forbidden-path', `${path} belongs to the system or to Strata itself.`);
};

/**
 * The real path of a file that somebody names. Judged as written and as resolved, because `/proc/self/root/…` and
 * links lead anywhere. A link as the last part is refused: it could point elsewhere tomorrow.
 */
export const realFilePath = async (given: string, dataDir: string): Promise<string> => {
  const written = normalize(given);
  forbidSystemPath(written, dataDir);
  const folder = await realpath(dirname(written)).catch(() => null);
  if (folder === null) throw new AppError('not-found', `There is no folder ${dirname(written)}.`);
  const path = join(folder, basename(written));
  forbidSystemPath(path, dataDir);
  const found = await lstat(path).catch(() => null);
  if (found === null) throw new AppError('not-found', `There is no file ${path}.`);
  if (found.isSymbolicLink()) {
    throw new AppError(
      'forbidden-path',
      `${path} is a symbolic link. Give the path of the file it points to.`,
    );
  }
  return path;
};
