import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Whether two small folders have the same names with the same bytes. */
export const sameFiles = async (one: string, other: string): Promise<boolean> => {
  const [entries, others] = await Promise.all(
    [one, other].map(async (folder) =>
      (await readdir(folder, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1)),
    ),
  );
  if (entries === undefined || others === undefined || entries.length !== others.length) return false;
  for (const [index, entry] of entries.entries()) {
    const twin = others[index];
    if (twin?.name !== entry.name || twin.isDirectory() !== entry.isDirectory()) return false;
    const [path, twinPath] = [join(one, entry.name), join(other, entry.name)];
    const same = entry.isDirectory()
      ? await sameFiles(path, twinPath)
      : (await readFile(path)).equals(await readFile(twinPath));
    if (!same) return false;
  }
  return true;
};
