import { z } from 'zod';
import { imageChecksum } from './checksums.ts';
import {
  bytes,
  diskSizeInput,
  displayName,
  flagQuery,
  hostPath,
  id,
  list,
  listQuery,
  problem,
  time,
  useReserve,
} from './common.ts';

/** What a file is, by its header. `raw` is what has no header we know. */
export const imageFormat = z.enum(['qcow2', 'raw', 'vmdk', 'vdi', 'vhdx', 'vpc', 'iso']);
export type ImageFormat = z.infer<typeof imageFormat>;

export const backingState = z.enum(['ok', 'missing', 'foreign', 'cycle']);

export const imageUse = z.object({
  kind: z.enum(['vm', 'snapshot', 'overlay', 'export', 'inside', 'operation']),
  id: z.string(),
  name: z.string(),
  /** Of a snapshot inside the file: it stays as it is when the image is written. */
  tag: z.string().optional(),
});
export type ImageUse = z.infer<typeof imageUse>;

export const imageRole = z.enum(['base', 'layer', 'active', 'media', 'orphan']);

export const internalSnapshot = z.object({
  id: z.string(),
  tag: z.string(),
  createdAt: time.nullable(),
  /** Bytes of memory state; 0 for disk-only. */
  vmStateSize: bytes,
});

/** What the last check has found in the file as it is. */
export const lastCheck = z.object({
  at: time,
  state: z.enum(['clean', 'leaks', 'errors']),
  errors: z.int(),
  leaks: z.int(),
  leakedBytes: bytes,
});
export type LastCheck = z.infer<typeof lastCheck>;

export const image = z.object({
  id,
  name: z.string(),
  path: z.string(),
  format: imageFormat,
  virtualSize: bytes,
  /** Bytes the file really takes on disk (blocks × 512). */
  allocatedSize: bytes,
  backingId: id.nullable(),
  backing: z
    .object({
      /** Where the header points, resolved as QEMU does it; the string itself when it cannot be a file. */
      path: z.string(),
      format: z.string().nullable(),
      state: backingState,
    })
    .optional(),
  overlays: z.array(id),
  internalSnapshots: z.array(internalSnapshot),
  usedBy: z.array(imageUse),
  role: imageRole,
  /** False when the file is gone or cannot be read; then the facts are those of the last time. */
  present: z.boolean(),
  modifiedAt: time,
  problems: z.array(problem),
  /** Of its file, not of what it shows. */
  checksums: z.array(imageChecksum),
  /** Of the file as it is now; left out: it has not been checked since it was written. */
  lastCheck: lastCheck.optional(),
  /** Its owner has said that it stands alone: that its backing is lost is no problem any more. */
  leftAlone: z.boolean().optional(),
});
export type Image = z.infer<typeof image>;

export const imageList = list(image);
export const imageQuery = z.strictObject({ ...listQuery });

export const createImageBody = z
  .strictObject({
    name: displayName,
    format: z.enum(['qcow2', 'raw']).default('qcow2'),
    size: diskSizeInput.optional(),
    /** A registered folder; the default folder when left out. */
    folder: hostPath.optional(),
    preallocation: z.enum(['off', 'metadata', 'falloc', 'full']).default('off'),
    backing: id.optional(),
    useReserve,
  })
  .refine((body) => body.size !== undefined || body.backing !== undefined, {
    path: ['size'],
    message: 'is needed, unless the image is an overlay (backing)',
  })
  .refine((body) => body.backing === undefined || body.format === 'qcow2', {
    path: ['format'],
    message: 'an overlay must be qcow2',
  });
export type CreateImage = z.infer<typeof createImageBody>;

export const importImageBody = z.strictObject({
  path: hostPath,
  mode: z.enum(['register', 'copy', 'move']).default('register'),
  name: displayName.optional(),
  useReserve,
});
export type ImportImage = z.infer<typeof importImageBody>;

export const patchImageBody = z.strictObject({ name: displayName });

export const copyImageBody = z.strictObject({
  name: displayName,
  /** A folder of the library; that of the original when left out. */
  folder: hostPath.optional(),
  /** `content`: what the image reads through its whole chain, standing on nothing. `file`: this one file, link and all. */
  what: z.enum(['content', 'file']).default('content'),
  useReserve,
});
export type CopyImage = z.infer<typeof copyImageBody>;

/** An internal snapshot as a new image that stands on nothing. */
export const extractImageBody = z.strictObject({
  /** Its name inside the file, or its number where two have that name. */
  tag: z.string().min(1).max(1024),
  name: displayName,
  /** A folder of the library; that of the image when left out. */
  folder: hostPath.optional(),
});
export type ExtractImage = z.infer<typeof extractImageBody>;

export const renameImageBody = z
  .strictObject({
    /** The shown name; the file is named after it. */
    name: displayName.optional(),
    /** A folder of the library to move the file to. */
    folder: hostPath.optional(),
    useReserve,
  })
  .refine((body) => body.name !== undefined || body.folder !== undefined, {
    message: 'needs a name, a folder, or both',
  });
export type RenameImage = z.infer<typeof renameImageBody>;

export const checkImageBody = z
  .strictObject({
    /** `leaks`: gives lost clusters back. `all`: mends errors too, as far as QEMU can. */
    repair: z.enum(['leaks', 'all']).optional(),
  })
  .prefault({});
export type CheckImage = z.infer<typeof checkImageBody>;
/** The result of a check, as the operation tells it. What is counted is what was found, before any repair. */
export const imageCheck = z.object({
  imageId: id,
  errors: z.int(),
  leaks: z.int(),
  errorsFixed: z.int(),
  leaksFixed: z.int(),
  /** Of the leaks that are left. */
  leakedBytes: bytes,
  /** What that means, for a person. */
  words: z.string(),
});
export type ImageCheck = z.infer<typeof imageCheck>;

/** Start and length in bytes, in the scale of the virtual disk. */
export const extent = z.tuple([bytes, bytes]);

export const layerMap = z.object({
  imageId: id,
  /**
   * What this layer provides to the top, and what it holds but a layer above hides: the pieces as they are, or, where
   * there are more than columns were asked for, those that begin in one column told as one extent around them.
   */
  visible: z.array(extent),
  shadowed: z.array(extent),
  /** Only where pieces were told as one: how many bytes each of `visible` and `shadowed` really holds. */
  visibleHeld: z.array(bytes).optional(),
  shadowedHeld: z.array(bytes).optional(),
  /** Of the whole layer, exactly, whatever range and columns were asked for. */
  allocatedBytes: bytes,
  visibleBytes: bytes,
});
export const imageMap = z.object({
  virtualSize: bytes,
  /** The range that is told. */
  start: bytes,
  length: bytes,
  /** Top first, like the chain. */
  layers: z.array(layerMap),
  /** True when the top layer is being written and could not be flushed first: its part lags behind. */
  approximate: z.boolean(),
});
export type ImageMap = z.infer<typeof imageMap>;
/** The disk from end to end, as far as most screens can show it, unless asked for otherwise. */
export const imageMapQuery = z.strictObject({
  start: z.coerce.number().int().min(0).default(0),
  length: z.coerce.number().int().min(1).optional(),
  /** How many places next to each other can be told apart where the map is shown. */
  columns: z.coerce.number().int().min(1).max(8192).default(1024),
});
export type ImageMapQuery = z.infer<typeof imageMapQuery>;

export const snapshotMark = z.object({
  id,
  name: z.string(),
  vmId: id,
  vmName: z.string(),
  memory: z.boolean(),
  /** Inside the layer: the tag that it is. */
  tag: z.string().optional(),
});

export const imageChain = z.object({
  /** Top first. */
  layers: z.array(image),
  snapshotsByImage: z.record(z.string(), z.array(snapshotMark)),
  /** Deleted overlays that can still be restored, by the layer that they stand on. */
  trashedByImage: z
    .record(z.string(), z.array(z.object({ trashId: z.string(), name: z.string() })))
    .optional(),
});
export type ImageChain = z.infer<typeof imageChain>;

export const forest = z.object({
  images: z.array(image),
  edges: z.array(z.object({ from: id, to: id })),
  complete: z.boolean(),
});

export const deleteImageQuery = z.strictObject({ plan: flagQuery.optional() });

export const folder = z.object({
  id,
  path: z.string(),
  default: z.boolean(),
  images: z.int(),
  problems: z.array(problem),
});
export type Folder = z.infer<typeof folder>;
export const folderList = list(folder);
export const createFolderBody = z.strictObject({ path: hostPath });
