import { z } from 'zod';
import {
  bytes,
  diskSizeInput,
  displayName,
  flagQuery,
  hostPath,
  id,
  list,
  listQuery,
  notesText,
  problem,
  sizeInput,
  time,
} from './common.ts';
import { nbdDisk, nbdDisks } from './nbd-disk.ts';

export const vmState = z.enum(['off', 'starting', 'running', 'paused', 'suspended', 'stopping', 'crashed']);
export type VmState = z.infer<typeof vmState>;

export const accelerator = z.enum(['auto', 'kvm', 'tcg']);

export const diskBus = z.enum(['virtio', 'scsi', 'sata', 'ide', 'nvme', 'usb']);
const diskTuning = {
  bus: diskBus.default('virtio'),
  cache: z.enum(['writeback', 'none', 'writethrough', 'directsync']).default('writeback'),
  discard: z.boolean().default(true),
};
/** Exactly one of `imageId`, `create` and `overlayOf` says where a disk comes from. */
export const diskInput = z.union([
  z.strictObject({ imageId: id, ...diskTuning }),
  z.strictObject({
    create: z.strictObject({
      format: z.enum(['qcow2', 'raw']).default('qcow2'),
      size: diskSizeInput,
      name: displayName.optional(),
    }),
    ...diskTuning,
  }),
  z.strictObject({ overlayOf: id, ...diskTuning }),
]);
export type DiskInput = z.infer<typeof diskInput>;
/** In a PATCH: `id` keeps a disk the VM has (with its image); without it the disk is new. */
export const diskPatch = z.union([z.strictObject({ id, imageId: id.optional(), ...diskTuning }), diskInput]);

export const mediaKind = z.enum(['cdrom', 'floppy']);
export const mediaInput = z.strictObject({ kind: mediaKind, imageId: id.nullable().optional() });
export type MediaInput = z.infer<typeof mediaInput>;

export const portForward = z.strictObject({
  protocol: z.enum(['tcp', 'udp']).default('tcp'),
  /** Only this address of the host listens. Loopback unless the user asks for more. */
  hostAddress: z.union([z.ipv4(), z.ipv6()]).default('127.0.0.1'),
  hostPort: z.int().min(1).max(65_535),
  guestPort: z.int().min(1).max(65_535),
  /**
   * Needed for an address of the host that is not loopback, and for a host port below 1024: other machines may reach
   * the guest, and are meant to.
   */
  exposed: z.boolean().optional(),
});
export const macAddress = z
  .string()
  .regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, 'must look like 52:54:00:12:34:56')
  .refine((mac) => !/^[0:]*$/.test(mac), 'must not be all zeros')
  .refine((mac) => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0, 'is a multicast address')
  .transform((mac) => mac.toLowerCase());
export const nicInput = z.strictObject({
  mode: z.enum(['user', 'isolated', 'bridge', 'tap', 'none']).default('user'),
  model: z
    .enum(['virtio', 'e1000', 'e1000e', 'rtl8139', 'ne2k_pci', 'pcnet', 'vmxnet3', 'usb'])
    .default('virtio'),
  mac: macAddress.optional(),
  /** A bridge or tap interface of the host, or the name of an isolated network. */
  network: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/, 'is not an interface name')
    .optional(),
  forwards: z.array(portForward).max(64).default([]),
});
export type NicInput = z.infer<typeof nicInput>;

export const bootDevice = z.enum(['disk', 'cdrom', 'network', 'floppy']);
const bootOrder = z
  .array(bootDevice)
  .max(4)
  .refine((order) => new Set(order).size === order.length, 'names a device twice');
export const boot = z.strictObject({
  order: bootOrder.default(['disk', 'cdrom', 'network']),
  menu: z.boolean().default(false),
  /** Used for the next start only, then forgotten. */
  once: bootDevice.nullable().optional(),
});

export const kernelBoot = z.strictObject({
  path: hostPath,
  initrd: hostPath.optional(),
  append: z
    .string()
    .max(2048)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must not contain control characters')
    .default(''),
});

const definition = {
  name: displayName,
  arch: z.enum(['x86_64', 'aarch64', 'i386', 'riscv64']).default('x86_64'),
  accelerator: accelerator.default('auto'),
  cpus: z.int().min(1).max(255).default(1),
  /** Bytes, a multiple of 1 MiB. */
  memory: sizeInput
    .refine((size) => size % 1024 ** 2 === 0, 'must be a multiple of 1 MiB')
    .refine((size) => size >= 1024 ** 2, 'must be at least 1 MiB')
    .refine((size) => size <= 16 * 1024 ** 4, 'must be at most 16 TiB')
    .default(1024 ** 3),
  firmware: z.enum(['bios', 'uefi']).default('bios'),
  /** A machine type of this QEMU (`q35`, `pc`, `virt`, …), stored with its version. */
  machine: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,40}$/i, 'is not a machine type')
    .optional(),
  boot: boot.prefault({}),
  kernel: kernelBoot.nullable().optional(),
  disks: z.array(diskInput).max(16).default([]),
  /** Beside `disks`: they are no layers, and no part of snapshots. */
  nbdDisks: nbdDisks.default([]),
  media: z.array(mediaInput).max(6).default([]),
  nics: z.array(nicInput).max(8).prefault([{}]),
  display: z.enum(['std', 'virtio', 'cirrus', 'vmware', 'none']).default('std'),
  audio: z.enum(['none', 'hda', 'ac97']).default('none'),
  /** Serial ports: how many, or simply whether there is one. */
  serial: z.union([z.boolean(), z.int().min(0).max(4)]).default(1),
  tpm: z.boolean().default(false),
  /** Further options of QEMU, of a short list that cannot open files, ports or processes. */
  extraArgs: z.array(z.string().min(1).max(500)).max(32).default([]),
  autostart: z.boolean().default(false),
  notes: notesText.default(''),
};
export const createVmBody = z.strictObject(definition);
export type CreateVm = z.infer<typeof createVmBody>;
export type CreateVmInput = z.input<typeof createVmBody>;

/** The same fields without their defaults: what is left out stays as it is. */
export const patchVmBody = z.strictObject({
  name: definition.name.optional(),
  accelerator: accelerator.optional(),
  cpus: definition.cpus.unwrap().optional(),
  memory: definition.memory.unwrap().optional(),
  firmware: definition.firmware.unwrap().optional(),
  machine: definition.machine,
  boot: z
    .strictObject({
      order: bootOrder.optional(),
      menu: z.boolean().optional(),
      once: bootDevice.nullable().optional(),
    })
    .optional(),
  kernel: kernelBoot.nullable().optional(),
  disks: z.array(diskPatch).max(16).optional(),
  nbdDisks: nbdDisks.optional(),
  media: z.array(mediaInput).max(6).optional(),
  nics: z.array(nicInput).max(8).optional(),
  display: definition.display.unwrap().optional(),
  audio: definition.audio.unwrap().optional(),
  serial: definition.serial.unwrap().optional(),
  tpm: z.boolean().optional(),
  extraArgs: definition.extraArgs.unwrap().optional(),
  autostart: z.boolean().optional(),
  notes: notesText.optional(),
});
export type PatchVm = z.infer<typeof patchVmBody>;

export const vmDisk = z.object({
  id,
  imageId: id,
  bus: diskBus,
  cache: z.string(),
  discard: z.boolean(),
  /** Layers from the active one down to the base. */
  chainLength: z.int(),
});
export const vmMedia = z.object({
  /** The slot, for `PUT /vms/:id/media/:slot`. */
  slot: z.string(),
  kind: mediaKind,
  imageId: id.nullable(),
});
export const vmNic = z.object({
  id: z.string(),
  mode: z.string(),
  model: z.string(),
  mac: z.string(),
  network: z.string().optional(),
  forwards: z.array(portForward),
});

export const vm = z.object({
  id,
  uuid: z.string(),
  name: z.string(),
  arch: z.string(),
  accelerator,
  /** What `auto` means here, and why. */
  effectiveAccelerator: z.object({ kind: z.enum(['kvm', 'tcg']), reason: z.string() }),
  cpus: z.int(),
  memory: z.int(),
  firmware: z.enum(['bios', 'uefi']),
  /** Versioned: a checkpoint of one version cannot be restored in another. */
  machine: z.string(),
  boot: z.object({ order: z.array(bootDevice), menu: z.boolean(), once: bootDevice.nullable() }),
  kernel: z.object({ path: z.string(), initrd: z.string().optional(), append: z.string() }).nullable(),
  disks: z.array(vmDisk),
  /** Left out where there are none. */
  nbdDisks: z.array(nbdDisk).optional(),
  media: z.array(vmMedia),
  nics: z.array(vmNic),
  display: z.string(),
  audio: z.string(),
  serial: z.int(),
  tpm: z.boolean(),
  extraArgs: z.array(z.string()),
  autostart: z.boolean(),
  notes: z.string(),
  state: vmState,
  pid: z.int().optional(),
  startedAt: time.optional(),
  /** While a graceful shutdown waits for the guest. */
  shutdown: z.object({ requestedAt: time, timeoutSeconds: z.int() }).optional(),
  /** How the last run ended, when it did not end by the user's wish. */
  lastFailure: z.object({ at: time, code: z.string(), message: z.string(), stderr: z.string() }).optional(),
  /** True when the definition was changed while the VM runs: it applies at the next start. */
  changedSinceStart: z.boolean(),
  /** Its memory waits in a file, and the next start goes on from it; its disks are frozen until then. */
  suspended: z.object({ at: time, memoryBytes: bytes }).nullable(),
  guest: z
    .object({
      agent: z.boolean(),
      hostname: z.string().optional(),
      addresses: z.array(z.string()),
      os: z.string().optional(),
    })
    .optional(),
  current: z.object({ snapshotId: id.nullable() }),
  snapshotCount: z.int(),
  /** Its screen can be shown: it runs with one, or the last picture of it was kept. */
  hasPicture: z.boolean(),
  createdAt: time,
  problems: z.array(problem),
});
export type Vm = z.infer<typeof vm>;
export const vmList = list(vm);
export const vmQuery = z.strictObject({ ...listQuery, state: vmState.optional() });
export const deleteVmQuery = z.strictObject({
  disks: z.enum(['keep', 'delete']).default('keep'),
  plan: flagQuery.optional(),
});
const vmLayer = z.object({ imageId: id, name: z.string(), path: z.string(), bytes });
/** What goes with a VM, and what stays. */
export const vmDeletionPlan = z.object({
  /** To the trash, with `disks=delete`. */
  goes: z.array(vmLayer),
  /** With the names of what stands on it; of nothing: what the VM was made from, or all when the disks are kept. */
  stays: z.array(vmLayer.extend({ because: z.array(z.string()) })),
  snapshots: z.array(z.object({ id: z.string(), name: z.string() })),
  /** Files of its own beside the layers, which go for good. */
  files: z.array(
    z.object({ kind: z.enum(['memory', 'picture', 'firmware', 'log']), path: z.string(), bytes }),
  ),
  blockers: z.array(z.object({ code: z.string(), message: z.string() })),
});
export type VmDeletionPlan = z.infer<typeof vmDeletionPlan>;

export const shutdownBody = z
  .strictObject({ timeoutSeconds: z.int().min(1).max(3600).optional() })
  .optional();
/** One-time wishes for this start. */
export const startBody = z
  .strictObject({ bootOnce: bootDevice.optional(), paused: z.boolean().optional() })
  .optional();

export const commandLine = z.object({ argv: z.array(z.string()), shell: z.string() });
export type CommandLine = z.infer<typeof commandLine>;
export const keysBody = z.strictObject({
  keys: z
    .array(z.string().regex(/^[a-z0-9_]{1,20}$/, 'is not a key name of QEMU (qcode)'))
    .min(1)
    .max(16),
  holdMilliseconds: z.int().min(1).max(10_000).optional(),
});
export const vmLog = z.object({
  /** QEMU's own output, its end. */
  output: z.string(),
  truncated: z.boolean(),
  events: z.array(z.object({ at: time, event: z.string(), detail: z.string() })),
});
export type VmLog = z.infer<typeof vmLog>;
export const mediaBody = z.strictObject({ imageId: id.nullable(), force: z.boolean().optional() });
/** Optional choices for the demo; the body may be left out. */
export const demoBody = z.strictObject({ name: displayName.optional() }).optional();
