import type {
  BlockDeviceInfo,
  BlockdevOptions,
  BlockInfo,
  BlockJob,
  BlockStats,
  ErrorPolicy,
  Job,
  KeyValue,
  MigrationInfo,
  MigrationParameters,
  RunState,
  SchemaEntry,
  SnapshotInfo,
  SocketAddress,
  TransactionAction,
} from './structs.ts';

/** Commands that answer `{}`. */
type Nothing = Record<string, never>;

interface Query<Return> {
  readonly arguments: undefined;
  readonly return: Return;
}
interface Action<Arguments> {
  readonly arguments: Arguments;
  readonly return: Nothing;
}

interface JobOptions {
  readonly 'job-id'?: string;
  /** Bytes a second; 0 is unlimited. */
  readonly speed?: number;
  readonly 'filter-node-name'?: string;
  readonly 'auto-finalize'?: boolean;
  readonly 'auto-dismiss'?: boolean;
}

interface CopyOptions extends JobOptions {
  /** A node-name. */
  readonly device: string;
  /** A node-name. */
  readonly target: string;
  readonly sync: 'top' | 'full' | 'none' | 'incremental' | 'bitmap';
  readonly 'on-source-error'?: ErrorPolicy;
  readonly 'on-target-error'?: ErrorPolicy;
}

/** Removable media are named by `id`; `device` is deprecated since 2.8. */
interface Tray {
  readonly id?: string;
  readonly force?: boolean;
}

interface SnapshotJob {
  readonly 'job-id': string;
  readonly tag: string;
  /** Node-names of all writable qcow2 disks. */
  readonly devices: readonly string[];
}

/**
 * The commands with their arguments and return values. Hand-written; `commands.qemu.test.ts` holds every name and every
 * argument against the schema of the installed QEMU. `arguments` includes `undefined` where none is required.
 */
export interface QmpCommands {
  qmp_capabilities: Action<{ readonly enable?: readonly 'oob'[] } | undefined>;

  // What is there
  'query-status': Query<{ readonly running: boolean; readonly status: RunState }>;
  'query-name': Query<{ readonly name?: string }>;
  'query-uuid': Query<{ readonly UUID: string }>;
  'query-version': Query<{
    readonly qemu: { readonly major: number; readonly minor: number; readonly micro: number };
    readonly package: string;
  }>;
  'query-commands': Query<readonly { readonly name: string }[]>;
  'query-qmp-schema': Query<readonly SchemaEntry[]>;
  'query-kvm': Query<{ readonly enabled: boolean; readonly present: boolean }>;
  'query-chardev': Query<
    readonly { readonly label: string; readonly filename: string; readonly 'frontend-open': boolean }[]
  >;
  'query-machines': Query<
    readonly {
      readonly name: string;
      readonly alias?: string;
      readonly 'is-default'?: boolean;
      readonly 'cpu-max': number;
      readonly deprecated: boolean;
    }[]
  >;
  'query-cpu-definitions': Query<readonly { readonly name: string; readonly deprecated: boolean }[]>;

  // Block graph
  'query-block': Query<readonly BlockInfo[]>;
  'query-blockstats': {
    readonly arguments: { readonly 'query-nodes'?: boolean } | undefined;
    readonly return: readonly BlockStats[];
  };
  /**
   * Not while a `stream` job is concluded and not yet dismissed: its filter is then a node without a child, and QEMU (7.2, in
   * `bdrv_refresh_filename`) ends with a segmentation fault.
   */
  'query-named-block-nodes': {
    readonly arguments: { readonly flat?: boolean } | undefined;
    readonly return: readonly BlockDeviceInfo[];
  };
  'blockdev-add': Action<BlockdevOptions>;
  'blockdev-reopen': Action<{ readonly options: readonly BlockdevOptions[] }>;
  'blockdev-del': Action<{ readonly 'node-name': string }>;
  'blockdev-create': Action<{
    readonly 'job-id': string;
    readonly options: { readonly driver: string; readonly [option: string]: unknown };
  }>;
  'blockdev-snapshot': Action<{ readonly node: string; readonly overlay: string }>;
  'blockdev-snapshot-internal-sync': Action<{ readonly device: string; readonly name: string }>;
  'blockdev-snapshot-delete-internal-sync': {
    readonly arguments: { readonly device: string; readonly id?: string; readonly name?: string };
    readonly return: SnapshotInfo;
  };
  transaction: Action<{
    readonly actions: readonly TransactionAction[];
    readonly properties?: { readonly 'completion-mode'?: 'individual' | 'grouped' };
  }>;
  block_resize: Action<{ readonly device?: string; readonly 'node-name'?: string; readonly size: number }>;

  // Jobs
  'block-commit': Action<
    JobOptions & {
      /** The node-name at the top of the chain. */
      readonly device: string;
      readonly 'top-node'?: string;
      readonly 'base-node'?: string;
      /** Written into the header of the layer above `top-node`. */
      readonly 'backing-file'?: string;
      readonly 'on-error'?: ErrorPolicy;
    }
  >;
  'block-stream': Action<
    JobOptions & {
      /** The node-name that takes the data; may be in the middle of a chain. */
      readonly device: string;
      readonly 'base-node'?: string;
      readonly 'backing-file'?: string;
      readonly bottom?: string;
      readonly 'on-error'?: ErrorPolicy;
    }
  >;
  'blockdev-mirror': Action<
    CopyOptions & {
      readonly replaces?: string;
      readonly granularity?: number;
      readonly 'buf-size'?: number;
      readonly 'copy-mode'?: 'background' | 'write-blocking';
    }
  >;
  'blockdev-backup': Action<
    CopyOptions & {
      readonly bitmap?: string;
      readonly 'bitmap-mode'?: 'on-success' | 'never' | 'always';
      readonly compress?: boolean;
    }
  >;
  'query-jobs': Query<readonly Job[]>;
  'query-block-jobs': Query<readonly BlockJob[]>;
  'job-pause': Action<{ readonly id: string }>;
  'job-resume': Action<{ readonly id: string }>;
  'job-cancel': Action<{ readonly id: string }>;
  'job-complete': Action<{ readonly id: string }>;
  'job-finalize': Action<{ readonly id: string }>;
  'job-dismiss': Action<{ readonly id: string }>;
  'block-job-set-speed': Action<{ readonly device: string; readonly speed: number }>;
  'block-job-cancel': Action<{ readonly device: string; readonly force?: boolean }>;
  'snapshot-save': Action<SnapshotJob & { readonly vmstate: string }>;
  'snapshot-load': Action<SnapshotJob & { readonly vmstate: string }>;
  'snapshot-delete': Action<SnapshotJob>;

  // Power
  stop: Action<undefined>;
  cont: Action<undefined>;
  system_reset: Action<undefined>;
  system_powerdown: Action<undefined>;
  quit: Action<undefined>;
  'set-action': Action<
    | {
        readonly reboot?: 'reset' | 'shutdown';
        readonly shutdown?: 'poweroff' | 'pause';
        readonly panic?: 'pause' | 'shutdown' | 'exit-failure' | 'none';
        readonly watchdog?: 'reset' | 'shutdown' | 'poweroff' | 'pause' | 'debug' | 'none' | 'inject-nmi';
      }
    | undefined
  >;

  // Screen and keys
  screendump: Action<{
    readonly filename: string;
    readonly device?: string;
    readonly head?: number;
    readonly format?: 'ppm' | 'png';
  }>;
  'send-key': Action<{ readonly keys: readonly KeyValue[]; readonly 'hold-time'?: number }>;
  'human-monitor-command': {
    readonly arguments: { readonly 'command-line': string; readonly 'cpu-index'?: number };
    /** Whatever the monitor printed: its errors too. */
    readonly return: string;
  };

  // Devices
  device_add: Action<{
    readonly driver: string;
    readonly bus?: string;
    readonly id?: string;
    /** The device's own properties, with their right JSON types (9.2 refuses strings for numbers). */
    readonly [property: string]: unknown;
  }>;
  device_del: Action<{ readonly id: string }>;
  netdev_add: Action<{ readonly type: string; readonly id: string; readonly [option: string]: unknown }>;
  netdev_del: Action<{ readonly id: string }>;
  set_link: Action<{ readonly name: string; readonly up: boolean }>;
  'object-add': Action<{
    readonly 'qom-type': string;
    readonly id: string;
    readonly [property: string]: unknown;
  }>;
  'object-del': Action<{ readonly id: string }>;
  'qom-list': {
    readonly arguments: { readonly path: string };
    readonly return: readonly { readonly name: string; readonly type: string }[];
  };
  'qom-get': {
    readonly arguments: { readonly path: string; readonly property: string };
    readonly return: unknown;
  };
  'qom-set': Action<{ readonly path: string; readonly property: string; readonly value: unknown }>;
  eject: Action<Tray | undefined>;
  'blockdev-open-tray': Action<Tray | undefined>;
  'blockdev-close-tray': Action<{ readonly id?: string } | undefined>;
  'blockdev-change-medium': Action<{
    readonly id?: string;
    readonly filename: string;
    readonly format?: string;
    readonly force?: boolean;
    readonly 'read-only-mode'?: 'retain' | 'read-only' | 'read-write';
  }>;

  // Memory to a file and back
  migrate: Action<{ readonly uri: string; readonly resume?: boolean }>;
  'migrate-incoming': Action<{ readonly uri: string }>;
  migrate_cancel: Action<undefined>;
  'migrate-set-capabilities': Action<{
    readonly capabilities: readonly { readonly capability: string; readonly state: boolean }[];
  }>;
  'migrate-set-parameters': Action<MigrationParameters | undefined>;
  'query-migrate': Query<MigrationInfo>;

  // Exports
  'nbd-server-start': Action<{ readonly addr: SocketAddress; readonly 'max-connections'?: number }>;
  'nbd-server-stop': Action<undefined>;
  'block-export-add': Action<{
    readonly type: 'nbd' | 'vhost-user-blk' | 'fuse';
    readonly id: string;
    readonly 'node-name': string;
    readonly writable?: boolean;
    readonly writethrough?: boolean;
    /** The export type's own options: `name`, `mountpoint`, `addr`, … */
    readonly [option: string]: unknown;
  }>;
  'block-export-del': Action<{ readonly id: string; readonly mode?: 'safe' | 'hard' }>;
  'query-block-exports': Query<
    readonly {
      readonly id: string;
      readonly type: string;
      readonly 'node-name': string;
      readonly 'shutting-down': boolean;
    }[]
  >;
}
