import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { backUpDaily, keepDailyBackups } from './daily-backups.ts';
import { type Db, openDatabase } from './open-database.ts';

let folder: string;
let backups: string;
let db: Db;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-backups-'));
  backups = join(folder, 'backups');
  db = openDatabase(join(folder, 'strata.db'));
  db.exec('CREATE TABLE kept (word TEXT) STRICT');
  db.prepare('INSERT INTO kept VALUES (?)').run('before');
});
afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true });
});

const day = (number: number): Date => new Date(Date.UTC(2026, 0, number, 12));
const wordsIn = (name: string): unknown[] => {
  const copy = new Database(join(backups, name), { readonly: true });
  try {
    return copy.prepare('SELECT word FROM kept').pluck().all();
  } finally {
    copy.close();
  }
};

it('makes one private copy a day, with what only the log of the database holds yet', async () => {
  expect(await backUpDaily(db, backups, day(1))).toBe(true);
  db.prepare('INSERT INTO kept VALUES (?)').run('after');
  expect(await backUpDaily(db, backups, day(1))).toBe(false);
  expect(readdirSync(backups)).toEqual(['daily-2026-01-01.db']);
  expect(wordsIn('daily-2026-01-01.db')).toEqual(['before']);
  expect(statSync(join(backups, 'daily-2026-01-01.db')).mode & 0o777).toBe(0o600);
  expect(await backUpDaily(db, backups, day(2))).toBe(true);
  expect(wordsIn('daily-2026-01-02.db')).toEqual(['before', 'after']);
});

it('keeps seven of them, and every copy from before a migration', async () => {
  await backUpDaily(db, backups, day(1));
  writeFileSync(join(backups, 'pre-3.db'), '');
  for (let number = 2; number <= 9; number += 1) await backUpDaily(db, backups, day(number));
  const names = readdirSync(backups).sort();
  expect(names).toHaveLength(8);
  expect(names[0]).toBe('daily-2026-01-03.db');
  expect(names.at(-1)).toBe('pre-3.db');
});

it('begins anew over what a killed server left half-made', async () => {
  await backUpDaily(db, backups, day(1));
  writeFileSync(join(backups, 'daily-2026-01-02.db.part'), 'half');
  expect(await backUpDaily(db, backups, day(2))).toBe(true);
  expect(readdirSync(backups)).toEqual(['daily-2026-01-01.db', 'daily-2026-01-02.db']);
  expect(wordsIn('daily-2026-01-02.db')).toEqual(['before']);
});

it('tells a copy that failed until the next one succeeds', async () => {
  // A file where the folder should be.
  writeFileSync(backups, '');
  const told: unknown[] = [];
  const keeping = keepDailyBackups(db, backups, (error) => told.push(error));
  try {
    await keeping.look();
    expect(keeping.failure()).toMatch(/EEXIST|ENOTDIR/);
    rmSync(backups);
    await keeping.look();
    expect(keeping.failure()).toBeNull();
    await keeping.look();
    expect(told).toEqual([expect.any(Error), null]);
  } finally {
    await keeping.stop();
  }
});
