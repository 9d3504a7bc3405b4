import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { sameBytes } from '../../../copy-bytes.ts';
import type { WorkWatch } from '../../../qemu/image-work.ts';

const kindOf = (entry: { isDirectory(): boolean; isSymbolicLink(): boolean }): string =>
  entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'file';

/** The first path below the two folders at which they differ in names, bytes or links; null: they are the same. */
export const firstDifference = async (
  one: string,
  other: string,
  watch: WorkWatch = {},
): Promise<string | null> => {
  const read = async (folder: string) =>
    new Map((await readdir(folder, { withFileTypes: true })).map((entry) => [entry.name, entry]));
  const [entries, twins] = await Promise.all([read(one), read(other)]);
  for (const name of twins.keys()) if (!entries.has(name)) return name;
  for (const [name, entry] of entries) {
    watch.signal?.throwIfAborted();
    const twin = twins.get(name);
    const kind = kindOf(entry);
    if (twin === undefined || kindOf(twin) !== kind) return name;
    const [path, twinPath] = [join(one, name), join(other, name)];
    if (kind === 'folder') {
      const below = await firstDifference(path, twinPath, watch);
      if (below !== null) return join(name, below);
    } else if (kind === 'link') {
      if ((await readlink(path)) !== (await readlink(twinPath))) return name;
    } else if (!(await sameBytes(path, twinPath, withoutProgress(watch)))) return name;
  }
  return null;
};

const withoutProgress = ({ signal, brake }: WorkWatch): WorkWatch => ({
  ...(signal === undefined ? {} : { signal }),
  ...(brake === undefined ? {} : { brake }),
});
