import type { ImageFormat } from '@strata/contract';
import { type Db, transaction, unsynced } from '../../db/open-database.ts';
import type { FileFacts, ImageRecord } from './image-record.ts';

interface ImageRow {
  id: string;
  name: string;
  path: string;
  format: ImageFormat;
  format_fixed: number;
  device: string;
  inode: string;
  file_size: number;
  mtime_ns: string;
  present: number;
  facts: string;
  created_at: string;
}

export interface FolderRow {
  readonly id: string;
  readonly path: string;
  readonly isDefault: boolean;
  /** `st_dev` when it was last read; null before that. */
  readonly device: string | null;
}

export interface TrashRow {
  readonly id: string;
  readonly name: string;
  readonly originalPath: string;
  readonly trashPath: string;
  readonly bytes: number;
  readonly image: ImageRecord;
  /** The layer it stood on when it was deleted. */
  readonly backingId: string | null;
  /** By their names, which may be all that is left of them; null in rows of a former version. */
  readonly belonged: { readonly backing: string | null; readonly vms: readonly string[] } | null;
  readonly deletedAt: string;
}

const fromRow = (row: ImageRow): ImageRecord => ({
  id: row.id,
  name: row.name,
  path: row.path,
  format: row.format,
  formatFixed: row.format_fixed === 1,
  identity: { device: row.device, inode: row.inode, size: row.file_size, mtimeNs: row.mtime_ns },
  present: row.present === 1,
  facts: JSON.parse(row.facts) as FileFacts,
  createdAt: row.created_at,
});

const toRow = (record: ImageRecord): ImageRow => ({
  id: record.id,
  name: record.name,
  path: record.path,
  format: record.format,
  format_fixed: record.formatFixed ? 1 : 0,
  device: record.identity.device,
  inode: record.identity.inode,
  file_size: record.identity.size,
  mtime_ns: record.identity.mtimeNs,
  present: record.present ? 1 : 0,
  facts: JSON.stringify(record.facts),
  created_at: record.createdAt,
});

export type ImagesRepository = ReturnType<typeof createImagesRepository>;

/** Images, folders and trash as they are remembered; the files are the truth. */
export const createImagesRepository = (db: Db) => {
  const all = db.prepare<[], ImageRow>('SELECT * FROM images ORDER BY path');
  // `path` is unique, and two files may exchange names: the old path is freed before the new one is taken.
  const free = db.prepare("UPDATE images SET path = path || '#' || id WHERE path = @path AND id <> @id");
  const put = db.prepare<ImageRow>(`
    INSERT INTO images VALUES (@id, @name, @path, @format, @format_fixed, @device, @inode, @file_size, @mtime_ns,
      @present, @facts, @created_at)
    ON CONFLICT (id) DO UPDATE SET name = @name, path = @path, format = @format, format_fixed = @format_fixed,
      device = @device, inode = @inode, file_size = @file_size, mtime_ns = @mtime_ns, present = @present, facts = @facts`);
  const drop = db.prepare('DELETE FROM images WHERE id = ?');
  const references = db.prepare<[string, string]>(
    'SELECT 1 FROM vm_disks WHERE image_id = ? UNION SELECT 1 FROM snapshot_disks WHERE image_id = ?',
  );
  const folders = db.prepare<[], { id: string; path: string; is_default: number; device: string | null }>(
    'SELECT id, path, is_default, device FROM folders ORDER BY is_default DESC, path',
  );
  const addFolder = db.prepare(
    `INSERT INTO folders (id, path, is_default, device, created_at)
     VALUES (@id, @path, @isDefault, @device, @createdAt)`,
  );
  const setDevice = db.prepare('UPDATE folders SET device = ? WHERE id = ?');
  const moveFolder = db.prepare('UPDATE folders SET path = ? WHERE id = ?');
  const dropFolder = db.prepare('DELETE FROM folders WHERE id = ?');
  const trash = db.prepare<[], Record<string, string | number | null>>(
    'SELECT * FROM trash ORDER BY deleted_at DESC',
  );
  const addTrash = db.prepare(
    `INSERT INTO trash (id, name, original_path, trash_path, bytes, image, deleted_at, backing_id, belonged)
     VALUES (@id, @name, @originalPath, @trashPath, @bytes, @image, @deletedAt, @backingId, @belonged)`,
  );
  const dropTrash = db.prepare('DELETE FROM trash WHERE id = ?');
  const readTrash = (): TrashRow[] =>
    trash.all().map((row) => ({
      id: String(row.id),
      name: String(row.name),
      originalPath: String(row.original_path),
      trashPath: String(row.trash_path),
      bytes: Number(row.bytes),
      image: JSON.parse(String(row.image)) as ImageRecord,
      backingId: typeof row.backing_id === 'string' ? row.backing_id : null,
      belonged: typeof row.belonged === 'string' ? (JSON.parse(row.belonged) as TrashRow['belonged']) : null,
      deletedAt: String(row.deleted_at),
    }));
  // Asked for with every look at the forest.
  let trashRows: readonly TrashRow[] | null = null;
  const memorySnapshots = db.prepare<[], { id: string }>('SELECT id FROM snapshots WHERE memory = 1');

  return {
    images: (): ImageRecord[] => all.all().map(fromRow),
    /** All or none. */
    write: (puts: readonly ImageRecord[], drops: readonly string[] = [], durability?: 'unsynced'): void => {
      const write = (): void =>
        transaction(db, () => {
          for (const id of drops) drop.run(id);
          const rows = puts.map(toRow);
          for (const row of rows) free.run({ path: row.path, id: row.id });
          for (const row of rows) put.run(row);
        });
      if (durability === 'unsynced') unsynced(db, write);
      else write();
    },
    /** Whether a row of a VM or of a snapshot points to it: such an image cannot be forgotten. */
    isReferenced: (id: string): boolean => references.get(id, id) !== undefined,
    folders: (): FolderRow[] =>
      folders
        .all()
        .map(({ id, path, is_default, device }) => ({ id, path, isDefault: is_default === 1, device })),
    addFolder: (folder: FolderRow, createdAt: string): void => {
      addFolder.run({ ...folder, isDefault: folder.isDefault ? 1 : 0, createdAt });
    },
    moveFolder: (id: string, path: string): void => {
      moveFolder.run(path, id);
    },
    setFolderDevice: (id: string, device: string): void => {
      setDevice.run(device, id);
    },
    dropFolder: (id: string): void => {
      dropFolder.run(id);
    },
    trash: (): readonly TrashRow[] => {
      trashRows ??= readTrash();
      return trashRows;
    },
    /** The image leaves the library in the same moment in which it is in the trash. */
    moveToTrash: (item: TrashRow): void => {
      trashRows = null;
      transaction(db, () => {
        addTrash.run({
          ...item,
          image: JSON.stringify(item.image),
          belonged: item.belonged === null ? null : JSON.stringify(item.belonged),
        });
        drop.run(item.image.id);
      });
    },
    takeFromTrash: (item: TrashRow): void => {
      trashRows = null;
      transaction(db, () => {
        dropTrash.run(item.id);
        put.run(toRow(item.image));
      });
    },
    dropTrash: (id: string): void => {
      trashRows = null;
      dropTrash.run(id);
    },
    snapshotsWithMemory: (): Set<string> => new Set(memorySnapshots.all().map(({ id }) => id)),
  };
};
