import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { StartRefusal } from '../start-refusal.ts';

export interface InstanceLock {
  release(): void;
}

const isBusy = (error: unknown): boolean =>
  error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');

/**
 * One server for each data folder: an exclusive transaction on a file of its own, held for life. It ends with the
 * process, however that ends, so there is no stale lock and no pid file.
 *
 * SQLite locks with fcntl, whose locks fall when *any* descriptor of the file is closed in the process that holds
 * them: nobody may open or read `instance.lock.db` after this (security.md, DB-08; architecture.test.ts).
 */
export const acquireInstanceLock = (dataDir: string): InstanceLock => {
  const path = join(dataDir, 'instance.lock.db');
  closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600));
  const lock = new Database(path, { timeout: 1200 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (!isBusy(error)) throw error;
    throw new StartRefusal(
      `Another Strata already uses the data folder ${dataDir}. Use that one, stop it, or choose another folder with --data-dir.`,
    );
  }
  return { release: () => lock.close() };
};
