import type { Db } from '../../db/open-database.ts';
import type { UploadRow } from './uploads.types.ts';

interface UploadRecord {
  id: string;
  filename: string;
  name: string;
  size: number;
  wishes: string;
  state: string;
  operation_id: string | null;
  error: string | null;
  synced: number;
  boot_id: string;
  created_at: string;
  touched_at: string;
}

export interface UploadsRepository {
  all(): UploadRow[];
  find(id: string): UploadRow | null;
  insert(row: UploadRow): void;
  update(row: UploadRow): void;
  remove(id: string): void;
}

const toRecord = (row: UploadRow): UploadRecord => ({
  id: row.id,
  filename: row.filename,
  name: row.name,
  size: row.size,
  wishes: JSON.stringify(row.wishes),
  state: row.state,
  operation_id: row.operationId,
  error: row.error === null ? null : JSON.stringify(row.error),
  synced: row.synced,
  boot_id: row.bootId,
  created_at: row.createdAt,
  touched_at: row.touchedAt,
});

const fromRecord = (record: UploadRecord): UploadRow => ({
  id: record.id,
  filename: record.filename,
  name: record.name,
  size: record.size,
  wishes: JSON.parse(record.wishes) as UploadRow['wishes'],
  state: record.state as UploadRow['state'],
  operationId: record.operation_id,
  error: record.error === null ? null : (JSON.parse(record.error) as UploadRow['error']),
  synced: record.synced,
  bootId: record.boot_id,
  createdAt: record.created_at,
  touchedAt: record.touched_at,
});

export const uploadsRepository = (db: Db): UploadsRepository => {
  const all = db.prepare<[], UploadRecord>('SELECT * FROM uploads ORDER BY created_at, id');
  const find = db.prepare<[string], UploadRecord>('SELECT * FROM uploads WHERE id = ?');
  const insert = db.prepare(
    `INSERT INTO uploads (id, filename, name, size, wishes, state, operation_id, error, synced, boot_id,
       created_at, touched_at)
     VALUES (@id, @filename, @name, @size, @wishes, @state, @operation_id, @error, @synced, @boot_id,
       @created_at, @touched_at)`,
  );
  const update = db.prepare(
    `UPDATE uploads SET state = @state, operation_id = @operation_id, error = @error, synced = @synced,
       boot_id = @boot_id, touched_at = @touched_at
     WHERE id = @id`,
  );
  const remove = db.prepare('DELETE FROM uploads WHERE id = ?');
  return {
    all: () => all.all().map(fromRecord),
    find: (id) => {
      const record = find.get(id);
      return record === undefined ? null : fromRecord(record);
    },
    insert: (row) => void insert.run(toRecord(row)),
    update: (row) => {
      const { state, operation_id, error, synced, boot_id, touched_at, id } = toRecord(row);
      update.run({ state, operation_id, error, synced, boot_id, touched_at, id });
    },
    remove: (id) => void remove.run(id),
  };
};
