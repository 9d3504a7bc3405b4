import { z } from 'zod';
import { bytes, id, problem, time } from './common.ts';
import { endpoint } from './endpoint.ts';

/** All sizes are what files take on their disk (blocks × 512), each file counted once however many names it has. */

/** Where files lie that share their free space. */
export const usedFileSystem = z.object({
  /** The number of its device. */
  id: z.string(),
  mountPoint: z.string().nullable(),
  total: bytes,
  free: bytes,
  /** What Strata has there. */
  strata: bytes,
  /** By how much the images there can still grow: of those that can be written, the disk's size less what is stored. */
  promised: bytes,
  /** Copies may share their blocks there (btrfs, XFS, ZFS): then deleting one frees less than it takes. */
  sharesBlocks: z.boolean(),
});
export type UsedFileSystem = z.infer<typeof usedFileSystem>;

export const usedFolder = z.object({
  /** Null: images that are registered alone, in no folder of the library. */
  id: id.nullable(),
  path: z.string(),
  default: z.boolean(),
  /** `missing`: it is not there, or its disk is not mounted. */
  state: z.enum(['ok', 'missing', 'unreadable']),
  problems: z.array(problem),
  fileSystemId: z.string().nullable(),
  images: z.int(),
  bytes,
  promised: bytes,
});

export const usedByVm = z.object({
  vmId: id,
  name: z.string(),
  /** What would be nobody's without it; the sum of `parts`. */
  own: bytes,
  parts: z.object({
    /** Layers that its disks write now, and media that only it has. */
    disks: bytes,
    /** The layers below that nobody else needs. */
    snapshots: bytes,
    /** Saved memory: of snapshots, and while it is suspended. */
    memory: bytes,
    /** UEFI variables. */
    firmware: bytes,
    /** Logs and pictures. */
    other: bytes,
  }),
  /** Layers and media that it needs and others need too: counted here for each of them. */
  shared: bytes,
  sharedWith: z.array(z.string()),
});
export type UsedByVm = z.infer<typeof usedByVm>;

export const usedByTree = z.object({
  /** Of the base. */
  imageId: id,
  name: z.string(),
  path: z.string(),
  images: z.int(),
  bytes,
  /** Of the base alone. */
  baseBytes: bytes,
  vms: z.array(z.string()),
});

export const otherUse = z.object({
  kind: z.enum(['trash', 'uploads', 'downloads', 'making', 'database']),
  files: z.int(),
  bytes,
});
export type OtherUse = z.infer<typeof otherUse>;

export const usage = z.object({
  at: time,
  /** The sum of `images`, `vmFiles` and `others`. */
  total: bytes,
  /** The sum over `folders`; and over `trees`; and of `ofVms`, `sharedByVms` and `unused`. */
  images: bytes,
  /** Layers and media that one VM alone needs. */
  ofVms: bytes,
  /** Those that several need, each once. */
  sharedByVms: bytes,
  /** Those that none needs. */
  unused: bytes,
  /** Memory, UEFI variables, logs and pictures of VMs, which are no images. */
  vmFiles: bytes,
  /** Images with more than one name (hard links): deleting one name frees nothing. */
  hardLinked: z.int(),
  fileSystems: z.array(usedFileSystem),
  folders: z.array(usedFolder),
  /** Largest first, like `trees`. */
  vms: z.array(usedByVm),
  trees: z.array(usedByTree),
  others: z.array(otherUse),
});
export type Usage = z.infer<typeof usage>;

export const freeableKind = z.enum([
  'trash',
  'upload',
  'download',
  'orphan',
  'unused',
  'memory',
  'compact',
  'leaks',
  'snapshots',
  'merge',
  'flatten',
]);
export type FreeableKind = z.infer<typeof freeableKind>;

/** Where what frees it is done: a page or a dialog of the web app. */
export const freeableLink = z.object({
  to: z.enum(['trash', 'library', 'image', 'layers', 'snapshots', 'vm', 'download']),
  imageId: id.optional(),
  vmId: id.optional(),
  downloadId: id.optional(),
});

export const freeable = z.object({
  /** Of this list. */
  key: z.string(),
  kind: freeableKind,
  name: z.string(),
  /** Null: nobody knows before it is measured. */
  bytes: bytes.nullable(),
  /** `up-to`: at most so much. */
  certainty: z.enum(['exact', 'up-to', 'unknown']),
  /** What it takes instead, when it is no gain but a price: copies of what is shared now. */
  costs: bytes.optional(),
  /** What is done, in words. */
  how: z.string(),
  /** What is lost with it, in words. */
  loses: z.string(),
  link: freeableLink,
});
export type Freeable = z.infer<typeof freeable>;

export const freeableList = z.object({
  /** Most bytes first. */
  items: z.array(freeable),
  total: z.int(),
  /** What can be had of all that loses nothing which a VM, a snapshot or an export needs; each byte once. */
  certain: bytes,
  /** Images of which nobody has measured, in the state they are in, what compacting them gives back. */
  unmeasured: z.int(),
});
export type FreeableList = z.infer<typeof freeableList>;

export const usageEndpoints = {
  getUsage: endpoint({
    method: 'GET',
    path: '/usage',
    summary: 'What takes how much: by folder, by VM, by tree',
    responses: { 200: usage },
  }),
  getFreeable: endpoint({
    method: 'GET',
    path: '/usage/freeable',
    summary: 'What could be freed, how, and what is lost with it',
    responses: { 200: freeableList },
  }),
} as const;
