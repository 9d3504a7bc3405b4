import type { Snapshot } from '@strata/contract';

/** A dialog that is open, and what it is about. */
export type SnapshotAct =
  | { readonly kind: 'revert' | 'branch' | 'extract'; readonly snapshot: Snapshot }
  | { readonly kind: 'compare'; readonly from: string; readonly to: string }
  | { readonly kind: 'delete'; readonly snapshots: readonly Snapshot[] };

export interface SnapshotActs {
  readonly open: (act: SnapshotAct) => void;
  /** Why nothing can be begun on this VM now; null: it can. */
  readonly refusal: string | null;
}
