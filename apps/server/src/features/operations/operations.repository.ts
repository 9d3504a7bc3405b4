import { type Db, durably, unsynced } from '../../db/open-database.ts';
import { fromRecord, type OperationRecord, type OperationRow, toRecord } from './operation-row.ts';
import type { OperationQuery } from './operations.types.ts';

export interface OperationsRepository {
  insert(row: OperationRow): void;
  /** Writes all of it that can change. */
  update(row: OperationRow): void;
  /** Not durable: its sync would wait for all that the job has written into the same file system meanwhile. */
  updateProgress(row: OperationRow): void;
  /** All of it, and not durable either. */
  updateShown(row: OperationRow): void;
  find(id: string): OperationRow | null;
  unfinished(): OperationRow[];
  /** Newest first, one more than asked for when there is more. */
  page(
    query: OperationQuery,
    limit: number,
  ): { rows: Array<OperationRow & { position: number }>; total: number };
}

const filters = (query: OperationQuery): { where: string; values: Record<string, string | number> } => {
  const conditions = ['1 = 1'];
  const values: Record<string, string | number> = {};
  if (query.state !== undefined) {
    conditions.push('state = @state');
    values.state = query.state;
  }
  if (query.vm !== undefined) {
    conditions.push(
      `(EXISTS (SELECT 1 FROM json_each(subjects) WHERE value ->> 'kind' = 'vm' AND value ->> 'id' = @vm)
        OR EXISTS (SELECT 1 FROM json_each(locks, '$.vms') WHERE value = @vm))`,
    );
    values.vm = query.vm;
  }
  if (query.image !== undefined) {
    conditions.push(
      `(EXISTS (SELECT 1 FROM json_each(subjects) WHERE value ->> 'kind' = 'image' AND value ->> 'id' = @image)
        OR EXISTS (SELECT 1 FROM json_each(locks, '$.images') WHERE value = @image)
        OR EXISTS (SELECT 1 FROM json_each(locks, '$.reads') WHERE value = @image))`,
    );
    values.image = query.image;
  }
  if (query.q !== undefined && query.q !== '') {
    conditions.push('instr(lower(title), lower(@q)) > 0');
    values.q = query.q;
  }
  return { where: conditions.join(' AND '), values };
};

export const operationsRepository = (db: Db): OperationsRepository => {
  const insert = db.prepare(
    `INSERT INTO operations (id, kind, title, state, request, journal, steps, subjects, locks, unit, done, total,
       paused_because, cancel_note, recovery, error, result, created_at, started_at, ended_at)
     VALUES (@id, @kind, @title, @state, @request, @journal, @steps, @subjects, @locks, @unit, @done, @total,
       @paused_because, @cancel_note, @recovery, @error, @result, @created_at, @started_at, @ended_at)`,
  );
  const update = db.prepare(
    `UPDATE operations SET state = @state, journal = @journal, steps = @steps, locks = @locks, done = @done,
       total = @total, paused_because = @paused_because, recovery = @recovery, error = @error, result = @result,
       started_at = @started_at, ended_at = @ended_at
     WHERE id = @id`,
  );
  const updateProgress = db.prepare(
    'UPDATE operations SET done = @done, total = @total, paused_because = @pausedBecause WHERE id = @id',
  );
  const find = db.prepare<[string], OperationRecord>('SELECT * FROM operations WHERE id = ?');
  const unfinished = db.prepare<[], OperationRecord>(
    `SELECT * FROM operations WHERE state NOT IN ('done', 'failed', 'cancelled') ORDER BY rowid`,
  );

  return {
    insert: (row) => durably(db, () => insert.run(toRecord(row))),
    update: (row) => void update.run(toRecord(row)),
    updateShown: (row) => unsynced(db, () => update.run(toRecord(row))),
    updateProgress: ({ id, done, total, pausedBecause }) =>
      unsynced(db, () => updateProgress.run({ id, done, total, pausedBecause })),
    find: (id) => {
      const record = find.get(id);
      return record === undefined ? null : fromRecord(record);
    },
    unfinished: () => unfinished.all().map(fromRecord),
    page: (query, limit) => {
      const { where, values } = filters(query);
      const total = db
        .prepare(`SELECT count(*) FROM operations WHERE ${where}`)
        .pluck()
        .get(values) as number;
      const records = db
        .prepare(
          `SELECT *, rowid AS position FROM operations WHERE ${where} AND rowid < @before ORDER BY rowid DESC LIMIT @limit`,
        )
        .all({
          ...values,
          before: Number(query.cursor ?? Number.MAX_SAFE_INTEGER),
          limit: limit + 1,
        }) as Array<OperationRecord & { position: number }>;
      return {
        rows: records.map((record) => ({ ...fromRecord(record), position: record.position })),
        total,
      };
    },
  };
};
