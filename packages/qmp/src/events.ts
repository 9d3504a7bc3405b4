import type { JobStatus, JobType, MigrationStatus } from './structs.ts';

type Nothing = Record<string, never>;

export type ShutdownCause =
  | 'none'
  | 'host-error'
  | 'host-qmp-quit'
  | 'host-qmp-system-reset'
  | 'host-signal'
  | 'host-ui'
  | 'guest-shutdown'
  | 'guest-reset'
  | 'guest-panic'
  | 'subsystem-reset'
  | 'snapshot-load';

interface BlockJobEnd {
  readonly type: JobType;
  /** The job's id. */
  readonly device: string;
  readonly len: number;
  readonly offset: number;
  readonly speed: number;
}

interface Deleted {
  /** The id given at creation; missing for parts QEMU made itself. */
  readonly device?: string;
  readonly path: string;
}

interface Panic {
  readonly action: 'pause' | 'poweroff' | 'run';
}

/** The events with their data. Checked against the installed QEMU like the commands. */
export interface QmpEvents {
  STOP: Nothing;
  RESUME: Nothing;
  /** Only the request; the guest decides. */
  POWERDOWN: Nothing;
  SHUTDOWN: { readonly guest: boolean; readonly reason: ShutdownCause };
  /** Arrives twice per reset. */
  RESET: { readonly guest: boolean; readonly reason: ShutdownCause };
  SUSPEND: Nothing;
  SUSPEND_DISK: Nothing;
  WAKEUP: Nothing;
  GUEST_PANICKED: Panic;
  GUEST_CRASHLOADED: Panic;
  WATCHDOG: {
    readonly action: 'reset' | 'shutdown' | 'poweroff' | 'pause' | 'debug' | 'none' | 'inject-nmi';
  };
  RTC_CHANGE: { readonly offset: number; readonly 'qom-path': string };

  JOB_STATUS_CHANGE: { readonly id: string; readonly status: JobStatus };
  BLOCK_JOB_PENDING: { readonly type: JobType; readonly id: string };
  BLOCK_JOB_READY: BlockJobEnd;
  BLOCK_JOB_COMPLETED: BlockJobEnd & { readonly error?: string };
  BLOCK_JOB_CANCELLED: BlockJobEnd;
  /** `action: stop` means that the job paused itself: `io-status` in `query-block-jobs` says why. */
  BLOCK_JOB_ERROR: {
    readonly device: string;
    readonly operation: 'read' | 'write';
    readonly action: 'ignore' | 'report' | 'stop';
  };
  /** A guest's access failed; with `action: stop` the VM was stopped. */
  BLOCK_IO_ERROR: {
    readonly device: string;
    readonly 'node-name'?: string;
    readonly operation: 'read' | 'write';
    readonly action: 'ignore' | 'report' | 'stop';
    readonly nospace?: boolean;
    readonly reason: string;
  };
  BLOCK_IMAGE_CORRUPTED: {
    readonly device: string;
    readonly 'node-name'?: string;
    readonly msg: string;
    readonly offset?: number;
    readonly size?: number;
    readonly fatal: boolean;
  };
  BLOCK_EXPORT_DELETED: { readonly id: string };

  DEVICE_DELETED: Deleted;
  DEVICE_UNPLUG_GUEST_ERROR: Deleted;
  /** `device` is empty for `-device`-made drives: use `id`. */
  DEVICE_TRAY_MOVED: { readonly device: string; readonly id: string; readonly 'tray-open': boolean };
  VSERPORT_CHANGE: { readonly id: string; readonly open: boolean };

  MIGRATION: { readonly status: MigrationStatus };
  MIGRATION_PASS: { readonly pass: number };
}
