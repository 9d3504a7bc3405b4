import type { VmLog } from '@strata/contract';
import { type Db, transaction } from '../../db/open-database.ts';
import type {
  LastFailure,
  StoredDefinition,
  StoredDisk,
  StoredProcess,
  Suspended,
  VmRecord,
} from './vm-record.types.ts';

interface VmRow {
  id: string;
  uuid: string;
  name: string;
  definition: string;
  current_snapshot_id: string | null;
  process: string | null;
  suspended: string | null;
  last_failure: string | null;
  created_at: string;
}
interface DiskRow {
  id: string;
  vm_id: string;
  image_id: string;
  settings: string;
}

const parsed = <Value>(json: string | null): Value | null =>
  json === null ? null : (JSON.parse(json) as Value);
const asJson = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));

const mostEvents = 1000;

/** VMs, their disks and what happened to them, in SQLite. */
export const createVmsRepository = (db: Db) => {
  const selectVms = db.prepare<[], VmRow>('SELECT * FROM vms ORDER BY created_at, id');
  const selectVm = db.prepare<[string], VmRow>('SELECT * FROM vms WHERE id = ?');
  const selectDisks = db.prepare<[string], DiskRow>(
    'SELECT * FROM vm_disks WHERE vm_id = ? ORDER BY position',
  );
  const insertVm = db.prepare(
    'INSERT INTO vms (id, uuid, name, definition, created_at) VALUES (@id, @uuid, @name, @definition, @createdAt)',
  );
  const updateVm = db.prepare('UPDATE vms SET name = @name, definition = @definition WHERE id = @id');
  const removeVm = db.prepare('DELETE FROM vms WHERE id = ?');
  const insertDisk = db.prepare(
    'INSERT INTO vm_disks (id, vm_id, position, image_id, settings) VALUES (@id, @vmId, @position, @imageId, @settings)',
  );
  const removeDisks = db.prepare('DELETE FROM vm_disks WHERE vm_id = ?');
  const updateDiskImage = db.prepare('UPDATE vm_disks SET image_id = ? WHERE vm_id = ? AND id = ?');
  const updateSnapshot = db.prepare('UPDATE vms SET current_snapshot_id = ? WHERE id = ?');
  const updateProcess = db.prepare('UPDATE vms SET process = ? WHERE id = ?');
  const updateSuspended = db.prepare('UPDATE vms SET suspended = ? WHERE id = ?');
  const selectMemoryFiles = db
    .prepare<[string], string>(
      'SELECT memory_file FROM snapshots WHERE vm_id = ? AND memory_file IS NOT NULL',
    )
    .pluck();
  const updateFailure = db.prepare('UPDATE vms SET last_failure = ? WHERE id = ?');
  const selectByName = db.prepare<[string], { id: string }>(
    'SELECT id FROM vms WHERE name = ? COLLATE NOCASE',
  );
  const countSnapshots = db
    .prepare<[string], number>('SELECT count(*) FROM snapshots WHERE vm_id = ?')
    .pluck();
  const insertEvent = db.prepare('INSERT INTO vm_events (vm_id, at, event, detail) VALUES (?, ?, ?, ?)');
  const trimEvents = db.prepare(
    `DELETE FROM vm_events WHERE vm_id = @id AND rowid NOT IN
       (SELECT rowid FROM vm_events WHERE vm_id = @id ORDER BY rowid DESC LIMIT ${mostEvents})`,
  );
  const selectEvents = db.prepare<[string, number], VmLog['events'][number]>(
    'SELECT at, event, detail FROM vm_events WHERE vm_id = ? ORDER BY rowid DESC LIMIT ?',
  );

  const toRecord = (row: VmRow): VmRecord => ({
    id: row.id,
    uuid: row.uuid,
    name: row.name,
    definition: JSON.parse(row.definition) as StoredDefinition,
    disks: selectDisks.all(row.id).map((disk) => ({
      ...(JSON.parse(disk.settings) as Omit<StoredDisk, 'id' | 'imageId'>),
      id: disk.id,
      imageId: disk.image_id,
    })),
    currentSnapshotId: row.current_snapshot_id,
    process: parsed<StoredProcess>(row.process),
    suspended: parsed<Suspended>(row.suspended),
    lastFailure: parsed<LastFailure>(row.last_failure),
    createdAt: row.created_at,
  });

  const putDisks = (vmId: string, disks: readonly StoredDisk[]): void => {
    removeDisks.run(vmId);
    for (const [position, { id, imageId, ...settings }] of disks.entries())
      insertDisk.run({ id, vmId, position, imageId, settings: JSON.stringify(settings) });
  };

  return {
    all: (): VmRecord[] => selectVms.all().map(toRecord),
    find: (id: string): VmRecord | null => {
      const row = selectVm.get(id);
      return row === undefined ? null : toRecord(row);
    },
    idOfName: (name: string): string | null => selectByName.get(name)?.id ?? null,
    insert: (vm: Pick<VmRecord, 'id' | 'uuid' | 'name' | 'definition' | 'disks' | 'createdAt'>): void =>
      transaction(db, () => {
        const { id, uuid, name, createdAt } = vm;
        insertVm.run({ id, uuid, name, createdAt, definition: JSON.stringify(vm.definition) });
        putDisks(id, vm.disks);
      }),
    update: (vm: Pick<VmRecord, 'id' | 'name' | 'definition' | 'disks'>): void =>
      transaction(db, () => {
        updateVm.run({ id: vm.id, name: vm.name, definition: JSON.stringify(vm.definition) });
        putDisks(vm.id, vm.disks);
      }),
    remove: (id: string): void => {
      removeVm.run(id);
    },
    setDefinition: (vm: Pick<VmRecord, 'id' | 'name' | 'definition'>): void => {
      updateVm.run({ id: vm.id, name: vm.name, definition: JSON.stringify(vm.definition) });
    },
    setDiskImage: (vmId: string, diskId: string, imageId: string): void => {
      updateDiskImage.run(imageId, vmId, diskId);
    },
    setCurrentSnapshot: (vmId: string, snapshotId: string | null): void => {
      updateSnapshot.run(snapshotId, vmId);
    },
    setProcess: (vmId: string, process: StoredProcess | null): void => {
      updateProcess.run(asJson(process), vmId);
    },
    setSuspended: (vmId: string, suspended: Suspended | null): void => {
      updateSuspended.run(asJson(suspended), vmId);
    },
    /** Names of the memory files that its snapshots need. */
    snapshotMemories: (vmId: string): string[] => selectMemoryFiles.all(vmId),
    setFailure: (vmId: string, failure: LastFailure | null): void => {
      updateFailure.run(asJson(failure), vmId);
    },
    snapshotCount: (vmId: string): number => countSnapshots.get(vmId) ?? 0,
    addEvent: (vmId: string, event: string, detail: string): void =>
      transaction(db, () => {
        insertEvent.run(vmId, new Date().toISOString(), event, detail);
        trimEvents.run({ id: vmId });
      }),
    /** Newest first. */
    events: (vmId: string, most: number): VmLog['events'] => selectEvents.all(vmId, most),
  };
};
export type VmsRepository = ReturnType<typeof createVmsRepository>;
