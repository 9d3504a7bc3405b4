import type { ImageFormat } from '@strata/contract';
import { type Db, transaction } from '../../db/open-database.ts';
import type { HashedFile, RememberedChecksum } from './checksum/remembered-checksum.ts';
import type { ContentSample } from './content-sample.ts';
import type { FileIdentity } from './image-record.ts';

/** A layer as it was when the overlay above it was last seen whole. */
export interface RememberedBacking {
  readonly path: string;
  readonly format: ImageFormat;
  readonly virtualSize: number;
  readonly identity: FileIdentity;
  readonly bornNs: string;
  /** Null: it has not been read yet. */
  readonly sample: ContentSample | null;
  readonly seenAt: string;
}

/** Of a device that was read with errors: zeros stand in the image where something else should. */
export interface RememberedUnread {
  readonly device: string;
  /** How much, and where. */
  readonly words: string;
  readonly at: string;
}

/** What the last check has found and not mended. */
export interface RememberedCheck {
  readonly errors: number;
  readonly leaks: number;
  readonly leakedBytes: number;
  readonly at: string;
  /** The file that was checked; left out by a former version. */
  readonly file?: HashedFile;
}

/** What compacting would give back of the file in this state. */
export interface RememberedMeasure {
  readonly gain: number;
  readonly exact: boolean;
  readonly at: string;
  readonly file: HashedFile;
}

export interface Remembered {
  readonly leftAloneAt: string | null;
  readonly checked: RememberedCheck | null;
  readonly stoodOn: RememberedBacking | null;
  readonly checksums: readonly RememberedChecksum[];
  readonly measured: RememberedMeasure | null;
  readonly unread: RememberedUnread | null;
}

interface MemoryRow {
  image_id: string;
  left_alone_at: string | null;
  checked: string | null;
  stood_on: string | null;
  checksums: string | null;
  measured: string | null;
  unread: string | null;
}

const nothing: Remembered = {
  leftAloneAt: null,
  checked: null,
  stoodOn: null,
  checksums: [],
  measured: null,
  unread: null,
};
const parsed = <Value>(text: string | null): Value | null =>
  text === null ? null : (JSON.parse(text) as Value);
const written = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));

/** What Strata remembers of images beyond what their files say now; in step with the database. */
export class ImageMemory {
  private readonly db: Db;
  private readonly known = new Map<string, Remembered>();
  private readonly put;

  constructor(db: Db) {
    this.db = db;
    // An image that was forgotten meanwhile takes its memory with it.
    this.put = db.prepare<MemoryRow>(`
      INSERT INTO image_memory (image_id, left_alone_at, checked, stood_on, checksums, measured, unread)
        SELECT @image_id, @left_alone_at, @checked, @stood_on, @checksums, @measured, @unread
        WHERE EXISTS (SELECT 1 FROM images WHERE id = @image_id)
      ON CONFLICT (image_id) DO UPDATE SET left_alone_at = @left_alone_at, checked = @checked, stood_on = @stood_on,
        checksums = @checksums, measured = @measured, unread = @unread`);
    for (const row of db.prepare<[], MemoryRow>('SELECT * FROM image_memory').all())
      this.known.set(row.image_id, {
        leftAloneAt: row.left_alone_at,
        checked: parsed<RememberedCheck>(row.checked),
        stoodOn: parsed<RememberedBacking>(row.stood_on),
        checksums: parsed<RememberedChecksum[]>(row.checksums) ?? [],
        measured: parsed<RememberedMeasure>(row.measured),
        unread: parsed<RememberedUnread>(row.unread),
      });
  }

  of(imageId: string): Remembered {
    return this.known.get(imageId) ?? nothing;
  }

  /** All or none. */
  change(changes: readonly (Partial<Remembered> & { readonly imageId: string })[]): void {
    if (changes.length === 0) return;
    const next = changes.map(({ imageId, ...change }) => ({ imageId, ...this.of(imageId), ...change }));
    transaction(this.db, () => {
      for (const { imageId, leftAloneAt, checked, stoodOn, checksums, measured, unread } of next)
        this.put.run({
          image_id: imageId,
          left_alone_at: leftAloneAt,
          checked: written(checked),
          stood_on: written(stoodOn),
          checksums: checksums.length === 0 ? null : written(checksums),
          measured: written(measured),
          unread: written(unread),
        });
    });
    for (const { imageId, ...remembered } of next) this.known.set(imageId, remembered);
  }
}
