import { createRequire } from 'node:module';
import { join } from 'node:path';

interface Statement {
  run(...values: unknown[]): void;
  get(...values: unknown[]): unknown;
}
interface Database {
  prepare(sql: string): Statement;
  transaction(work: () => void): () => void;
  close(): void;
}
// The server's own: what it wrote is added to while it is stopped.
const Sqlite = createRequire(new URL('../../server/package.json', import.meta.url))('better-sqlite3') as new (
  path: string,
) => Database;

/**
 * As many restore points below a given one, each pointing to its layers: every tenth continues from a few before it,
 * the rest from the one before. Taking them one by one would take minutes.
 */
export const addSnapshots = (dataDir: string, below: string, count: number): void => {
  const db = new Sqlite(join(dataDir, 'strata.db'));
  const row = db.prepare(
    `INSERT INTO snapshots (id, vm_id, parent_id, name, description, kind, memory, consistency, vm_was_off, created_at)
     SELECT ?, vm_id, ?, ?, '', kind, 0, consistency, 1, ? FROM snapshots WHERE id = ?`,
  );
  const disks = db.prepare(
    `INSERT INTO snapshot_disks (snapshot_id, disk_id, image_id)
     SELECT ?, disk_id, image_id FROM snapshot_disks WHERE snapshot_id = ?`,
  );
  const idOf = (number: number) => (number < 1 ? below : `many${String(number).padStart(8, '0')}`);
  db.transaction(() => {
    for (let number = 1; number <= count; number += 1) {
      const parent = idOf(number % 10 === 0 ? number - 7 : number - 1);
      const at = new Date(Date.now() - (count - number) * 60_000).toISOString();
      row.run(idOf(number), parent, `point ${number}`, at, below);
      disks.run(idOf(number), below);
    }
  })();
  db.close();
};
