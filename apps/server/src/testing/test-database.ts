import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../db/migrate.ts';
import { type Db, openDatabase } from '../db/open-database.ts';

/** A migrated database in a folder of its own, for tests of repositories and services. */
export const openTestDatabase = (): { db: Db; folder: string; dispose: () => void } => {
  const folder = mkdtempSync(join(tmpdir(), 'strata-db-'));
  const db = openDatabase(join(folder, 'strata.db'));
  migrate(db, { backups: join(folder, 'backups') });
  return {
    db,
    folder,
    dispose: () => {
      db.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
