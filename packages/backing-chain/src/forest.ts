/** An image's id; opaque here. */
export type LayerId = string;

/** One image seen as a member of a chain. Facts of its header and file, nothing else. */
export interface Layer {
  readonly id: LayerId;
  readonly name: string;
  readonly path: string;
  readonly format: string;
  /** Bytes. */
  readonly virtualSize: number;
  /** Bytes the file takes on its file system. */
  readonly allocatedBytes: number;
  readonly backingId: LayerId | null;
  /** `none`: a base. `foreign`: the header names something that is not a file of the library's kinds. */
  readonly backingState: 'none' | 'ok' | 'missing' | 'foreign' | 'cycle';
  readonly internalSnapshots: readonly { readonly id: string; readonly tag: string }[];
  /** False when the file's permissions or its format forbid writing. */
  readonly writable: boolean;
  readonly present: boolean;
}

export interface DiskUse {
  readonly vmId: string;
  readonly vmName: string;
  readonly diskId: string;
  readonly imageId: LayerId;
  /** True while a QEMU process of this VM exists, whatever the state of its guest. */
  readonly running: boolean;
  /** True while a saved memory state waits for exactly these bytes. */
  readonly suspended: boolean;
}
export interface MediaUse {
  readonly vmId: string;
  readonly vmName: string;
  readonly slot: string;
  readonly imageId: LayerId;
}
export interface SnapshotUse {
  readonly snapshotId: string;
  readonly name: string;
  readonly vmId: string;
  readonly vmName: string;
  readonly imageId: LayerId;
  readonly internalTag?: string;
}
/** An unfinished operation that works on a layer. */
export interface OperationUse {
  readonly operationId: string;
  readonly title: string;
  readonly imageId: LayerId;
}

/**
 * All layers Strata knows, and all that stands on them. Immutable: a planner reads it and answers what the
 * world would be, it changes nothing.
 */
export interface Forest {
  readonly layers: ReadonlyMap<LayerId, Layer>;
  readonly disks: readonly DiskUse[];
  readonly media: readonly MediaUse[];
  readonly snapshots: readonly SnapshotUse[];
  readonly operations: readonly OperationUse[];
  /** False when a folder could not be read: then nobody can say who stands on what, and commits are refused. */
  readonly complete: boolean;
}
