import type { PutSchedule, SnapshotSchedule } from '@strata/contract';

/** Automatic snapshots: when the next is due, and carrying it out. */
export interface SchedulesService {
  /** Both throw `not-found`. */
  get(vmId: string): SnapshotSchedule;
  put(vmId: string, wish: PutSchedule): SnapshotSchedule;
  /** Once everything else has been taken up. What was missed while the server was down is made up for once a VM. */
  start(): void;
  /** Nothing more is begun. */
  close(): void;
}
