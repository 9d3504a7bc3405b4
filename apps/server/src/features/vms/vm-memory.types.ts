import type { Suspended, VmHardware } from './vm-record.types.ts';

export interface SaveWish {
  /** File name below `vms/<id>/memory/`, not there yet. */
  readonly file: string;
  /** After so long the guest is stopped to finish. */
  readonly stopAfterSeconds: number;
  readonly signal: AbortSignal;
  progress(bytes: number): void;
}

/** The memory of VMs, in files. */
export interface VmMemory {
  /** What the memory of a running VM fits. Throws `not-possible` when nobody knows. */
  hardware(vmId: string): VmHardware;
  /**
   * The guest runs meanwhile unless it is emulated, and stands at the end: its disks are then as its memory knows them. `stoppedAt`, by QEMU's
   * clock, is null when it was paused before. When it fails, the guest is as it was, and there is no file.
   */
  save(vmId: string, wish: SaveWish): Promise<{ bytes: number; stoppedAt: number | null }>;
  /** A guest that stands since its memory was saved goes on; answers when, by QEMU's clock. */
  goOn(vmId: string): Promise<number>;
  /** A guest that was paused before its memory was saved stays so, and has its disks again. */
  stayPaused(vmId: string): Promise<void>;
  /** After a crash: ends what nobody waits for. Answers whether the guest stands. */
  standsSaved(vmId: string): Promise<boolean>;
  /** Makes a saved file durable under its name; again and again the same. Answers its size. */
  keep(vmId: string, file: string): Promise<number>;
  has(vmId: string, file: string): Promise<boolean>;
  pathOf(vmId: string, file: string): string;
  /** Also a half written one; unless a snapshot or the next start needs it. */
  remove(vmId: string, file: string): Promise<void>;

  suspended(vmId: string): Suspended | null;
  /** Bookkeeping only, synchronous: to be called inside the transaction that records an operation's result. */
  setSuspended(vmId: string, suspended: Suspended | null): void;
}
