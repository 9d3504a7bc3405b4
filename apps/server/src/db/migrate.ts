import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StartRefusal } from '../start-refusal.ts';
import type { Db } from './open-database.ts';
import { syncPath } from './sync-path.ts';

/** One numbered file of `migrations/`; `build.mjs` puts a copy of the folder beside the bundle. */
interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

const bundledMigrations = fileURLToPath(new URL('./migrations/', import.meta.url));

export const readMigrations = (folder: string = bundledMigrations): Migration[] => {
  const migrations = readdirSync(folder)
    .filter((name) => /^\d{4}-.+\.sql$/.test(name))
    .sort()
    .map((name) => ({
      version: Number(name.slice(0, 4)),
      name: basename(name, '.sql'),
      sql: readFileSync(join(folder, name), 'utf8'),
    }));
  for (const [index, migration] of migrations.entries())
    if (migration.version !== index + 1)
      throw new Error(`migration ${migration.name} is out of order in ${folder}`);
  return migrations;
};

export const schemaVersion = (db: Db): number => db.pragma('user_version', { simple: true }) as number;

/** A complete copy of the database as it was, before anything of it is changed. */
const backUp = (db: Db, folder: string, version: number): void => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const free = (suffix: string): string => join(folder, `pre-${version + 1}${suffix}.db`);
  // A copy from an earlier, failed attempt stays: it may be the better one.
  let path = free('');
  for (let attempt = 2; existsSync(path); attempt += 1) path = free(`-${attempt}`);
  db.prepare('VACUUM INTO ?').run(path);
  syncPath(path);
  syncPath(folder);
};

const apply = (db: Db, migration: Migration): void => {
  db.transaction(() => {
    db.exec(migration.sql);
    db.pragma(`user_version = ${migration.version}`);
    const broken = db.pragma('foreign_key_check') as unknown[];
    if (broken.length > 0) throw new Error(`${migration.name} left ${broken.length} dangling references`);
  }).immediate();
};

const quickCheck = (db: Db): void => {
  const found = db.pragma('quick_check', { simple: true });
  if (found !== 'ok')
    throw new StartRefusal(
      `The database ${db.name} is damaged (${String(found).replaceAll('\n', '; ')}). Your images are not touched by this. Move the file away together with its -wal and -shm files, put the newest copy from the folder "backups" in its place, and start Strata again.`,
    );
};

/**
 * Brings the database to the newest schema: forward only, each step in one transaction, an existing database
 * copied first. A failed step leaves the database as it was.
 */
export const migrate = (db: Db, options: { backups: string; migrations?: readonly Migration[] }): void => {
  const migrations = options.migrations ?? readMigrations();
  const version = schemaVersion(db);
  if (version > migrations.length)
    throw new StartRefusal(
      `The database ${db.name} was written by a newer Strata (schema ${version}; this one knows ${migrations.length}). Start that version, or choose another data folder with --data-dir.`,
    );
  if (version > 0) quickCheck(db);
  const pending = migrations.slice(version);
  if (pending.length === 0) return;
  if (version > 0) backUp(db, options.backups, version);
  for (const migration of pending) apply(db, migration);
  quickCheck(db);
};
