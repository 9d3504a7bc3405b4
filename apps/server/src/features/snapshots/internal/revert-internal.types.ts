import type { AppError } from '../../../app-error.ts';
import type { OperationContext } from '../../operations/operations.types.ts';
import type { VmHardware } from '../../vms/vm-record.types.ts';
import type { KeptMoment } from '../kept-moment.ts';
import type { VarsToRestore } from '../revert-hardware.ts';
import type { KeptMemory } from '../revert-memory.ts';
import type { TaggedDisk } from './tagged-layers.ts';

/*
 *    active ●tag                 active ●tag ●before
 *    (what it shows now)   ──▶   (what ●tag shows)       the same file; the state that is left is a tag as well
 *
 * That tag is there also when the current state is given up: until all disks have gone back, it is the way to undo it.
 */

export type InternalRevertStep = 'stop' | 'keep' | 'apply' | 'after';

export interface InternalRevertRun {
  readonly vmId: string;
  readonly snapshotId: string;
  readonly tag: string;
  readonly disks: readonly TaggedDisk[];
  /** It goes on from the memory of that moment. */
  readonly memory: boolean;
  /** That memory, where it lies beside the layers: of a VM that was suspended. Null or left out: it is in the tag. */
  readonly memoryFile?: KeptMemory | null;
  /** Of the VM that is suspended: kept with the current state, or given up with it. */
  readonly leavesMemory?: KeptMemory | null;
  /** In the QEMU that runs; otherwise the VM is off for it. */
  readonly live: boolean;
  readonly beforeTag: string;
  /** The snapshot that keeps the current state; null when it is given up. */
  readonly keep: { readonly id: string; readonly name: string; readonly vmWasOff: boolean } | null;
  readonly start: 'no' | 'running' | 'paused';
  /** What the VM becomes; null: it stays what it is. */
  readonly hardware: VmHardware | null;
  /** Left out: the UEFI variables stay as they are, or come with the memory. */
  readonly vars?: VarsToRestore | undefined;
  readonly order: readonly InternalRevertStep[];
}

export type InternalRevertHow = Pick<InternalRevertRun, 'live' | 'memory' | 'start' | 'hardware' | 'vars'> &
  Required<Pick<InternalRevertRun, 'memoryFile' | 'leavesMemory'>>;

export interface InternalRevertJournal {
  /**
   * `keeping`, `applying`, `undoing`: on some, all or none of the disks. `applied`: the books are right. `loading`: into a
   * VM that was started for it. `undone`: all disks are what they were.
   */
  readonly phase:
    | 'new'
    | 'keeping'
    | 'kept'
    | 'applying'
    | 'applied'
    | 'loading'
    | 'loaded'
    | 'undoing'
    | 'undone';
  /** The guest ran until it was stopped for this. */
  readonly ran: boolean;
  readonly screenshot: string | null;
  readonly moment: KeptMoment;
  /** Why it is undone. */
  readonly failure?: { readonly code: AppError['code']; readonly why: string; readonly poweredOff: boolean };
}
export type InternalRevertContext = OperationContext<InternalRevertRun, InternalRevertJournal>;
