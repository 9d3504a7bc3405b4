import type { TrashUse } from '@strata/backing-chain';
import type { BackingTarget } from '@strata/disk-image';
import { fileKey, type ImageRecord } from './image-record.ts';
import type { ImagesRepository } from './images.repository.ts';
import { trashUses } from './trash-uses.ts';

/** Where a backing string leads at this moment. */
export interface ResolvedBacking {
  readonly target: BackingTarget;
  /** Device and inode of the file there; null when there is none. */
  readonly key: string | null;
  readonly regular: boolean;
}

/** Where the images are written down. */
export type LibraryBooks = Pick<ImagesRepository, 'images' | 'write' | 'trash'>;

/** All known images in memory, in step with the database. Every change goes through `change`. */
export class Library {
  private readonly repository: LibraryBooks;
  private readonly records = new Map<string, ImageRecord>();
  private readonly backings = new Map<string, ResolvedBacking>();
  /** Rises with every change; what is derived from the records is cached by it. */
  version = 0;
  /** False while a folder could not be read: then nobody can say what stands on what. */
  complete = false;

  constructor(repository: LibraryBooks) {
    this.repository = repository;
    for (const record of repository.images()) this.records.set(record.id, record);
  }

  all(): IterableIterator<ImageRecord> {
    return this.records.values();
  }

  get(id: string): ImageRecord | undefined {
    return this.records.get(id);
  }

  byPath(path: string): ImageRecord | undefined {
    for (const record of this.records.values()) if (record.path === path) return record;
    return undefined;
  }

  byKey(key: string): ImageRecord | undefined {
    for (const record of this.records.values())
      if (record.present && fileKey(record.identity) === key) return record;
    return undefined;
  }

  /** What stands on layers from the trash. */
  trashed(): TrashUse[] {
    return trashUses(this.repository.trash(), this);
  }

  backingOf(id: string): ResolvedBacking | undefined {
    return this.backings.get(id);
  }

  change(puts: readonly ImageRecord[], drops: readonly string[] = [], durability?: 'unsynced'): void {
    if (puts.length === 0 && drops.length === 0) return;
    this.repository.write(puts, drops, durability);
    for (const record of puts) this.records.set(record.id, record);
    this.forget(drops);
  }

  /** For what the repository has dropped together with something else. */
  forget(ids: readonly string[]): void {
    for (const id of ids) {
      this.records.delete(id);
      this.backings.delete(id);
    }
    this.version += 1;
  }

  /** For what the repository has put back together with something else. */
  remember(record: ImageRecord): void {
    this.records.set(record.id, record);
    this.version += 1;
  }

  setBacking(id: string, resolved: ResolvedBacking | null): void {
    const before = JSON.stringify(this.backings.get(id) ?? null);
    if (before === JSON.stringify(resolved)) return;
    if (resolved === null) this.backings.delete(id);
    else this.backings.set(id, resolved);
    this.version += 1;
  }

  setComplete(complete: boolean): void {
    if (complete !== this.complete) this.version += 1;
    this.complete = complete;
  }
}
