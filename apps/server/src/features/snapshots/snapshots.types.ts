import type {
  AdoptSnapshot,
  DeleteSnapshots,
  Operation,
  Plan,
  Revert,
  Snapshot,
  SnapshotForecast,
  SnapshotTree,
  TakeSnapshot,
} from '@strata/contract';
import type { CopyMoment } from '../vms/vm-copies.ts';
import type { VmHardware } from '../vms/vm-record.types.ts';

export interface SnapshotsService {
  tree(vmId: string): Promise<SnapshotTree>;
  /** Without its children. Throws `not-found`. */
  get(vmId: string, snapshotId: string): Snapshot;
  /**
   * What the VM was at that moment, with its memory if wanted; null where it was not kept. Throws `not-possible` when
   * something of it is not there.
   */
  moment(vmId: string, snapshotId: string, memory: boolean): Promise<CopyMoment | null>;
  forecast(vmId: string): Promise<SnapshotForecast>;
  take(vmId: string, wish: TakeSnapshot, origin?: 'taken' | 'schedule'): Promise<Operation>;
  /** Throws `not-found`, and `not-possible` with the reason. */
  adopt(vmId: string, wish: AdoptSnapshot): Promise<Snapshot>;
  planRevert(vmId: string, snapshotId: string, wish: Revert): Promise<Plan>;
  revert(vmId: string, snapshotId: string, wish: Revert): Promise<Operation>;
  patch(vmId: string, snapshotId: string, change: { name?: string; description?: string }): Snapshot;
  /** The PNG kept when it was taken; null when there is none. */
  screenshot(vmId: string, snapshotId: string): Promise<Buffer | null>;
  /** At the start, after operations were taken up: removes files that belong to no snapshot any more. */
  sweep(): void;
}

/** Deleting restore points: whatever else there is reads the same. */
export interface SnapshotDeletions {
  plan(vmId: string, wish: DeleteSnapshots): Promise<Plan>;
  /** Throws `plan-stale`, `plan-blocked`, `disk-full`, `operation-running`. */
  run(vmId: string, wish: DeleteSnapshots): Promise<Operation>;
}

/** A row of table `snapshots` with its disks. */
export interface StoredSnapshot {
  readonly id: string;
  readonly vmId: string;
  readonly parentId: string | null;
  readonly name: string;
  readonly description: string;
  readonly kind: 'external' | 'internal';
  readonly memory: boolean;
  readonly consistency: 'crash' | 'frozen' | 'memory';
  readonly vmWasOff: boolean;
  readonly pauseMs: number | null;
  /** File name below `vms/<vmId>/snapshots/`. */
  readonly screenshot: string | null;
  readonly createdAt: string;
  /** `kept`: by a revert, of the state that was left. `found`: made by another tool, and adopted. */
  readonly origin: 'taken' | 'kept' | 'schedule' | 'found';
  /** The VM of that moment; null where it was not kept. */
  readonly definition: VmHardware | null;
  /** File names below `vms/<vmId>/memory/` and `vms/<vmId>/uefi/`. */
  readonly memoryFile: string | null;
  readonly memoryBytes: number | null;
  readonly varsFile: string | null;
  readonly disks: readonly StoredSnapshotDisk[];
}
export interface StoredSnapshotDisk {
  readonly diskId: string;
  readonly imageId: string;
  readonly internalTag: string | null;
}
