import { constants } from 'node:fs';
import { access, lstat, readdir, realpath } from 'node:fs/promises';
import { join, normalize, relative } from 'node:path';
import { mostMadeEntries } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { forbidSystemPath } from '../forbidden-paths.ts';
import { mapBounded } from '../map-bounded.ts';
import { isWithin } from '../path-trees.ts';
import { type MadeEntry, type MadeFiles, refusedFiles } from './made-files.ts';

/** What a disc would take in. */
export interface HostTree extends MadeFiles {
  readonly path: string;
}

const longestPath = 900;

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
  const entries: MadeEntry[] = [];
  const note = (path: string, kind: MadeEntry['kind'], size = 0): void => {
    if (path !== root) entries.push({ path: relative(root, path), kind, size });
  };

  const look = async (path: string): Promise<readonly string[]> => {
    if (Buffer.byteLength(path) - Buffer.byteLength(root) > longestPath)
      throw refusedFiles(`The path of ${path} is too long for a disc.`);
    forbidSystemPath(path, dataDir);
    // A name that is not UTF-8 cannot be found by what was read of it.
    const found = await lstat(path).catch(() => null);
    if (found === null || /\p{Cc}/u.test(path))
      throw refusedFiles(`${path} was removed meanwhile, or its name is no UTF-8 text.`);
    if (found.isSymbolicLink()) {
      note(path, 'link');
      return [];
    }
    if (found.isFile()) {
      note(path, 'file', found.size);
      await demandReadable(path, false);
      return [];
    }
    if (!found.isDirectory()) throw refusedFiles(`${path} is a device, a pipe or a socket.`);
    await demandReadable(path, true);
    note(path, 'folder');
    const names = await readdir(path);
    if (entries.length + names.length > mostMadeEntries)
      throw refusedFiles(
        `${root} holds more than ${mostMadeEntries.toLocaleString('en')} files and folders.`,
      );
    return names.map((name) => join(path, name));
  };

  let level: readonly string[] = [root];
  while (level.length > 0) level = (await mapBounded(level, 16, look)).flat();
  if (entries.length === 0) throw refusedFiles(`${root} is empty.`);
  return { path: root, title: root, entries, bytes: entries.reduce((sum, { size }) => sum + size, 0) };
};
