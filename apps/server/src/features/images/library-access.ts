import type { ImageFormat } from '@strata/contract';
import type { RememberedChecksum } from './checksum/remembered-checksum.ts';
import type { ImageMemory, RememberedCheck, RememberedUnread } from './image-memory.ts';
import type { FileStat, ImageRecord } from './image-record.ts';
import type { ImageWorld } from './image-world.ts';
import type { FolderRow, ImagesRepository } from './images.repository.ts';
import type { Inspected } from './inspect-file.ts';
import type { Library } from './library.ts';

export interface Adoption {
  /** The id it gets if it is not known yet, or the id of a lost image that it is. */
  readonly id?: string;
  readonly name?: string | undefined;
  readonly format?: ImageFormat;
  /** The format was settled by whoever made or registered the file. */
  readonly fixed?: boolean;
  /** What is remembered of it may be lost with the power, until the next write: a scan would find the file. */
  readonly unsynced?: boolean;
  /** What it says was read a moment ago, and so were other files, by their real paths. */
  readonly read?: { readonly file: Inspected; readonly others: ReadonlyMap<string, FileStat> };
}

/** What the parts of the library work with. */
export interface LibraryAccess {
  readonly dataDir: string;
  readonly library: Library;
  readonly repository: ImagesRepository;
  readonly world: ImageWorld;
  readonly memory: ImageMemory;
  /** What a check has found and left. Tells the pages. */
  rememberCheck(imageId: string, checked: RememberedCheck): void;
  rememberChecksums(imageId: string, checksums: readonly RememberedChecksum[]): void;
  /** That it was made of a device that could not be read everywhere. */
  rememberUnread(imageId: string, unread: RememberedUnread): void;
  folders(): readonly FolderRow[];
  /** One change of the library after the other. */
  exclusive<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Takes a file in that was just made or registered; tells the pages. */
  adopt(path: string, adoption: Adoption): Promise<ImageRecord>;
  /** The same, and a scan, within `exclusive`, which does not nest. */
  adoptLocked(path: string, adoption: Adoption): Promise<ImageRecord>;
  refreshLocked(ids: readonly string[]): Promise<void>;
  /** The same for what was read a moment ago: headers again only of files that were written since. */
  glanceLocked(ids: readonly string[]): Promise<void>;
  /** Before anything is taken away: an overlay may have been made by hand a moment ago (security.md, DATA-01). */
  scanLocked(): Promise<void>;
  /** Tells the pages what has changed. */
  announce(): void;
  announceTrash(id: string, change: 'created' | 'deleted'): void;
}
