import {
  caseCollision,
  fatNameProblem,
  mostAlikeOnFat,
  mostFatEntries,
  mostFatFile,
  mostFloppyEntries,
  mostMadeEntries,
  pathProblem,
  tooManyAlike,
} from '@strata/contract';
import { words } from '../../lib/words.ts';
import type { Chosen, ChosenFile } from './pack-files.ts';

export const nothingChosen: Chosen = { files: [], emptyFolders: [] };

/** From a dialog for files, or one for a folder, which tells where each lies in it. */
export const fromDialog = (files: readonly File[]): Chosen => ({
  files: files.map((file) => ({ path: file.webkitRelativePath || file.name, file })),
  emptyFolders: [],
});

const entriesIn = async (folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> => {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  // A browser gives a hundred at a time.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return all;
    all.push(...some);
  }
};

const walk = async (
  entry: FileSystemEntry,
  path: string,
  into: { files: ChosenFile[]; emptyFolders: string[] },
) => {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    into.files.push({ path, file });
    return;
  }
  const below = await entriesIn(entry as FileSystemDirectoryEntry);
  if (below.length === 0) into.emptyFolders.push(path);
  for (const each of below) await walk(each, `${path}/${each.name}`, into);
};

/** What was dropped, folders with all that is in them. Reads the transfer at once: it is empty when the event is over. */
export const fromDrop = (transfer: DataTransfer): Promise<Chosen> => {
  const items = [...transfer.items].filter(({ kind }) => kind === 'file');
  const found = items.map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  return (async () => {
    const into = { files: [] as ChosenFile[], emptyFolders: [] as string[] };
    for (const { entry, file } of found)
      if (entry !== null) await walk(entry, entry.name, into);
      else if (file !== null) into.files.push({ path: file.name, file });
    return into;
  })();
};

/** The same path chosen again is the newer file. */
export const together = (before: Chosen, more: Chosen): Chosen => {
  const files = new Map([...before.files, ...more.files].map((each) => [each.path, each]));
  return {
    files: [...files.values()].sort((one, other) => (one.path < other.path ? -1 : 1)),
    emptyFolders: [...new Set([...before.emptyFolders, ...more.emptyFolders])].sort(),
  };
};

const topOf = (path: string): string => path.split('/', 1)[0] ?? path;

export interface TopEntry {
  readonly name: string;
  readonly isFolder: boolean;
  readonly files: number;
  readonly bytes: number;
}

/** What lies in the root. */
export const topEntries = ({ files, emptyFolders }: Chosen): TopEntry[] => {
  const tops = new Map<string, TopEntry>();
  const add = (path: string, count: number, bytes: number, isFolder: boolean): void => {
    const name = topOf(path);
    const before = tops.get(name) ?? { name, isFolder: false, files: 0, bytes: 0 };
    tops.set(name, {
      name,
      isFolder: before.isFolder || isFolder || path !== name,
      files: before.files + count,
      bytes: before.bytes + bytes,
    });
  };
  for (const { path, file } of files) add(path, 1, file.size, false);
  for (const path of emptyFolders) add(path, 0, 0, true);
  return [...tops.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
};

export const without = (chosen: Chosen, top: string): Chosen => ({
  files: chosen.files.filter(({ path }) => topOf(path) !== top),
  emptyFolders: chosen.emptyFolders.filter((path) => topOf(path) !== top),
});

/** The one folder that all of it lies in; null: there are more things in the root. */
export const onlyFolder = (chosen: Chosen): string | null => {
  const [top, ...more] = topEntries(chosen);
  return top?.isFolder === true && more.length === 0 ? top.name : null;
};

/** Without that folder: what is in it lies in the root. */
export const unwrapped = (chosen: Chosen): Chosen => {
  const inner = (path: string): string => path.slice(path.indexOf('/') + 1);
  return {
    files: chosen.files.map(({ path, file }) => ({ path: inner(path), file })),
    emptyFolders: chosen.emptyFolders.filter((path) => path.includes('/')).map(inner),
  };
};

/** Every file and folder, those that are only part of a path as well. */
const allPaths = ({ files, emptyFolders }: Chosen): Set<string> => {
  const paths = new Set<string>();
  for (const path of [...files.map((each) => each.path), ...emptyFolders])
    for (let at = path.length; at > 0; at = path.lastIndexOf('/', at - 1)) paths.add(path.slice(0, at));
  return paths;
};

export const totals = (chosen: Chosen): { entries: number; bytes: number } => ({
  entries: allPaths(chosen).size,
  bytes: chosen.files.reduce((sum, { file }) => sum + file.size, 0),
});

export type FileSystemOfFiles = 'iso' | 'floppy' | 'fat32' | 'ext4';

/** Why they cannot lie on it, in words; null: they can. The server looks again. */
export const chosenProblem = (chosen: Chosen, on: FileSystemOfFiles): string | null => {
  const paths = allPaths(chosen);
  const text = words.make.problems;
  const isFat = on === 'floppy' || on === 'fat32';
  const most = on === 'floppy' ? mostFloppyEntries : isFat ? mostFatEntries : mostMadeEntries;
  if (paths.size > most) return text.tooMany(most);
  for (const path of paths) {
    const problem =
      pathProblem(path) ?? (isFat ? fatNameProblem(path.split('/').at(-1) ?? '', on === 'floppy') : null);
    if (problem !== null) return text.name(path, problem);
  }
  if (!isFat) return null;
  const huge = chosen.files.find(({ file }) => file.size > mostFatFile);
  if (huge !== undefined) return text.huge(huge.path);
  const [one, other] = caseCollision(paths) ?? [];
  if (one !== undefined && other !== undefined) return text.collision(one, other);
  const alike = tooManyAlike(paths);
  return alike === null ? null : text.alike(alike, mostAlikeOnFat);
};
