import type {
  CompactUsage,
  DiskUse,
  ExportUse,
  ExtentList,
  Forest,
  MediaUse,
  MoveTarget,
  OperationUse,
  SnapshotUse,
} from '@strata/backing-chain';
import type {
  CreateImage,
  Image,
  ImageChain,
  ImageFormat,
  ImageMap,
  ImageMapQuery,
  Operation,
} from '@strata/contract';
import type { ImagePage, ImageQuery } from './image-list.ts';
import type { RegisterFile } from './import-images.ts';
import type { Move } from './move-files.ts';

/** What stands on images, told by the features that know: VMs, snapshots, operations. Called often: plain SQL. */
export interface UseSource {
  disks?(): DiskUse[];
  media?(): MediaUse[];
  snapshots?(): SnapshotUse[];
  operations?(): OperationUse[];
  exports?(): ExportUse[];
  /** Paths of files that an unfinished operation is making or about to remove: no images of their own. */
  making?(): string[];
  /**
   * Layers that a commit which did not end has changed: shown as the image's problem `tainted`. New overlays on
   * them are refused (`plan-blocked`) with these words.
   */
  taints?(): { imageId: string; topId?: string; message: string; repair: string }[];
}

/** The facts of one image that others need without its relations. */
export interface ImageFacts {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly format: ImageFormat;
  readonly virtualSize: number;
  readonly allocatedSize: number;
  readonly backingId: string | null;
  readonly present: boolean;
}

/** Where a file would go, and what moving it takes. */
export interface MovePlace {
  readonly target: MoveTarget;
  readonly bitmaps: number;
  readonly move: Move;
}

/** Moving a file to another folder of the library: the chains feature plans it, and a VM that runs may do it itself. */
export interface ImageMoves {
  /** Looks, touches nothing. Throws `forbidden-path` for a folder outside the library. */
  placeOf(imageId: string, folder: string): Promise<MovePlace>;
  /** The file itself, with every link to it; nobody may have it open. */
  offline(imageId: string, folder: string, useReserve: boolean): Promise<Operation>;
}

/** The library: which images there are, what they are, how they stand on each other. Files are the truth. */
export interface ImagesService {
  addUseSource(source: UseSource): void;

  list(): Image[];
  /** A part of the list, without looking closely at the rest. */
  page(query: ImageQuery): ImagePage;
  /** Throws `not-found`. */
  get(id: string): Image;
  facts(id: string): ImageFacts;
  findByPath(path: string): ImageFacts | null;
  /** Top first. Throws `image-unreadable` when a member is missing, foreign or part of a cycle, saying which. */
  chainFacts(id: string): ImageFacts[];
  /**
   * The gate before QEMU opens a chain: reads every member's header afresh, then `chainFacts`. Throws `image-refused`
   * for a header that must not be followed, `image-unreadable` for a chain that does not hold together.
   */
  checkedChain(id: string): Promise<ImageFacts[]>;
  chain(id: string): ImageChain;
  /**
   * The number of an internal snapshot, by its name: what it shows can be read now. Throws `not-found`, `not-possible` for a
   * name that is given twice, `image-in-use` and `image-locked` while somebody writes the file.
   */
  readableTag(id: string, tag: string): Promise<string>;
  forest(): Forest;

  /** Reads the headers of these files again (all that are known when left out) and notices new and gone ones. */
  refresh(ids?: readonly string[]): Promise<void>;
  /** The same within a moment, when no guest waits. */
  refreshSoon(ids: readonly string[]): void;
  /**
   * While `work` runs, and a moment longer, what can wait does: looking at what has changed in the folders, noting what
   * stands on what, telling the pages. It takes the processor from a guest whose disks are being switched.
   */
  undisturbed<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Every folder again; afterwards `forest().complete` is true unless something could not be read. */
  scan(): Promise<void>;

  /** `unique`: Strata chose the name and shows the first one like it that no image has; else it is shown as given. */
  create(request: CreateImage, naming?: 'given' | 'unique'): Promise<Image>;
  /** A file of the host, where it lies. */
  register(request: RegisterFile): Promise<Image>;
  /**
   * A new qcow2 overlay, backing string relative, format recorded, the header read back and verified. It lies beside
   * `backingId`, or in the default folder; its shown name is the stem of its file name, which no other image has.
   */
  createOverlay(request: {
    backingId: string;
    stem: string;
    folder?: string;
    place?: 'beside' | 'default';
  }): Promise<Image>;
  /** Where the overlays will lie that an operation is about to make; it writes the paths down before. */
  placeOverlays(
    wishes: readonly { readonly backingId: string; readonly stem: string }[],
    avoid?: readonly string[],
  ): Promise<string[]>;
  /** Makes it there. Everything else is as with `createOverlay`; `image-exists` when the name has been taken since. */
  createPlacedOverlay(placed: { backingId: string; path: string; operationId: string }): Promise<ImageFacts>;
  /** Ranges a layer holds itself, from its qcow2 tables (other formats: `qemu-img map`), cached by inode, size and mtime. */
  allocation(id: string): Promise<ExtentList>;
  /** What a qcow2 or raw layer takes, and what it would take without zeros and unused clusters: reads its data. */
  usage(id: string): Promise<CompactUsage>;
  map(id: string, query?: Partial<ImageMapQuery>): Promise<ImageMap>;

  /** Changes the shown name; the file keeps its own. */
  rename(id: string, name: string): Promise<Image>;

  /** To the trash; throws `image-in-use` with who stands on it. `vm`: the name of the VM it is deleted with. */
  delete(id: string, vm?: string): Promise<void>;
  /** Unlinks a file that a verified commit merged, and forgets it. Idempotent. */
  unlinkMerged(id: string): Promise<void>;

  /**
   * Called before `map` and `allocation` read the file of an image that a running VM writes. Set by the VMs
   * feature. Answers false when the image's metadata could not be flushed.
   */
  setFlusher(flush: (imageId: string) => Promise<boolean>): void;
}
