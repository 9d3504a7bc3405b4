import { basename, relative, sep } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { isPrivatePath } from './forbidden-paths.ts';

/** Names come and go in bursts (a copy, a checkout); writes come all the time while a VM runs. */
const quietMilliseconds = 250;
const longestWaitMilliseconds = 2000;
const writeQuietMilliseconds = 1500;

export interface FolderWatch {
  /** Replaces what is watched. */
  set(folders: readonly string[], files: readonly string[]): void;
  close(): Promise<void>;
}

interface Listener {
  /** Files have come, gone or been renamed. */
  names(): void;
  /** These files were written. */
  writes(paths: readonly string[]): void;
  /** Changes can no longer be noticed (most often: the limit of inotify watches). */
  failed(message: string): void;
}

const isHiddenBelow = (folders: readonly string[], path: string): boolean => {
  const folder = folders.find((root) => path.startsWith(`${root}/`));
  if (folder === undefined) return false;
  return relative(folder, path)
    .split(sep)
    .some((part) => part.startsWith('.'));
};

/** Calls back a while after the last call, and not later than the longest wait after the first. */
const debounced = (quiet: number, longest: number, work: () => void): { call(): void; stop(): void } => {
  let timer: NodeJS.Timeout | null = null;
  let first = 0;
  const stop = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  return {
    stop,
    call: () => {
      if (timer === null) first = Date.now();
      else clearTimeout(timer);
      const left = Math.max(0, first + longest - Date.now());
      timer = setTimeout(
        () => {
          timer = null;
          work();
        },
        Math.min(quiet, left),
      );
      timer.unref();
    },
  };
};

/** Notices what happens in the library's folders. Hidden files and links are not looked at. */
export const createFolderWatch = (dataDir: string, listener: Listener): FolderWatch => {
  let watcher: FSWatcher | null = null;
  const written = new Set<string>();
  const names = debounced(quietMilliseconds, longestWaitMilliseconds, listener.names);
  const writes = debounced(writeQuietMilliseconds, writeQuietMilliseconds, () => {
    const paths = [...written];
    written.clear();
    listener.writes(paths);
  });
  const closing: Promise<void>[] = [];
  const end = (): void => {
    if (watcher !== null) closing.push(watcher.close());
    watcher = null;
  };
  return {
    set: (folders, files) => {
      end();
      watcher = watch([...folders, ...files], {
        ignoreInitial: true,
        followSymlinks: false,
        ignorePermissionErrors: true,
        depth: 8,
        ignored: (path) =>
          isHiddenBelow(folders, path) || isPrivatePath(path, dataDir) || basename(path) === 'lost+found',
      });
      watcher.on('all', (event, path) => {
        if (event === 'change') {
          written.add(path);
          writes.call();
        } else names.call();
      });
      // What came while the watches were being set up was seen by nobody.
      watcher.on('ready', names.call);
      watcher.on('error', (error) => listener.failed(error instanceof Error ? error.message : String(error)));
    },
    close: async () => {
      names.stop();
      writes.stop();
      end();
      await Promise.all(closing);
    },
  };
};
