import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Db } from './open-database.ts';
import { syncPath } from './sync-path.ts';

/** security.md, DB-07. */
const kept = 7;
const firstLookMilliseconds = 10_000;
const lookEveryMilliseconds = 60 * 60_000;

const named = /^daily-\d{4}-\d{2}-\d{2}\.db$/;
const nameOf = (day: Date): string => `daily-${day.toISOString().slice(0, 10)}.db`;

/** One file that stands for itself, whole or not at all: a copy that cannot be read is worse than the one before. */
const proveWhole = (path: string): void => {
  const copy = new Database(path);
  try {
    copy.pragma('journal_mode = DELETE');
    const found: unknown = copy.pragma('quick_check', { simple: true });
    if (found !== 'ok') throw new Error(`the copy is damaged: ${String(found)}`);
  } finally {
    copy.close();
  }
};

/** A copy of the database for this day, if there is none yet; older ones go when there are more than seven. */
export const backUpDaily = async (db: Db, folder: string, today = new Date()): Promise<boolean> => {
  const path = join(folder, nameOf(today));
  if (existsSync(path)) return false;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const part = `${path}.part`;
  rmSync(part, { force: true });
  // SQLite would create it with the umask; what is in it is nobody else's business.
  closeSync(openSync(part, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600));
  try {
    await db.backup(part);
    proveWhole(part);
    syncPath(part);
    renameSync(part, path);
    syncPath(folder);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
  const daily = readdirSync(folder).filter((name) => named.test(name));
  for (const name of daily.sort().slice(0, -kept)) rmSync(join(folder, name), { force: true });
  return true;
};

export interface DailyBackups {
  /** Why the last copy could not be made; null: it was. */
  failure(): string | null;
  /** Makes the copy of this day if there is none. */
  look(): Promise<void>;
  /** Waits for a copy that is being made. */
  stop(): Promise<void>;
}

/** Looks every hour whether a day has no copy yet. `told`: with the failure, or null when there is none any more. */
export const keepDailyBackups = (db: Db, folder: string, told: (error: unknown) => void): DailyBackups => {
  let failure: string | null = null;
  const settle = (error: unknown): void => {
    const before = failure;
    failure = error === null ? null : error instanceof Error ? error.message : String(error);
    if (before !== null || failure !== null) told(error);
  };
  let working: Promise<void> = Promise.resolve();
  const look = (): Promise<void> => {
    working = working
      .then(() => backUpDaily(db, folder))
      .then(
        () => settle(null),
        (error: unknown) => settle(error),
      );
    return working;
  };
  const first = setTimeout(() => void look(), firstLookMilliseconds).unref();
  const hourly = setInterval(() => void look(), lookEveryMilliseconds).unref();
  return {
    failure: () => failure,
    look,
    stop: async () => {
      clearTimeout(first);
      clearInterval(hourly);
      await working;
    },
  };
};
