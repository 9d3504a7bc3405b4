import {
  caseCollision,
  fatNameProblem,
  mostAlikeOnFat,
  mostFatEntries,
  mostFatFile,
  mostFloppyEntries,
  tooManyAlike,
} from '@strata/contract';
import { AppError } from '../../../app-error.ts';

/** A file or folder that becomes one of an image. */
export interface MadeEntry {
  /** Relative, with `/`. */
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'link';
  readonly size: number;
}

/** All that becomes an image. */
export interface MadeFiles {
  /** Where they come from, as it is said. */
  readonly title: string;
  readonly entries: readonly MadeEntry[];
  readonly bytes: number;
}

export const refusedFiles = (why: string): AppError =>
  new AppError('not-possible', `${why} Nothing was made.`);

const count = (most: number): string => most.toLocaleString('en');

/** What FAT cannot hold, of a floppy (`plain`) or of a larger disk; throws. */
export const demandForFat = ({ title, entries }: MadeFiles, plain: boolean): void => {
  const where = plain ? 'a floppy' : 'FAT32';
  const most = plain ? mostFloppyEntries : mostFatEntries;
  if (entries.length > most) throw refusedFiles(`${title} holds more than ${count(most)} files and folders.`);
  for (const { path, kind, size } of entries) {
    const problem = fatNameProblem(path.split('/').at(-1) ?? '', plain);
    if (problem !== null)
      throw refusedFiles(`“${path}” cannot lie on ${where} under that name: it ${problem}.`);
    if (kind === 'link') throw refusedFiles(`“${path}” is a link, which ${where} cannot hold.`);
    if (size > mostFatFile) throw refusedFiles(`“${path}” has 4 GiB or more, which ${where} cannot hold.`);
  }
  const collision = caseCollision(entries.map(({ path }) => path));
  if (collision !== null)
    throw refusedFiles(
      `“${collision[0]}” and “${collision[1]}” differ only in capital letters, which ${where} does not tell.`,
    );
  const folder = tooManyAlike(entries.map(({ path }) => path));
  if (folder !== null)
    throw refusedFiles(
      `${folder === '' ? title : `“${folder}”`} holds more than ${mostAlikeOnFat} long names that begin alike, for which FAT has no short names.`,
    );
};
