import type { LayerId } from './forest.ts';

export interface Subject {
  readonly kind: 'image' | 'vm' | 'snapshot' | 'operation';
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
  readonly operation: 'commit' | 'pull';
  /** The VM whose QEMU does it, because it holds the layers open; null: a storage daemon does. */
  readonly liveVm: { readonly vmId: string; readonly vmName: string; readonly diskId: string } | null;
  /** Each chain that changes, top first, and what becomes of it (same order; empty when it disappears). */
  readonly before: readonly (readonly LayerId[])[];
  readonly after: readonly (readonly LayerId[])[];
  /** Data that is copied; bytes of virtual disk, from allocation data. */
  readonly moves: readonly { readonly from: LayerId; readonly to: LayerId; readonly bytes: number }[];
  readonly bytesToMove: number;
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
    | 'wrong-format';
  readonly message: string;
}

/** Which virtual ranges each layer holds data of its own for (written, zeroed or discarded). */
export type Allocation = ReadonlyMap<LayerId, import('./extents.ts').ExtentList>;
