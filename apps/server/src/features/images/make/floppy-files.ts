import { constants } from 'node:fs';
import { open, readdir, readlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { AppError } from '../../../app-error.ts';
import { isWithin } from '../path-trees.ts';

/** The root of a floppy has room for 224 short names; a long one takes several. */
const mostFiles = 200;

const refused = (why: string): AppError => new AppError('not-possible', `${why} Nothing was made.`);

/** What FAT cannot write, and what systems of its time cannot read. */
const fatName = /^(?! )[\x20-\x7e]{1,100}(?<![. ])$/;
const demandFatName = (path: string, name: string): void => {
  if (!fatName.test(name) || /["*/:<>?\\|]/.test(name))
    throw refused(
      `${path} cannot lie on a floppy under that name: plain letters, digits and most signs only, no ending in a dot or a blank.`,
    );
};

/** The file itself: no link, and nothing outside of the folder, whatever is changed meanwhile. */
const readWithin = async (root: string, path: string, most: number): Promise<Buffer> => {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const isInside = isWithin(await readlink(`/proc/self/fd/${file.fd}`), root);
    const found = await file.stat();
    if (!isInside || !found.isFile() || found.size > most)
      throw refused(`${path} was changed while it was read.`);
    return await file.readFile();
  } finally {
    await file.close();
  }
};

/** Relative path → its bytes, null for a folder: all that goes on the floppy, which is little enough to be held. */
export const floppyFiles = async (root: string, most: number): Promise<Record<string, Buffer | null>> => {
  const files: Record<string, Buffer | null> = {};
  const folded = new Set<string>();
  const read = async (folder: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      const name = relative(root, path);
      demandFatName(path, entry.name);
      if (folded.has(name.toLowerCase()))
        throw refused(
          `${path} differs from another name only in capital letters, which a floppy does not tell.`,
        );
      folded.add(name.toLowerCase());
      if (folded.size > mostFiles) throw refused(`${root} holds more than ${mostFiles} files and folders.`);
      if (entry.isSymbolicLink()) throw refused(`${path} is a link, which a floppy cannot hold.`);
      files[name] = entry.isDirectory() ? null : await readWithin(root, path, most);
      if (entry.isDirectory()) await read(path);
    }
  };
  await read(root);
  return files;
};
