import type { SnapshotUse } from '@strata/backing-chain';
import type { Db } from '../../db/open-database.ts';
import type { VmHardware } from '../vms/vm-record.types.ts';
import type { StoredSnapshot, StoredSnapshotDisk } from './snapshots.types.ts';

export interface SnapshotsRepository {
  /** To be called inside a transaction: two tables. */
  insert(snapshot: StoredSnapshot): void;
  find(id: string): StoredSnapshot | null;
  /** Oldest first. */
  ofVm(vmId: string): StoredSnapshot[];
  /** An automatic one that somebody has named or described is no longer automatic. */
  describe(id: string, name: string, description: string): void;
  /** False when the snapshot is gone. */
  addScreenshot(id: string, name: string): boolean;
  repoint(id: string, from: string, to: string): void;
  reparent(id: string, parentId: string): void;
  /** Those taken after it follow the one before it. To be called inside a transaction. */
  remove(id: string): void;
  uses(): SnapshotUse[];
}

interface Record {
  id: string;
  vm_id: string;
  parent_id: string | null;
  name: string;
  description: string;
  kind: string;
  memory: number;
  consistency: string;
  vm_was_off: number;
  pause_ms: number | null;
  screenshot: string | null;
  created_at: string;
  origin: string;
  definition: string | null;
  memory_file: string | null;
  memory_bytes: number | null;
  vars_file: string | null;
}

export const snapshotsRepository = (db: Db): SnapshotsRepository => {
  const insert = db.prepare(
    `INSERT INTO snapshots (id, vm_id, parent_id, name, description, kind, memory, consistency, vm_was_off, pause_ms,
       screenshot, created_at, origin, definition, memory_file, memory_bytes, vars_file)
     VALUES (@id, @vmId, @parentId, @name, @description, @kind, @memory, @consistency, @vmWasOff, @pauseMs,
       @screenshot, @createdAt, @origin, @definition, @memoryFile, @memoryBytes, @varsFile)`,
  );
  const insertDisk = db.prepare(
    `INSERT INTO snapshot_disks (snapshot_id, disk_id, image_id, internal_tag)
     VALUES (@snapshotId, @diskId, @imageId, @internalTag)`,
  );
  const find = db.prepare<[string], Record>('SELECT * FROM snapshots WHERE id = ?');
  const ofVm = db.prepare<[string], Record>(
    'SELECT * FROM snapshots WHERE vm_id = ? ORDER BY created_at, rowid',
  );
  const disks = db.prepare<[string], StoredSnapshotDisk>(
    `SELECT disk_id AS diskId, image_id AS imageId, internal_tag AS internalTag FROM snapshot_disks
     WHERE snapshot_id = ? ORDER BY rowid`,
  );
  const describe = db.prepare(
    `UPDATE snapshots SET name = @name, description = @description,
       origin = CASE WHEN origin = 'schedule' AND (name <> @name OR description <> @description)
         THEN 'taken' ELSE origin END
     WHERE id = @id`,
  );
  const addScreenshot = db.prepare('UPDATE snapshots SET screenshot = @name WHERE id = @id');
  const repoint = db.prepare(
    'UPDATE snapshot_disks SET image_id = @to WHERE snapshot_id = @id AND image_id = @from',
  );
  const reparent = db.prepare(
    `UPDATE snapshots SET parent_id = (SELECT parent_id FROM snapshots WHERE id = @id) WHERE parent_id = @id`,
  );
  const follow = db.prepare('UPDATE snapshots SET parent_id = @parentId WHERE id = @id');
  const remove = db.prepare('DELETE FROM snapshots WHERE id = ?');
  const uses = db.prepare<[], Omit<SnapshotUse, 'internalTag'> & { internalTag: string | null }>(
    `SELECT snapshots.id AS snapshotId, snapshots.name AS name, vms.id AS vmId, vms.name AS vmName,
       snapshot_disks.image_id AS imageId, snapshot_disks.internal_tag AS internalTag
     FROM snapshot_disks JOIN snapshots ON snapshots.id = snapshot_id JOIN vms ON vms.id = vm_id
     ORDER BY snapshots.created_at, snapshots.rowid`,
  );

  const stored = (record: Record): StoredSnapshot => ({
    id: record.id,
    vmId: record.vm_id,
    parentId: record.parent_id,
    name: record.name,
    description: record.description,
    kind: record.kind as StoredSnapshot['kind'],
    memory: record.memory === 1,
    consistency: record.consistency as StoredSnapshot['consistency'],
    vmWasOff: record.vm_was_off === 1,
    pauseMs: record.pause_ms,
    screenshot: record.screenshot,
    createdAt: record.created_at,
    origin: record.origin as StoredSnapshot['origin'],
    definition: record.definition === null ? null : (JSON.parse(record.definition) as VmHardware),
    memoryFile: record.memory_file,
    memoryBytes: record.memory_bytes,
    varsFile: record.vars_file,
    disks: disks.all(record.id),
  });

  return {
    insert: (snapshot) => {
      const { memory, vmWasOff, definition, disks: shown, ...rest } = snapshot;
      insert.run({
        ...rest,
        memory: memory ? 1 : 0,
        vmWasOff: vmWasOff ? 1 : 0,
        definition: definition === null ? null : JSON.stringify(definition),
      });
      for (const disk of shown) insertDisk.run({ ...disk, snapshotId: snapshot.id });
    },
    find: (id) => {
      const record = find.get(id);
      return record === undefined ? null : stored(record);
    },
    ofVm: (vmId) => ofVm.all(vmId).map(stored),
    describe: (id, name, description) => void describe.run({ id, name, description }),
    addScreenshot: (id, name) => addScreenshot.run({ id, name }).changes > 0,
    repoint: (id, from, to) => void repoint.run({ id, from, to }),
    reparent: (id, parentId) => void follow.run({ id, parentId }),
    remove: (id) => {
      reparent.run({ id });
      remove.run(id);
    },
    uses: () =>
      uses.all().map(({ internalTag, ...use }) => (internalTag === null ? use : { ...use, internalTag })),
  };
};
