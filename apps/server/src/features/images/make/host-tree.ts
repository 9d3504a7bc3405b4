import { constants } from 'node:fs';
import { access, lstat, readdir, realpath } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { AppError } from '../../../app-error.ts';
import { forbidSystemPath } from '../forbidden-paths.ts';
import { mapBounded } from '../map-bounded.ts';
import { isWithin } from '../path-trees.ts';

/** What a disc would take in. */
export interface HostTree {
  readonly path: string;
  readonly entries: number;
  readonly bytes: number;
}

const mostEntries = 50_000;
const longestPath = 900;

const refused = (why: string): AppError => new AppError('not-possible', `${why} Nothing was made.`);

/** The real path of a folder that somebody names; a link as its last part is refused, as with files. */
const realFolder = async (given: string, dataDir: string): Promise<string> => {
  const written = normalize(given).replace(/(?<=.)\/+$/, '');
  forbidSystemPath(written, dataDir);
  const found = await lstat(written).catch(() => null);
  if (found === null) throw new AppError('not-found', `There is no folder ${written}.`);
  if (found.isSymbolicLink())
    throw new AppError(
      'forbidden-path',
      `${written} is a symbolic link. Give the path of the folder it points to.`,
    );
  if (!found.isDirectory()) throw new AppError('not-possible', `${written} is not a folder.`);
  const path = await realpath(written);
  forbidSystemPath(path, dataDir);
  // The tree would hold the database, its token and sockets.
  if (isWithin(dataDir, path))
    throw new AppError(
      'forbidden-path',
      `${path} holds the data folder of Strata. Choose a folder below it.`,
    );
  return path;
};

const demandReadable = (path: string, isFolder: boolean): Promise<void> =>
  access(path, isFolder ? constants.R_OK | constants.X_OK : constants.R_OK).catch(() => {
    throw new AppError('forbidden-path', `You may not read ${path}. Nothing was made.`);
  });

/** Looks at every name below the folder, and follows no link. Throws for what no disc can hold. */
export const readHostTree = async (given: string, dataDir: string): Promise<HostTree> => {
  const root = await realFolder(given, dataDir);
  let entries = 0;
  let bytes = 0;

  const look = async (path: string): Promise<readonly string[]> => {
    if (Buffer.byteLength(path) - Buffer.byteLength(root) > longestPath)
      throw refused(`The path of ${path} is too long for a disc.`);
    forbidSystemPath(path, dataDir);
    // A name that is not UTF-8 cannot be found by what was read of it.
    const found = await lstat(path).catch(() => null);
    if (found === null || /\p{Cc}/u.test(path))
      throw refused(`${path} was removed meanwhile, or its name is no UTF-8 text.`);
    if (found.isSymbolicLink()) return [];
    if (found.isFile()) {
      bytes += found.size;
      await demandReadable(path, false);
      return [];
    }
    if (!found.isDirectory()) throw refused(`${path} is a device, a pipe or a socket.`);
    await demandReadable(path, true);
    const names = await readdir(path);
    entries += names.length;
    if (entries > mostEntries)
      throw refused(`${root} holds more than ${mostEntries.toLocaleString('en')} files and folders.`);
    return names.map((name) => join(path, name));
  };

  let level: readonly string[] = [root];
  while (level.length > 0) level = (await mapBounded(level, 16, look)).flat();
  if (entries === 0) throw refused(`${root} is empty.`);
  return { path: root, entries, bytes };
};
