import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Download } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { syncFolder, syncWithFolder } from '../../sync-files.ts';

const lifeMs = 24 * 3_600_000;
const sweepEveryMs = 15 * 60_000;

type About = Pick<Download, 'name' | 'madeAt' | 'notes'>;

/** A file on its way out: made by an operation, fetched as often as one likes, gone after a day. */
export interface OutgoingFiles {
  folderOf(id: string): string;
  /** Where its bytes are made. */
  place(id: string): Promise<string>;
  /** It is complete, and on disk when this returns. */
  publish(id: string, about: { name: string; notes: readonly string[] }): Promise<Download>;
  list(): Promise<Download[]>;
  /** Throws `not-found`. */
  get(id: string): Promise<Download & { readonly path: string }>;
  remove(id: string): Promise<void>;
  /** Removes what is too old, and what `isMade` does not know: its operation was lost. */
  sweep(isMade: (id: string) => boolean): Promise<void>;
}

/** Beside the images, and no part of the library. What there is stands in the folder itself: the files are the truth. */
export const outgoingFiles = (dataDir: string, now: () => number = Date.now): OutgoingFiles => {
  const root = join(dataDir, 'outgoing');
  const folderOf = (id: string): string => join(root, id);
  const read = async (id: string): Promise<(Download & { path: string }) | null> => {
    try {
      const about = JSON.parse(await readFile(join(folderOf(id), 'about.json'), 'utf8')) as About;
      const path = join(folderOf(id), 'data');
      const { size } = await stat(path);
      const expiresAt = new Date(Date.parse(about.madeAt) + lifeMs).toISOString();
      return { id, ...about, size, expiresAt, path };
    } catch {
      return null;
    }
  };
  const ids = (): Promise<string[]> => readdir(root).catch(() => []);
  const remove = (id: string): Promise<void> => rm(folderOf(id), { recursive: true, force: true });
  return {
    folderOf,
    place: async (id) => {
      await mkdir(folderOf(id), { recursive: true, mode: 0o700 });
      return join(folderOf(id), 'data');
    },
    publish: async (id, { name, notes }) => {
      const about: About = { name, notes: [...notes], madeAt: new Date(now()).toISOString() };
      const part = join(folderOf(id), 'about.part');
      await syncWithFolder(join(folderOf(id), 'data'));
      await writeFile(part, JSON.stringify(about), { mode: 0o600 });
      await rename(part, join(folderOf(id), 'about.json'));
      await syncFolder(folderOf(id));
      const made = await read(id);
      if (made === null) throw new AppError('internal-error', `The file ${folderOf(id)} was not made.`);
      const { path: _, ...download } = made;
      return download;
    },
    list: async () => {
      const all = await Promise.all((await ids()).map(read));
      return all
        .flatMap((one) => {
          if (one === null) return [];
          const { path: _, ...download } = one;
          return [download];
        })
        .sort((one, other) => (one.madeAt < other.madeAt ? 1 : -1));
    },
    get: async (id) => {
      const found = await read(id);
      if (found === null)
        throw new AppError('not-found', `There is no file ${id} to be fetched. It may have expired.`);
      return found;
    },
    remove,
    sweep: async (isMade) => {
      for (const id of await ids()) {
        const found = await read(id);
        const old = found === null ? !isMade(id) : Date.parse(found.expiresAt) <= now();
        if (old) await remove(id);
      }
    },
  };
};

export const sweepRegularly = (sweep: () => Promise<void>): { stop(): void } => {
  const timer = setInterval(() => void sweep().catch(() => {}), sweepEveryMs).unref();
  return { stop: () => clearInterval(timer) };
};
