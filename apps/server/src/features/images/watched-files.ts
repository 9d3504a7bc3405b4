import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { TreeNotice } from './watched-tree.ts';

/** Single files that lie in no folder of the library: by the folder they lie in, for a file may be exchanged for another. */
export const watchFiles = (
  files: readonly string[],
  notice: Pick<TreeNotice, 'named' | 'written'>,
): { close(): void } => {
  const namesIn = new Map<string, Set<string>>();
  for (const file of files) {
    const names = namesIn.get(dirname(file)) ?? new Set();
    namesIn.set(dirname(file), names.add(basename(file)));
  }
  const watchers: FSWatcher[] = [];
  for (const [folder, names] of namesIn)
    try {
      const watcher = watch(folder, { persistent: false }, (event, name) => {
        if (name === null || !names.has(name)) return;
        if (event === 'change') notice.written(join(folder, name));
        else notice.named(join(folder, name));
      });
      watcher.on('error', () => undefined);
      watchers.push(watcher);
    } catch {
      // It is gone, or may not be read: a scan says so.
    }
  return {
    close: () => {
      for (const watcher of watchers) watcher.close();
    },
  };
};
