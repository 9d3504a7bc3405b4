import type { Course } from './course.ts';
import type { ExtentList } from './extents.ts';
import type { LayerId } from './forest.ts';

export interface Subject {
  readonly kind: 'image' | 'vm' | 'snapshot' | 'operation' | 'export' | 'inside';
  readonly id: string;
  readonly name: string;
}

/** Why a plan may not run. `code` is stable; `message` says to a person what stands in the way and what would lift it. */
export interface Blocker {
  readonly code: string;
  readonly message: string;
  readonly subjects: readonly Subject[];
}

/**
 * What an operation on a forest would do. Complete: carrying out exactly this on the files and on the
 * bookkeeping gives `after`, and every reader that is not in `losesSnapshots` or `deletes` reads the same bytes.
 */
export interface ChainPlan {
  readonly operation: 'commit' | 'pull' | 'flatten' | 'delete' | 'rebase' | 'compact' | 'move';
  /**
   * How a deletion, a rebase or a move is done. `trash`: the file goes, nothing else happens. `copy`: what the two
   * backings show differently is copied up, or the file to another disk. `relink`: only the header changes. `mirror`:
   * by the VM that writes it. `link`: the file gets another name. `rewrite`: the layer is written anew beside itself
   * and takes its own place. `punch`: holes are made where it is zeros.
   */
  readonly method?: 'commit' | 'pull' | 'trash' | 'copy' | 'relink' | 'rewrite' | 'punch' | 'mirror' | 'link';
  /** The pulls it is made of, one after the other, where it is more than one job; this plan is their sum. */
  readonly parts?: readonly ChainPlan[];
  /** The VM whose QEMU does it, because it holds the layers open; null: a storage daemon does. */
  readonly liveVm: { readonly vmId: string; readonly vmName: string; readonly diskId: string } | null;
  /** Each chain that changes, top first, and what becomes of it (same order; empty when it disappears). */
  readonly before: readonly (readonly LayerId[])[];
  readonly after: readonly (readonly LayerId[])[];
  /** Data that is copied; bytes of virtual disk, from allocation data. */
  readonly moves: readonly { readonly from: LayerId; readonly to: LayerId; readonly bytes: number }[];
  readonly bytesToMove: number;
  /** Where on the disk these bytes lie, when one job walks over them. */
  readonly course?: Course;
  /** The layer that grows, and by how much at the most. */
  readonly grows: { readonly layer: LayerId; readonly bytes: number };
  /** Files that are unlinked at the end. */
  readonly deletes: readonly LayerId[];
  readonly losesSnapshots: readonly { readonly id: string; readonly name: string }[];
  /** Snapshots that are kept and point to another layer of the same content. */
  readonly repointsSnapshots: readonly {
    readonly snapshotId: string;
    readonly from: LayerId;
    readonly to: LayerId;
  }[];
  /** Layers whose backing link changes, their contents the same. */
  readonly relinks: readonly {
    readonly layer: LayerId;
    readonly from: LayerId | null;
    readonly to: LayerId | null;
  }[];
  /** Disks that continue on another layer. */
  readonly switches: readonly {
    readonly vmId: string;
    readonly diskId: string;
    readonly from: LayerId;
    readonly to: LayerId;
  }[];
  /** The layer whose file goes to another place. */
  readonly relocates?: { readonly layer: LayerId; readonly from: string; readonly to: string };
  /** Layers nothing stands on any more; their files stay. */
  readonly nowUnused: readonly LayerId[];
  readonly blockers: readonly Blocker[];
}

/** The request makes no sense on this forest (unknown layer, not below, nothing to do): there is no plan at all. */
export interface Refusal {
  readonly refused: true;
  readonly code:
    | 'unknown-layer'
    | 'not-below'
    | 'same-layer'
    | 'broken-chain'
    | 'nothing-below'
    | 'wrong-format'
    | 'unknown-vm'
    | 'unknown-disk'
    | 'unknown-snapshot'
    | 'internal-snapshot'
    | 'nothing-to-do'
    | 'would-loop'
    | 'too-deep';
  readonly message: string;
}

/** Which virtual ranges each layer holds data of its own for (written, zeroed or discarded). */
export type Allocation = ReadonlyMap<LayerId, ExtentList>;

export interface CommitRequest {
  readonly top: LayerId;
  readonly base: LayerId;
}
export interface PullRequest {
  readonly into: LayerId;
  /** The lowest layer whose data is copied, inclusive; all of them when left out. */
  readonly from?: LayerId | undefined;
  readonly deleteUnused?: boolean | undefined;
}
export interface DeleteRequest {
  readonly layer: LayerId;
  /** Where its data goes: down into the layer below, up into each overlay, or whichever is legal and costs less. */
  readonly mode: 'auto' | 'commit' | 'pull';
}
export interface SnapshotsRequest {
  readonly snapshotIds: readonly string[];
  /** Down: what stands on a layer goes into it. Up: the layer goes into what stands on it. Or whichever costs less. */
  readonly mode: 'auto' | 'commit' | 'pull';
}
export interface RebaseRequest {
  readonly layer: LayerId;
  /** What it is to stand on; null: on nothing. */
  readonly backing: LayerId | null;
  /** `safe`: it reads the same afterwards, whatever the backing holds. `relink`: only the link, to a backing that reads the same. */
  readonly mode: 'safe' | 'relink';
  /** Somebody vouches that the new backing reads the same as the old one, which is gone and cannot be asked. */
  readonly assumeSame?: boolean | undefined;
}
export interface CompactRequest {
  readonly layer: LayerId;
}
/** What a layer takes on its file system, and what it would take without zeros and without clusters nothing uses. */
export interface CompactUsage {
  readonly storedBytes: number;
  readonly dataBytes: number;
  /** Of the data; estimated unless `exact`. */
  readonly zeroBytes: number;
  readonly neededBytes: number;
  readonly exact: boolean;
  readonly scannedBytes: number;
  readonly compressed: boolean;
  readonly bitmaps: number;
  /** Names that the file has beside this one (hard links). */
  readonly otherNames: number;
}
/** The place for a file, as its file system tells it. */
export interface MoveTarget {
  readonly folder: string;
  readonly path: string;
  /** Something lies there already. */
  readonly taken: boolean;
  /** Files can be created in the folder. */
  readonly writable: boolean;
  /** The file can be taken out of the folder it lies in now. */
  readonly removable: boolean;
  /** On the file system where the file lies now. */
  readonly sameDisk: boolean;
}
export interface MoveRequest {
  readonly layer: LayerId;
  readonly target: MoveTarget;
  /** Persistent dirty bitmaps in the file. */
  readonly bitmaps: number;
}
export interface RevertRequest {
  readonly vmId: string;
  readonly snapshotId: string;
  /** What the snapshot points to: a disk of the VM, and the layer that it is to continue from. */
  readonly disks: readonly { readonly diskId: string; readonly imageId: LayerId }[];
  readonly keepCurrent: boolean;
  /** The VM becomes what it was then: disks that it has no longer come back, these here leave it. */
  readonly hardware?: { readonly leaves: readonly string[] };
}

export interface PromoteRequest {
  readonly vmId: string;
  /** Each disk of the VM that is to continue elsewhere, and the layer it continues from. */
  readonly disks: readonly { readonly diskId: string; readonly imageId: LayerId }[];
  /** A new overlay also where the disk could go on writing the layer itself. */
  readonly overlay: boolean;
  /** What is left is kept as a snapshot; it stays as a branch either way. */
  readonly keepCurrent: boolean;
  /** A VM that runs is powered off for it. */
  readonly powerOff: boolean;
}

/** In a revert's `after`: the overlay that does not exist yet. */
export const newOverlayId = (diskId: string): LayerId => `new:${diskId}`;

/** A VM's disks go on elsewhere. No data is moved. */
export interface ContinuePlan<From extends LayerId | null = LayerId | null> {
  readonly vm: { readonly vmId: string; readonly vmName: string; readonly running: boolean };
  /** The chain of each disk that is reverted, top first, in the order of the request. `after` starts with {@link newOverlayId}. */
  readonly before: readonly (readonly LayerId[])[];
  readonly after: readonly (readonly LayerId[])[];
  /** Overlays to create, and the disks that continue on them. */
  readonly overlays: readonly {
    readonly diskId: string;
    /** The active layer that is left; null, in a revert: the VM has no such disk any more, and gets it back. */
    readonly from: From;
    /** The snapshot's layer, on which the new overlay stands. */
    readonly backing: LayerId;
    /** Bytes: the new overlay's virtual size, that of its backing. */
    readonly virtualSize: number;
  }[];
  /** Disks that continue on a layer that is there already, and write it. */
  readonly switches: readonly { readonly diskId: string; readonly from: LayerId; readonly to: LayerId }[];
  /** What the snapshot that keeps the current state points to; empty unless `keepCurrent`. */
  readonly keeps: readonly { readonly diskId: string; readonly imageId: LayerId }[];
  /** Active layers that go to the trash: the current state was not to be kept, and nothing else stands on them. */
  readonly deletes: readonly LayerId[];
  /** Internal snapshots that go with them. */
  readonly losesSnapshots: readonly { readonly id: string; readonly name: string }[];
  /** Layers under the trashed ones on which nothing stands any more; their files stay. */
  readonly nowUnused: readonly LayerId[];
  readonly blockers: readonly Blocker[];
}

/** What going back to an external snapshot would do. */
export interface RevertPlan extends ContinuePlan {
  readonly operation: 'revert';
  readonly snapshotId: string;
  /** Disks that the VM did not have then: they are taken out of it, and their layers stay. */
  readonly leaves: readonly { readonly diskId: string; readonly imageId: LayerId }[];
}

/** What continuing on another branch would do. */
export interface PromotePlan extends ContinuePlan<LayerId> {
  readonly operation: 'promote';
  /** The snapshot the VM is at afterwards: the nearest one below; null: there is none. */
  readonly snapshotId: string | null;
  /** Snapshots of the VM that are of the branch it leaves, and not of the one it continues on. */
  readonly leavesSnapshots: readonly { readonly id: string; readonly name: string }[];
}

export const isRefusal = (answer: object): answer is Refusal =>
  'refused' in answer && answer.refused === true;

export const refuse = (code: Refusal['code'], message: string): Refusal => ({ refused: true, code, message });

/** Why a request may not run, without its price: null when nothing stands in the way. Never an empty list. */
export type Impediment = Refusal | readonly Blocker[] | null;

/** The words for a grey button. */
export function impedimentWords(impediment: Impediment): string | null {
  if (impediment === null) return null;
  if ('refused' in impediment) return impediment.message;
  return impediment.map((blocker) => blocker.message).join(' ');
}

/**
 * Blockers that exist because a reader would see other bytes. The rest (locks, running or suspended VMs,
 * permissions, unfinished operations, an unread folder) are about whether it can be done now.
 */
export const contentBlockerCodes: ReadonlySet<string> = new Set([
  'overlay-stands',
  'disk-stands',
  'media-stands',
  'trash-stands',
  'size-differs',
  'internal-snapshots',
]);
