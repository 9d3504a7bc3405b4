import { type Dirent, existsSync, type FSWatcher, watch } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { isWithin } from './path-trees.ts';

/** Of folders in folders. */
const maxDepth = 8;
/** The kernel keeps so many for us and drops what comes then, without a word that would reach us. */
const mayHaveOverflowed = 10_000;

export interface TreeNotice {
  /** Something of this name came, went, or was renamed. */
  named(path: string): void;
  /** This file was written, or its rights have changed. */
  written(path: string): void;
  /** More happened than can be told. */
  lost(): void;
  /** Changes can no longer be noticed (most often: the limit of inotify watches). */
  failed(message: string): void;
}

const limits = new Set(['ENOSPC', 'EMFILE', 'ENFILE']);
const nothing = (): void => undefined;

/**
 * One inotify watch a folder. An event costs what it says: no folder is listed because of it, and the names in it are
 * looked at by `settle` alone, when things are quiet.
 */
export class WatchedTree {
  readonly #root: string;
  readonly #isIgnored: (path: string) => boolean;
  readonly #notice: TreeNotice;
  readonly #folders = new Map<string, FSWatcher>();
  #touched = new Set<string>();
  #heardSince = 0;
  /** For the return of a root that is gone. */
  #above: FSWatcher | null = null;
  #isClosed = false;

  constructor(root: string, isIgnored: (path: string) => boolean, notice: TreeNotice) {
    this.#root = root;
    this.#isIgnored = isIgnored;
    this.#notice = notice;
  }

  /** Resolves when all folders are watched. */
  async open(): Promise<void> {
    await this.#enter(this.#root);
    if (!this.#folders.has(this.#root)) this.#awaitRoot();
  }

  /** Watches folders that came, and lets go of those that went. True when there were any: nobody has seen what is in them. */
  async settle(): Promise<boolean> {
    const touched = [...this.#touched];
    this.#touched = new Set();
    this.#heardSince = 0;
    let anew = false;
    for (const path of touched) {
      const wasFolder = this.#leave(path);
      const isFolder = (await lstat(path).catch(() => null))?.isDirectory() === true;
      // Another one may be there under its name.
      if (isFolder) await this.#enter(path);
      else if (path === this.#root) this.#awaitRoot();
      anew ||= wasFolder || isFolder;
    }
    return anew;
  }

  close(): void {
    this.#isClosed = true;
    this.#above?.close();
    this.#leave(this.#root);
  }

  async #enter(folder: string): Promise<void> {
    const depth = folder === this.#root ? 0 : relative(this.#root, folder).split(sep).length;
    if (depth > maxDepth || !this.#watch(folder)) return;
    const entries: Dirent[] = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !this.#isIgnored(path)) await this.#enter(path);
    }
  }

  #watch(folder: string): boolean {
    if (this.#isClosed || this.#folders.has(folder)) return false;
    try {
      const watcher = watch(folder, { persistent: false }, (event, name) => this.#heard(folder, event, name));
      watcher.on('error', (error) => this.#trouble(error));
      this.#folders.set(folder, watcher);
      return true;
    } catch (error) {
      this.#trouble(error);
      return false;
    }
  }

  /** A folder that went, or may not be read, has nothing to tell. */
  #trouble(error: unknown): void {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (limits.has(code)) this.#notice.failed(message);
  }

  #heard(folder: string, event: string, name: string | null): void {
    this.#heardSince += 1;
    if (name === null || this.#heardSince === mayHaveOverflowed) this.#notice.lost();
    if (name === null) return;
    const path = join(folder, name);
    // The folder itself is told under its own name too.
    if (event === 'rename' && name === basename(folder)) this.#touched.add(folder);
    else if (this.#isIgnored(path)) return;
    if (event === 'change') this.#notice.written(path);
    else {
      this.#touched.add(path);
      this.#notice.named(path);
    }
  }

  #leave(path: string): boolean {
    let left = false;
    for (const [folder, watcher] of this.#folders)
      if (isWithin(folder, path)) {
        watcher.close();
        left = this.#folders.delete(folder);
      }
    return left;
  }

  /** Its folder, or the first one above it that is there, tells when it is back. */
  #awaitRoot(): void {
    this.#above?.close();
    this.#above = null;
    if (this.#isClosed) return;
    let above = dirname(this.#root);
    while (above !== dirname(above) && !existsSync(above)) above = dirname(above);
    const back = (): void => {
      this.#above?.close();
      this.#above = null;
      this.#touched.add(this.#root);
      this.#notice.named(this.#root);
    };
    try {
      this.#above = watch(above, { persistent: false }, back);
      this.#above.on('error', nothing);
    } catch (error) {
      this.#trouble(error);
    }
    if (this.#above !== null && existsSync(this.#root)) back();
  }
}
