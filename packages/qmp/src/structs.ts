/*
 * Structures of QEMU's schema, as far as they are read by someone. Names are QEMU's. A field that only newer or only older
 * versions have is left out; what the running QEMU really has says `query-qmp-schema`.
 */

export type RunState =
  | 'debug'
  | 'inmigrate'
  | 'internal-error'
  | 'io-error'
  | 'paused'
  | 'postmigrate'
  | 'prelaunch'
  | 'finish-migrate'
  | 'restore-vm'
  | 'running'
  | 'save-vm'
  | 'shutdown'
  | 'suspended'
  | 'watchdog'
  | 'guest-panicked'
  | 'colo';

export type JobType =
  | 'commit'
  | 'stream'
  | 'mirror'
  | 'backup'
  | 'create'
  | 'amend'
  | 'snapshot-load'
  | 'snapshot-save'
  | 'snapshot-delete';

export type JobStatus =
  | 'undefined'
  | 'created'
  | 'running'
  | 'paused'
  | 'ready'
  | 'standby'
  | 'waiting'
  | 'pending'
  | 'aborting'
  | 'concluded'
  | 'null';

export type IoStatus = 'ok' | 'failed' | 'nospace';

export type MigrationStatus =
  | 'none'
  | 'setup'
  | 'cancelling'
  | 'cancelled'
  | 'active'
  | 'postcopy-active'
  | 'postcopy-paused'
  | 'postcopy-recover'
  | 'completed'
  | 'failed'
  | 'colo'
  | 'pre-switchover'
  | 'device'
  | 'wait-unplug';

export type ErrorPolicy = 'report' | 'ignore' | 'enospc' | 'stop' | 'auto';

export interface Job {
  readonly id: string;
  readonly type: JobType;
  readonly status: JobStatus;
  readonly 'current-progress': number;
  readonly 'total-progress': number;
  /** Only when it failed or was cancelled. */
  readonly error?: string;
}

export interface BlockJob {
  readonly type: JobType;
  /** The job's id, whatever the name says. */
  readonly device: string;
  readonly len: number;
  readonly offset: number;
  readonly busy: boolean;
  readonly paused: boolean;
  /** Bytes a second; 0 is unlimited. */
  readonly speed: number;
  readonly 'io-status': IoStatus;
  readonly ready: boolean;
  readonly status: JobStatus;
  readonly 'auto-finalize': boolean;
  readonly 'auto-dismiss': boolean;
  readonly error?: string;
}

export interface ImageInfo {
  readonly filename: string;
  readonly format: string;
  readonly 'dirty-flag'?: boolean;
  readonly 'actual-size'?: number;
  readonly 'virtual-size': number;
  readonly 'cluster-size'?: number;
  readonly encrypted?: boolean;
  readonly compressed?: boolean;
  readonly 'backing-filename'?: string;
  readonly 'full-backing-filename'?: string;
  readonly 'backing-filename-format'?: string;
  readonly snapshots?: readonly SnapshotInfo[];
  readonly 'backing-image'?: ImageInfo;
}

export interface SnapshotInfo {
  readonly id: string;
  readonly name: string;
  readonly 'vm-state-size': number;
  readonly 'date-sec': number;
  readonly 'date-nsec': number;
  readonly 'vm-clock-sec': number;
  readonly 'vm-clock-nsec': number;
}

export interface BlockDeviceInfo {
  /** The file name, or a `json:` description of it when the node was not opened by a plain name. */
  readonly file: string;
  readonly 'node-name'?: string;
  readonly ro: boolean;
  /** The driver: a format (`qcow2`, `raw`, …) or a protocol (`file`). */
  readonly drv: string;
  readonly backing_file?: string;
  readonly backing_file_depth: number;
  readonly encrypted: boolean;
  readonly detect_zeroes: 'off' | 'on' | 'unmap';
  readonly image: ImageInfo;
  readonly cache: { readonly writeback: boolean; readonly direct: boolean; readonly 'no-flush': boolean };
}

export interface BlockInfo {
  /** Empty for a device made with `-device`: use `qdev`. */
  readonly device: string;
  /** `/machine/peripheral/<id>/virtio-backend` for virtio-blk, `<id>` for SCSI and IDE. */
  readonly qdev?: string;
  readonly type: string;
  readonly removable: boolean;
  readonly locked: boolean;
  readonly inserted?: BlockDeviceInfo;
  readonly tray_open?: boolean;
  readonly 'io-status'?: IoStatus;
}

/** `query-blockstats` for a device: what lies below it, in order, filters QEMU put in by itself left out. */
export interface BlockStats {
  readonly qdev?: string;
  readonly 'node-name'?: string;
  readonly stats: {
    readonly rd_bytes: number;
    readonly wr_bytes: number;
    readonly rd_operations: number;
    readonly wr_operations: number;
    readonly flush_operations: number;
  };
  readonly backing?: BlockStats;
  /** Of the node below by which its data goes to the file: QEMU's own word for it. */
  readonly parent?: BlockStats;
}

/** `blockdev-add`: what all drivers take, and the driver's own options beside it. */
export interface BlockdevOptions {
  readonly driver: string;
  readonly 'node-name'?: string;
  readonly discard?: 'ignore' | 'unmap';
  readonly cache?: { readonly direct?: boolean; readonly 'no-flush'?: boolean };
  readonly 'read-only'?: boolean;
  readonly 'auto-read-only'?: boolean;
  readonly 'force-share'?: boolean;
  readonly 'detect-zeroes'?: 'off' | 'on' | 'unmap';
  readonly [option: string]: unknown;
}

/** The actions of `transaction`: all are carried out at one instant, or none is. */
export type TransactionAction =
  | { readonly type: 'blockdev-snapshot'; readonly data: { readonly node: string; readonly overlay: string } }
  | {
      readonly type: 'blockdev-snapshot-internal-sync';
      readonly data: { readonly device: string; readonly name: string };
    }
  | {
      readonly type: 'blockdev-backup';
      readonly data: {
        readonly 'job-id'?: string;
        readonly device: string;
        readonly target: string;
        readonly sync: 'full' | 'top' | 'none';
        readonly 'auto-dismiss'?: boolean;
        readonly 'auto-finalize'?: boolean;
      };
    }
  | { readonly type: 'abort'; readonly data: Record<string, never> };

export type SocketAddress =
  | { readonly type: 'unix'; readonly data: { readonly path: string } }
  | { readonly type: 'inet'; readonly data: { readonly host: string; readonly port: string } };

export interface KeyValue {
  readonly type: 'qcode';
  /** `ctrl`, `alt`, `delete`, `a`, `ret`, … (QEMU's QKeyCode). */
  readonly data: string;
}

export interface MigrationInfo {
  readonly status?: MigrationStatus;
  readonly ram?: {
    readonly transferred: number;
    readonly remaining: number;
    readonly total: number;
    readonly 'dirty-sync-count': number;
    readonly mbps: number;
  };
  readonly 'total-time'?: number;
  readonly downtime?: number;
  readonly 'error-desc'?: string;
}

export interface MigrationParameters {
  readonly 'max-bandwidth'?: number;
  readonly 'downtime-limit'?: number;
  readonly 'multifd-channels'?: number;
}

/** One entry of `query-qmp-schema`; `docs/devel/qapi-code-gen` says how to read it. */
export interface SchemaEntry {
  readonly name: string;
  readonly 'meta-type': 'builtin' | 'enum' | 'array' | 'object' | 'alternate' | 'command' | 'event';
  readonly 'arg-type'?: string;
  readonly 'ret-type'?: string;
  readonly 'element-type'?: string;
  readonly tag?: string;
  readonly values?: readonly string[];
  /** An optional member has a `default` (always null). */
  readonly members?: readonly { readonly name?: string; readonly type?: string; readonly default?: null }[];
  readonly features?: readonly string[];
}
