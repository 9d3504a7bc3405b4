import type { BigIntStats, Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Problem } from '@strata/contract';
import { isPart, removeAbandonedPart } from '../../qemu/new-image-file.ts';
import { mapBounded } from './map-bounded.ts';

const maxDepth = 8;
const maxFiles = 50_000;

export interface Walk {
  /** Every regular file that is not hidden. */
  readonly files: Map<string, BigIntStats>;
  /** What could not be read: then something may stand on an image without our knowing. */
  readonly problems: Problem[];
}

const reason = (error: unknown): string => {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') return 'you may not read it';
  if (code === 'ENOENT') return 'it is not there';
  return code ?? 'it cannot be read';
};

/** Hidden folders hold keys, caches and trash, not images. */
const isHidden = (name: string): boolean => name.startsWith('.') || name === 'lost+found';

/** Every file below a folder, links not followed, to a depth of 8. Reads names and `lstat`, no contents. Sweeps what killed servers left. */
export const walkFolder = async (root: string, skip: ReadonlySet<string>): Promise<Walk> => {
  const walk: Walk = { files: new Map(), problems: [] };
  let level = [root];
  for (let depth = 0; depth < maxDepth && level.length > 0; depth += 1) {
    const next: string[] = [];
    for (const folder of level) {
      const entries = await readEntries(folder, walk);
      for (const entry of entries) {
        const path = join(folder, entry.name);
        if (entry.isDirectory() && !isHidden(entry.name) && !skip.has(path)) next.push(path);
        if (entry.isFile() && isPart(entry.name)) await removeAbandonedPart(path).catch(() => {});
      }
      const files = entries.filter((entry) => entry.isFile() && !isHidden(entry.name));
      await addFiles(
        files.map(({ name }) => join(folder, name)),
        walk,
      );
    }
    level = next.sort();
  }
  return walk;
};

const readEntries = async (folder: string, walk: Walk): Promise<Dirent[]> => {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  } catch (error) {
    walk.problems.push({
      code: 'folder-unreadable',
      message: `${folder} could not be read: ${reason(error)}.`,
    });
    return [];
  }
};

const addFiles = async (paths: readonly string[], walk: Walk): Promise<void> => {
  const room = maxFiles - walk.files.size;
  if (paths.length > room && walk.problems.every(({ code }) => code !== 'folder-too-large')) {
    const message = `It holds more than ${maxFiles} files; the rest was not looked at.`;
    walk.problems.push({ code: 'folder-too-large', message });
  }
  const taken = paths.slice(0, Math.max(0, room));
  const stats = await mapBounded(taken, 32, (path) => lstat(path, { bigint: true }).catch(() => null));
  for (const [index, stat] of stats.entries()) {
    const path = taken[index];
    if (stat?.isFile() && path !== undefined) walk.files.set(path, stat);
  }
};
