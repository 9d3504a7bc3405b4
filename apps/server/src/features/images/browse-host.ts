import type { Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { AppError } from '../../app-error.ts';
import { isPrivatePath } from './forbidden-paths.ts';
import { hasImageName } from './inspect-file.ts';
import { mapBounded } from './map-bounded.ts';
import { isSystemPath, isWithin } from './path-trees.ts';

export interface HostEntry {
  readonly name: string;
  readonly path: string;
  readonly kind: 'folder' | 'file';
  readonly size: number;
}
export interface HostFolder {
  readonly path: string;
  readonly parent: string | null;
  readonly entries: HostEntry[];
}

const mostEntries = 2000;
/** Kernels and initial RAM disks, for VMs that boot a kernel directly. */
const kernelName = /^(vmlinu[xz]|bzImage|zImage|Image|initr(amfs|d)|linux)|\.(initrd|cpio)(\.(gz|xz|zst))?$/;

const isClosed = (path: string, dataDir: string): boolean =>
  isPrivatePath(path, dataDir) ||
  (isSystemPath(path) && ['/proc', '/sys', '/dev'].some((tree) => isWithin(path, tree)));

/** The next folder upwards that can be browsed: above the default folder lies the data folder, which cannot. */
const parentOf = (path: string, dataDir: string): string | null => {
  if (path === '/') return null;
  const parent = dirname(path);
  return isClosed(parent, dataDir) ? parentOf(parent, dataDir) : parent;
};

const entryOf = (name: string, path: string, found: Stats | null): HostEntry | null => {
  if (found?.isDirectory()) return { name, path, kind: 'folder', size: 0 };
  const wanted = hasImageName(name) || kernelName.test(name);
  return found?.isFile() && wanted ? { name, path, kind: 'file', size: found.size } : null;
};

/** Folders and files one could choose, of one folder. Looks at names and sizes and opens nothing. */
export const browseHost = async (dataDir: string, given: string = homedir()): Promise<HostFolder> => {
  const path = await realpath(normalize(given)).catch(() => null);
  if (path === null) throw new AppError('not-found', `There is no folder ${given}.`);
  if (isClosed(path, dataDir)) throw new AppError('forbidden-path', `${path} is not for browsing.`);
  const names = await readdir(path).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR') throw new AppError('not-possible', `${path} is not a folder.`);
    throw new AppError('forbidden-path', `You may not read ${path}.`, {}, { cause: error });
  });
  const shown = names
    .filter((name) => !name.startsWith('.'))
    .sort((one, other) => one.localeCompare(other, 'en'));
  const entries = await mapBounded(shown.slice(0, mostEntries), 32, async (name) => {
    const entry = join(path, name);
    if (isClosed(entry, dataDir)) return null;
    return entryOf(name, entry, await stat(entry).catch(() => null));
  });
  const found = entries.filter((entry) => entry !== null);
  found.sort((one, other) => Number(one.kind === 'file') - Number(other.kind === 'file'));
  return { path, parent: parentOf(path, dataDir), entries: found };
};
