import { basename, relative, sep } from 'node:path';
import { debounced } from './debounced.ts';
import { isPrivatePath } from './forbidden-paths.ts';
import { watchFiles } from './watched-files.ts';
import { type TreeNotice, WatchedTree } from './watched-tree.ts';

/** Names come and go in bursts (a copy, a checkout); writes come all the time while a VM runs. */
const quietMilliseconds = 250;
const longestWaitMilliseconds = 2000;
const writeQuietMilliseconds = 1500;
/** More than are looked at one by one. */
const manyNames = 32;

export interface FolderWatch {
  /** Replaces what is watched. */
  set(folders: readonly string[], files: readonly string[]): void;
  close(): Promise<void>;
}

interface Listener {
  /** Something came, went or was renamed under these names; null: anything may have. */
  names(paths: readonly string[] | null): void;
  /** These files were written. */
  writes(paths: readonly string[]): void;
  /** Changes can no longer be noticed (most often: the limit of inotify watches). */
  failed(message: string): void;
  /** What would be done about changes waits a while: somebody's guest waits for us. */
  isHeld(): boolean;
}

const isHiddenBelow = (folder: string, path: string): boolean =>
  relative(folder, path)
    .split(sep)
    .some((part) => part.startsWith('.'));

/** Notices what happens in the library's folders. Hidden files and links are not looked at. */
export const createFolderWatch = (dataDir: string, listener: Listener): FolderWatch => {
  let trees: WatchedTree[] = [];
  let lone: { close(): void } | null = null;
  let opening: Promise<void> = Promise.resolve();
  let settling: Promise<void> = Promise.resolve();
  let named = new Set<string>();
  let anything = false;
  let isClosed = false;
  const written = new Set<string>();

  const settle = async (): Promise<void> => {
    const paths = named;
    named = new Set();
    const all = anything || paths.size > manyNames;
    anything = false;
    const anew = await Promise.all(trees.map((tree) => tree.settle()));
    if (!isClosed) listener.names(all || anew.includes(true) ? null : [...paths]);
  };
  const isHeld = (): boolean => listener.isHeld();
  const names = debounced({ quiet: quietMilliseconds, longest: longestWaitMilliseconds, isHeld }, () => {
    settling = settling.then(settle);
  });
  const writes = debounced({ quiet: writeQuietMilliseconds, longest: writeQuietMilliseconds, isHeld }, () => {
    const paths = [...written];
    written.clear();
    listener.writes(paths);
  });
  const lost = (): void => {
    anything = true;
    names.call();
  };
  const notice: TreeNotice = {
    lost,
    named: (path) => {
      named.add(path);
      names.call();
    },
    written: (path) => {
      written.add(path);
      writes.call();
    },
    failed: (message) => listener.failed(message),
  };
  const end = (): void => {
    for (const tree of trees) tree.close();
    lone?.close();
  };
  return {
    set: (folders, files) => {
      end();
      trees = folders.map((root) => {
        const isIgnored = (path: string): boolean =>
          isHiddenBelow(root, path) || isPrivatePath(path, dataDir) || basename(path) === 'lost+found';
        return new WatchedTree(root, isIgnored, notice);
      });
      lone = watchFiles(files, notice);
      // What came while the watches were being set up was seen by nobody.
      opening = Promise.all(trees.map((tree) => tree.open())).then(lost);
    },
    close: async () => {
      isClosed = true;
      end();
      await opening;
      await settling;
      names.stop();
      writes.stop();
    },
  };
};
