import type { Db } from '../../db/open-database.ts';
import type { ExportPlan } from '../../qemu/exports/export-daemon.ts';

/** In bytes. */
export interface ExportedPartition {
  readonly number: number;
  readonly offset: number;
  readonly size: number;
}

export interface ExportRecord {
  readonly id: string;
  readonly imageId: string;
  readonly name: string;
  /** Bytes that a reader sees. */
  readonly size: number;
  readonly pinned: boolean;
  readonly startedAt: string;
  readonly plan: ExportPlan;
  /** Of the disk as it was when it was exported. */
  readonly partitions: readonly ExportedPartition[];
  /** The file, when that alone is the whole disk, byte for byte. */
  readonly rawFile: string | null;
}

interface Row {
  readonly id: string;
  readonly image_id: string;
  readonly settings: string;
  readonly pinned: number;
  readonly started_at: string;
}
type Settings = Pick<ExportRecord, 'name' | 'size' | 'plan' | 'partitions' | 'rawFile'>;

const fromRow = (row: Row): ExportRecord => ({
  id: row.id,
  imageId: row.image_id,
  pinned: row.pinned === 1,
  startedAt: row.started_at,
  ...(JSON.parse(row.settings) as Settings),
});

export interface ExportsRepository {
  all(): ExportRecord[];
  add(record: ExportRecord): void;
  remove(id: string): void;
}

export const exportsRepository = (db: Db): ExportsRepository => {
  const all = db.prepare<[], Row>('SELECT * FROM exports ORDER BY started_at, id');
  const add = db.prepare<[string, string, string, number, string]>(
    'INSERT INTO exports (id, image_id, settings, pinned, started_at) VALUES (?, ?, ?, ?, ?)',
  );
  const remove = db.prepare<[string]>('DELETE FROM exports WHERE id = ?');
  return {
    all: () => all.all().map(fromRow),
    add: ({ id, imageId, pinned, startedAt, ...rest }) => {
      const { name, size, plan, partitions, rawFile } = rest;
      const settings: Settings = { name, size, plan, partitions, rawFile };
      add.run(id, imageId, JSON.stringify(settings), pinned ? 1 : 0, startedAt);
    },
    remove: (id) => {
      remove.run(id);
    },
  };
};
