import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate, readMigrations, schemaVersion } from './migrate.ts';
import { type Db, openDatabase, transaction } from './open-database.ts';
import { openStore } from './open-store.ts';

let folder: string;
let open: Db[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-db-'));
  open = [];
});
afterEach(() => {
  for (const db of open) db.close();
  rmSync(folder, { recursive: true, force: true });
});
const path = () => join(folder, 'strata.db');
const backups = () => join(folder, 'backups');
const opened = (): Db => {
  const db = openDatabase(path());
  open.push(db);
  return db;
};
const closeAll = () => {
  for (const db of open.splice(0)) db.close();
};
const first = {
  version: 1,
  name: '0001-a',
  sql: 'CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);',
};
const second = { version: 2, name: '0002-b', sql: 'ALTER TABLE a ADD COLUMN y TEXT;' };

describe('the database', () => {
  it('runs with full synchronization and private files, also when opened again', () => {
    for (const _ of [1, 2]) {
      const db = opened();
      expect(db.pragma('synchronous', { simple: true })).toBe(2);
      expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
      expect(db.pragma('foreign_keys', { simple: true })).toBe(1);
      migrate(db, { backups: backups() });
      for (const name of ['strata.db', 'strata.db-wal', 'strata.db-shm'])
        expect([name, statSync(join(folder, name)).mode & 0o077]).toEqual([name, 0]);
      closeAll();
    }
  });
  it('rolls a transaction back when it throws, the inner one alone when it is caught', () => {
    const db = opened();
    migrate(db, { backups: backups(), migrations: [first] });
    const count = () => db.prepare('SELECT count(*) FROM a').pluck().get();
    const insert = () => db.prepare('INSERT INTO a VALUES (2)').run();
    expect(() =>
      transaction(db, () => {
        insert();
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(count()).toBe(1);
    transaction(db, () => {
      insert();
      try {
        transaction(db, () => {
          insert();
          throw new Error('no');
        });
      } catch {
        // Only the inner insert is undone.
      }
    });
    expect(count()).toBe(2);
  });
});

describe('migrations', () => {
  it('make the schema of a new data folder, without a backup of nothing', () => {
    const db = opened();
    migrate(db, { backups: backups() });
    expect(schemaVersion(db)).toBe(readMigrations().length);
    expect(() => readdirSync(backups())).toThrow();
    migrate(db, { backups: backups() });
    expect(schemaVersion(db)).toBe(readMigrations().length);
  });
  it('copy the database before they change it', () => {
    migrate(opened(), { backups: backups(), migrations: [first] });
    migrate(opened(), { backups: backups(), migrations: [first, second] });
    expect(readdirSync(backups())).toEqual(['pre-2.db']);
    const copy = openDatabase(join(backups(), 'pre-2.db'));
    open.push(copy);
    expect(schemaVersion(copy)).toBe(1);
    expect(copy.prepare('SELECT * FROM a').all()).toEqual([{ x: 1 }]);
  });
  it('leave the database as it was when one fails, and keep the copies of both attempts', () => {
    const broken = { version: 2, name: '0002-b', sql: `${second.sql} SELECT nonsense;` };
    const db = opened();
    migrate(db, { backups: backups(), migrations: [first] });
    for (const _ of [1, 2])
      expect(() => migrate(db, { backups: backups(), migrations: [first, broken] })).toThrow('nonsense');
    expect(schemaVersion(db)).toBe(1);
    expect(db.prepare('SELECT * FROM a').all()).toEqual([{ x: 1 }]);
    expect(readdirSync(backups()).sort()).toEqual(['pre-2-2.db', 'pre-2.db']);
  });
  it('refuse a database of a newer Strata and touch nothing', () => {
    const db = opened();
    db.pragma('user_version = 999');
    closeAll();
    const before = readFileSync(path());
    expect(() => openStore(folder)).toThrow(/newer Strata.*--data-dir/);
    expect(readFileSync(path()).equals(before)).toBe(true);
  });
});

describe('a database that cannot be used is refused in words', () => {
  it('when it is something else', () => {
    writeFileSync(path(), 'this is no database at all, but long enough to have a header'.repeat(20));
    expect(() => openStore(folder)).toThrow(/is damaged.*backups/);
  });
  it('when a page of it is overwritten', () => {
    migrate(opened(), { backups: backups() });
    closeAll();
    const bytes = readFileSync(path());
    bytes.fill(0xff, 4096, 3 * 4096);
    writeFileSync(path(), bytes);
    expect(() => openStore(folder)).toThrow(/is damaged.*backups/);
  });
  it('when it is a symlink to somewhere else', async () => {
    const { symlinkSync } = await import('node:fs');
    symlinkSync('/etc/hostname', path());
    expect(() => openStore(folder)).toThrow(/cannot be/);
  });
});
