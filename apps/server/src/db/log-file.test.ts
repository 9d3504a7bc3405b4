import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLogFile } from './log-file.ts';
import { type Db, durably, giveLogFile, openDatabase, transaction } from './open-database.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-log-'));
  path = join(folder, 'strata.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const opened = (): Db => {
  const db = openDatabase(path);
  db.exec('CREATE TABLE IF NOT EXISTS t (x INTEGER) STRICT');
  const log = openLogFile(path);
  giveLogFile(db, log);
  log.makeRoom();
  return db;
};
const add = (db: Db, x: number): void => durably(db, () => db.prepare('INSERT INTO t VALUES (?)').run(x));
const rowsOf = (db: Db): unknown => db.prepare('SELECT x FROM t ORDER BY x').pluck().all();

/** What a process finds that begins when this one is gone without a word. */
const afterKill = (): unknown => {
  const copy = join(folder, 'copy.db');
  copyFileSync(path, copy);
  copyFileSync(`${path}-wal`, `${copy}-wal`);
  const db = openDatabase(copy);
  try {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    return rowsOf(db);
  } finally {
    db.close();
  }
};

describe('the log with room to write over', () => {
  it('holds what was written durably, before its end is reached and after it has begun anew', () => {
    const db = opened();
    for (const x of [1, 2]) add(db, x);
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(4_000_000);
    expect(afterKill()).toEqual([1, 2]);
    db.pragma('wal_checkpoint(RESTART)');
    add(db, 3);
    expect(afterKill()).toEqual([1, 2, 3]);
    db.close();
  });

  it('is taken away when the database is closed, and made again', () => {
    const first = opened();
    add(first, 1);
    first.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
    // Made before anything is written: zeros alone.
    const second = opened();
    expect(rowsOf(second)).toEqual([1]);
    add(second, 2);
    expect(afterKill()).toEqual([1, 2]);
    second.close();
  });

  it('leaves full synchronization to all other writes, and what fails is not written', () => {
    const db = opened();
    const failing = (): void =>
      durably(db, () =>
        transaction(db, () => {
          db.prepare('INSERT INTO t VALUES (7)').run();
          throw new Error('no');
        }),
      );
    expect(failing).toThrow('no');
    expect(db.pragma('synchronous', { simple: true })).toBe(2);
    expect(rowsOf(db)).toEqual([]);
    db.close();
  });
});
