import { open } from 'node:fs/promises';
import { mostMadeEntries, pathProblem } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { isTarFile, readTar } from '../../../read-tar.ts';
import { type MadeEntry, type MadeFiles, refusedFiles } from './made-files.ts';

export interface SentEntry extends MadeEntry {
  /** Where its bytes begin in the tar. */
  readonly start: number;
  /** In seconds. */
  readonly modified: number;
}

export interface SentTree extends MadeFiles {
  readonly entries: readonly SentEntry[];
}

/** As tools write it: `./a/b/` is `a/b`. */
const plainPath = (name: string): string => name.replace(/^(\.\/)+/, '').replace(/(?<=.)\/+$/, '');

/** Folders that are only part of a path are folders as well. */
const withParents = (entries: readonly SentEntry[], title: string): SentEntry[] => {
  const all = new Map<string, SentEntry>();
  const add = (entry: SentEntry): void => {
    const known = all.get(entry.path);
    if (known === undefined) all.set(entry.path, entry);
    else if (known.kind !== 'folder' || entry.kind !== 'folder')
      throw refusedFiles(`“${entry.path}” is there twice in ${title}.`);
  };
  for (const entry of entries) {
    const parts = entry.path.split('/');
    for (let depth = 1; depth < parts.length; depth += 1)
      add({ path: parts.slice(0, depth).join('/'), kind: 'folder', size: 0, start: 0, modified: 0 });
    add(entry);
    if (all.size > mostMadeEntries)
      throw refusedFiles(
        `${title} holds more than ${mostMadeEntries.toLocaleString('en')} files and folders.`,
      );
  }
  return [...all.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
};

/**
 * What is in a tar that somebody sent: names of strangers, of which nothing is unpacked before all are looked at. Folders come
 * before what is in them.
 */
export const readSentTree = async (path: string, filename: string): Promise<SentTree> => {
  const title = `“${filename}”`;
  const flaw = (why: string): AppError =>
    new AppError('image-refused', `${title} is no tar that can be read: ${why}`);
  const file = await open(path, 'r');
  const found: SentEntry[] = [];
  try {
    for await (const entry of readTar(file, flaw)) {
      const { name, type, size, start, modified } = entry;
      // Comments for all that follows.
      if (type === 'g') continue;
      const plain = plainPath(name);
      if (type === '5' && (plain === '' || plain === '.')) continue;
      const problem = pathProblem(plain);
      if (problem !== null) throw refusedFiles(`“${name.slice(0, 200)}” in ${title} ${problem}.`);
      if (type === '5') found.push({ path: plain, kind: 'folder', size: 0, start, modified });
      else if (isTarFile(entry)) found.push({ path: plain, kind: 'file', size, start, modified });
      else throw refusedFiles(`“${plain}” in ${title} is a link or a device. Send files and folders only.`);
      if (found.length > mostMadeEntries)
        throw refusedFiles(
          `${title} holds more than ${mostMadeEntries.toLocaleString('en')} files and folders.`,
        );
    }
  } finally {
    await file.close();
  }
  if (found.length === 0) throw refusedFiles(`${title} is empty.`);
  const bytes = found.reduce((sum, { size }) => sum + size, 0);
  return { title, entries: withParents(found, title), bytes };
};
