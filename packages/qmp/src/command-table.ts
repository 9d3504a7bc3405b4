import type { QmpCommands } from './commands.ts';
import type { QmpEvents } from './events.ts';

type Presence<T, K extends keyof T> = Partial<Pick<T, K>> extends Pick<T, K> ? 'optional' : 'required';
/** The declared members of T (an index signature for a driver's own options is left out) and whether they may be missing. */
type Members<T> = { [K in keyof T as string extends K ? never : K]-?: Presence<T, K> };

type ArgumentsOf<C extends keyof QmpCommands> = QmpCommands[C]['arguments'] extends undefined
  ? Record<string, never>
  : NonNullable<QmpCommands[C]['arguments']>;

const required = 'required' as const;
const optional = 'optional' as const;
const none = {};
const jobOptions = {
  'job-id': optional,
  speed: optional,
  'filter-node-name': optional,
  'auto-finalize': optional,
  'auto-dismiss': optional,
} as const;
const copyOptions = {
  ...jobOptions,
  device: required,
  target: required,
  sync: required,
  'on-source-error': optional,
  'on-target-error': optional,
} as const;
const snapshotJob = { 'job-id': required, tag: required, devices: required } as const;

/*
 * The typed maps once more as values, so that a test can hold them against a running QEMU's schema. The compiler keeps both
 * in step: a name or an argument that is missing here, or optional here and required there, does not compile.
 */
export const commandTable: { [C in keyof QmpCommands]: Members<ArgumentsOf<C>> } = {
  qmp_capabilities: { enable: optional },

  'query-status': none,
  'query-name': none,
  'query-uuid': none,
  'query-version': none,
  'query-commands': none,
  'query-qmp-schema': none,
  'query-kvm': none,
  'query-chardev': none,
  'query-machines': none,
  'query-cpu-definitions': none,

  'query-block': none,
  'query-blockstats': { 'query-nodes': optional },
  'query-named-block-nodes': { flat: optional },
  'blockdev-add': {
    driver: required,
    'node-name': optional,
    discard: optional,
    cache: optional,
    'read-only': optional,
    'auto-read-only': optional,
    'force-share': optional,
    'detect-zeroes': optional,
  },
  'blockdev-reopen': { options: required },
  'blockdev-del': { 'node-name': required },
  'blockdev-create': { 'job-id': required, options: required },
  'blockdev-snapshot': { node: required, overlay: required },
  'blockdev-snapshot-internal-sync': { device: required, name: required },
  'blockdev-snapshot-delete-internal-sync': { device: required, id: optional, name: optional },
  transaction: { actions: required, properties: optional },
  block_resize: { device: optional, 'node-name': optional, size: required },

  'block-commit': {
    ...jobOptions,
    device: required,
    'top-node': optional,
    'base-node': optional,
    'backing-file': optional,
    'on-error': optional,
  },
  'block-stream': {
    ...jobOptions,
    device: required,
    'base-node': optional,
    'backing-file': optional,
    bottom: optional,
    'on-error': optional,
  },
  'blockdev-mirror': {
    ...copyOptions,
    replaces: optional,
    granularity: optional,
    'buf-size': optional,
    'copy-mode': optional,
  },
  'blockdev-backup': { ...copyOptions, bitmap: optional, 'bitmap-mode': optional, compress: optional },
  'query-jobs': none,
  'query-block-jobs': none,
  'job-pause': { id: required },
  'job-resume': { id: required },
  'job-cancel': { id: required },
  'job-complete': { id: required },
  'job-finalize': { id: required },
  'job-dismiss': { id: required },
  'block-job-set-speed': { device: required, speed: required },
  'block-job-cancel': { device: required, force: optional },
  'snapshot-save': { ...snapshotJob, vmstate: required },
  'snapshot-load': { ...snapshotJob, vmstate: required },
  'snapshot-delete': snapshotJob,

  stop: none,
  cont: none,
  system_reset: none,
  system_powerdown: none,
  quit: none,
  'set-action': { reboot: optional, shutdown: optional, panic: optional, watchdog: optional },

  screendump: { filename: required, device: optional, head: optional, format: optional },
  'send-key': { keys: required, 'hold-time': optional },
  'human-monitor-command': { 'command-line': required, 'cpu-index': optional },

  device_add: { driver: required, bus: optional, id: optional },
  device_del: { id: required },
  netdev_add: { type: required, id: required },
  netdev_del: { id: required },
  set_link: { name: required, up: required },
  'object-add': { 'qom-type': required, id: required },
  'object-del': { id: required },
  'qom-list': { path: required },
  'qom-get': { path: required, property: required },
  'qom-set': { path: required, property: required, value: required },
  eject: { id: optional, force: optional },
  'blockdev-open-tray': { id: optional, force: optional },
  'blockdev-close-tray': { id: optional },
  'blockdev-change-medium': {
    id: optional,
    filename: required,
    format: optional,
    force: optional,
    'read-only-mode': optional,
  },

  migrate: { uri: required, resume: optional },
  'migrate-incoming': { uri: required },
  migrate_cancel: none,
  'migrate-set-capabilities': { capabilities: required },
  'migrate-set-parameters': {
    'max-bandwidth': optional,
    'downtime-limit': optional,
    'multifd-channels': optional,
  },
  'query-migrate': none,

  'nbd-server-start': { addr: required, 'max-connections': optional },
  'nbd-server-stop': none,
  'block-export-add': {
    type: required,
    id: required,
    'node-name': required,
    writable: optional,
    writethrough: optional,
  },
  'block-export-del': { id: required, mode: optional },
  'query-block-exports': none,
};

const blockJobEnd = {
  type: required,
  device: required,
  len: required,
  offset: required,
  speed: required,
} as const;

export const eventTable: { [E in keyof QmpEvents]: Members<QmpEvents[E]> } = {
  STOP: none,
  RESUME: none,
  POWERDOWN: none,
  SHUTDOWN: { guest: required, reason: required },
  RESET: { guest: required, reason: required },
  SUSPEND: none,
  SUSPEND_DISK: none,
  WAKEUP: none,
  GUEST_PANICKED: { action: required },
  GUEST_CRASHLOADED: { action: required },
  WATCHDOG: { action: required },
  RTC_CHANGE: { offset: required, 'qom-path': required },
  JOB_STATUS_CHANGE: { id: required, status: required },
  BLOCK_JOB_PENDING: { type: required, id: required },
  BLOCK_JOB_READY: blockJobEnd,
  BLOCK_JOB_COMPLETED: { ...blockJobEnd, error: optional },
  BLOCK_JOB_CANCELLED: blockJobEnd,
  BLOCK_JOB_ERROR: { device: required, operation: required, action: required },
  BLOCK_IO_ERROR: {
    device: required,
    'node-name': optional,
    operation: required,
    action: required,
    nospace: optional,
    reason: required,
  },
  BLOCK_IMAGE_CORRUPTED: {
    device: required,
    'node-name': optional,
    msg: required,
    offset: optional,
    size: optional,
    fatal: required,
  },
  BLOCK_EXPORT_DELETED: { id: required },
  DEVICE_DELETED: { device: optional, path: required },
  DEVICE_UNPLUG_GUEST_ERROR: { device: optional, path: required },
  DEVICE_TRAY_MOVED: { device: required, id: required, 'tray-open': required },
  VSERPORT_CHANGE: { id: required, open: required },
  MIGRATION: { status: required },
  MIGRATION_PASS: { pass: required },
};
