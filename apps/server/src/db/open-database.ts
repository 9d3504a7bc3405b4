import { closeSync, constants, openSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { LogFile } from './log-file.ts';

export type Db = Database.Database;

/** SQLite before this lost pages when two connections checkpointed at once (WAL-reset bug, security.md DB-03). */
const oldestSqlite = [3, 51, 3] as const;

/**
 * What every connection runs with. Set on every open, because SQLite remembers some of them and not others:
 * `synchronous` is FULL in the process that switches to WAL and NORMAL in every later one (DB-01, DB-02).
 */
const pragmas: ReadonlyArray<readonly [name: string, value: string, shown: string | number]> = [
  ['journal_mode', 'WAL', 'wal'],
  ['synchronous', 'FULL', 2],
  ['foreign_keys', 'ON', 1],
  ['busy_timeout', '5000', 5000],
  ['trusted_schema', 'OFF', 0],
  ['cell_size_check', 'ON', 1],
  ['wal_autocheckpoint', '1000', 1000],
  ['journal_size_limit', '67108864', 67_108_864],
];

const isOlder = (version: string): boolean => {
  const parts = version.split('.').map(Number);
  for (const [index, oldest] of oldestSqlite.entries()) {
    const part = parts[index] ?? 0;
    if (part !== oldest) return part < oldest;
  }
  return false;
};

/** SQLite creates its files with the umask; the file is made private before SQLite sees it. */
const createPrivate = (path: string): void => {
  closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600));
};

/** Opens the one connection of this process, with every pragma set and read back. Migrates nothing. */
export const openDatabase = (path: string): Db => {
  createPrivate(path);
  const db = new Database(path);
  try {
    const version = db.prepare('SELECT sqlite_version()').pluck().get() as string;
    if (isOlder(version)) throw new Error(`SQLite ${version} is too old: at least ${oldestSqlite.join('.')}`);
    for (const [name, value, shown] of pragmas) {
      db.pragma(`${name} = ${value}`);
      const actual: unknown = db.pragma(name, { simple: true });
      if (actual !== shown)
        throw new Error(`SQLite did not take ${name} = ${value}: it is ${String(actual)}`);
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

/**
 * Runs `work` in one write transaction; what it throws rolls back. Inside another transaction it is a savepoint.
 * `work` is synchronous: nothing else may happen on the connection in between.
 */
export const transaction = <Result>(db: Db, work: () => Result): Result => db.transaction(work).immediate();

const logs = new WeakMap<Db, LogFile>();

/** From here on `durably` syncs the log by itself. */
export const giveLogFile = (db: Db, log: LogFile): void => {
  logs.set(db, log);
};

/** One write, or one transaction, that is on disk when this returns. Not inside a transaction. */
export const durably = (db: Db, write: () => unknown): void => {
  const log = logs.get(db);
  if (log === undefined) {
    write();
    return;
  }
  unsynced(db, write);
  log.sync();
};

/**
 * One write that may be lost with the power, never with the process: it gets into the log without a sync, and is durable
 * with the next transaction. Not inside a transaction.
 */
export const unsynced = (db: Db, write: () => unknown): void => {
  db.pragma('synchronous = NORMAL');
  try {
    write();
  } finally {
    db.pragma('synchronous = FULL');
  }
};
