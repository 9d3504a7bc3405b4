import { lstat } from 'node:fs/promises';
import { isSameInode, statKey } from './image-record.ts';
import type { Library } from './library.ts';
import { isWithin } from './path-trees.ts';

/**
 * Whether what is under this name is what the library knows of it: then whoever put it there, or took it away, has told the
 * library already, and nothing has to be looked for.
 */
export const isAsKnown = async (library: Library, path: string): Promise<boolean> => {
  const stat = await lstat(path, { bigint: true }).catch(() => null);
  const key = stat?.isFile() === true ? statKey(stat) : null;
  for (const { id } of library.all()) {
    const led = library.backingOf(id);
    if (led?.target.kind === 'file' && led.target.path === path && led.key !== key) return false;
  }
  if (stat === null)
    return ![...library.all()].some((record) => record.present && isWithin(record.path, path));
  const record = library.byPath(path);
  return stat.isFile() && record?.present === true && isSameInode(record, stat);
};
