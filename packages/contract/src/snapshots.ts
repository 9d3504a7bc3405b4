import { z } from 'zod';
import { bytes, displayName, flagQuery, id, notesText, time, useReserve, waitQuery } from './common.ts';

export const snapshotDisk = z.object({ diskId: id, imageId: id, internalTag: z.string().optional() });

const snapshotFields = z.object({
  id,
  vmId: id,
  parentId: id.nullable(),
  name: z.string(),
  description: z.string(),
  kind: z.enum(['external', 'internal']),
  memory: z.boolean(),
  consistency: z.enum(['crash', 'frozen', 'memory']),
  /** The VM was off when it was taken: what the disks hold is as whole as the guest's last shutdown left it. */
  vmWasOff: z.boolean(),
  createdAt: time,
  /** `kept`: by a revert, of the state that was left. `found`: made by another tool, and adopted. */
  origin: z.enum(['taken', 'kept', 'schedule', 'found']),
  /** Size of the memory file. */
  memoryBytes: bytes.optional(),
  /** The memory is a file of its own, from which another VM can go on as well. */
  memoryInFile: z.boolean(),
  disks: z.array(snapshotDisk),
  hasScreenshot: z.boolean(),
  /** What the VM was at that moment; null where it was not kept. */
  hardware: z
    .object({ cpus: z.int(), memory: bytes, firmware: z.enum(['bios', 'uefi']), machine: z.string() })
    .nullable(),
  pauseMs: z.number().optional(),
  /** Why it cannot be deleted now, other than by forgetting it; not there when it can. */
  deleteRefusal: z.string().optional(),
  /**
   * `own`: bytes of the frozen layers this snapshot points to; of an internal one what it alone holds inside them, its
   * memory there included, and null while that is not known. `freed`: what deleting it alone would give back, what goes
   * to the trash included; null while that is not known, and where it cannot be deleted.
   */
  sizes: z.object({ own: bytes.nullable(), freed: bytes.nullable() }),
});
export type Snapshot = z.infer<typeof snapshotFields> & { children: Snapshot[] };
export const snapshot: z.ZodType<Snapshot> = snapshotFields
  .extend({
    get children() {
      return z.array(snapshot);
    },
  })
  .meta({ id: 'Snapshot' }) as unknown as z.ZodType<Snapshot>;

/** A restore point that another tool made, and that no snapshot shows yet. */
export const foundSnapshot = z.object({
  /** `internal`: a tag inside the layers. `overlay`: a layer that somebody froze by an overlay made by hand. */
  kind: z.enum(['internal', 'overlay']),
  tag: z.string().optional(),
  /** The first of its disks. */
  imageId: id,
  diskId: id,
  disks: z.array(z.object({ diskId: id, imageId: id })),
  name: z.string(),
  createdAt: time.optional(),
  memory: z.boolean(),
  /** Whether it can be adopted; if not, `reason`. */
  possible: z.boolean(),
  reason: z.string().optional(),
});
export type FoundSnapshot = z.infer<typeof foundSnapshot>;
export const adoptSnapshotBody = z.strictObject({
  imageId: id,
  /** Left out: the layer itself, which an overlay froze. */
  tag: z.string().min(1).max(1024).optional(),
  /** Left out: as it is called now. */
  name: displayName.optional(),
});
export type AdoptSnapshot = z.infer<typeof adoptSnapshotBody>;

export const snapshotTree = z.object({
  tree: z.array(snapshot),
  current: z.object({
    snapshotId: id.nullable(),
    /** Whether the active layers hold data of their own since that snapshot. */
    changed: z.boolean(),
  }),
  found: z.array(foundSnapshot),
});
export type SnapshotTree = z.infer<typeof snapshotTree>;

const possibility = { possible: z.boolean(), reason: z.string().optional() };
export const snapshotForecast = z.object({
  /** Whether the file systems of the guest can be frozen. */
  agent: z.object({ state: z.enum(['ready', 'absent', 'unknown']), reason: z.string() }),
  kinds: z.array(z.object({ kind: z.enum(['external', 'internal']), memory: z.boolean(), ...possibility })),
  /** At most so many bytes a file with the guest's memory would have; null: the VM is off. */
  memoryBytes: bytes.nullable(),
  /** Where the memory would lie. */
  storage: z.object({ path: z.string(), free: bytes, total: bytes }),
  disks: z.array(
    z.object({
      diskId: id,
      imageId: id,
      /** What was written to its active layer so far. */
      ownBytes: bytes,
      internal: z.object(possibility),
    }),
  ),
});
export type SnapshotForecast = z.infer<typeof snapshotForecast>;

export const takeSnapshotBody = z.strictObject({
  name: displayName,
  description: notesText.optional(),
  kind: z.enum(['external', 'internal']).default('external'),
  memory: z.boolean().default(false),
  /** The guest agent lets the file systems stand still meanwhile; refused when there is none. Not with memory. */
  quiesce: z.boolean().optional(),
  disks: z.array(id).min(1).max(16).optional(),
  /** With memory: after so many seconds the guest is stopped to finish. */
  stopAfterSeconds: z.int().min(0).max(3600).optional(),
});
export type TakeSnapshot = z.infer<typeof takeSnapshotBody>;
export const patchSnapshotBody = z.strictObject({
  name: displayName.optional(),
  description: notesText.optional(),
});
export const revertBody = z
  .strictObject({
    keepCurrent: z.boolean().default(true),
    /** The name of the snapshot that keeps the current state. */
    name: displayName.optional(),
    /**
     * With the memory of the guest, so that one can come back to it as it runs. Left out: of a VM that is suspended, whose
     * file it stays; of one that runs only when this is true.
     */
    keepMemory: z.boolean().optional(),
    /** Start the VM afterwards; left out: running as it was. */
    start: z.boolean().optional(),
    /** `restore`, also when left out: the VM is what it was then, with its disks. `keep`: it stays what it is now, with the disks of then. */
    hardware: z.enum(['restore', 'keep']).optional(),
    /** `restore`, also when left out: the UEFI variables of then. `keep`: those the VM has now. */
    uefiVars: z.enum(['restore', 'keep']).optional(),
    plan: z.boolean().optional(),
    fingerprint: z.string().max(200).optional(),
  })
  .refine(({ keepCurrent, keepMemory }) => keepCurrent || keepMemory !== true, {
    path: ['keepMemory'],
    message: 'is possible only for a state that is kept',
  })
  .prefault({});
export type Revert = z.infer<typeof revertBody>;
/**
 * `commit`: what stands on its layer goes down into it. `pull`: its layer goes up into what stands on it. `auto`:
 * whichever is legal and moves fewer bytes. `forget`: the name goes, every layer stays.
 */
const deleteMode = z.enum(['auto', 'commit', 'pull', 'forget']);
export type DeleteMode = z.infer<typeof deleteMode>;
const fingerprint = z.string().max(200).optional();
export const deleteSnapshotQuery = z.strictObject({
  mode: deleteMode.default('auto'),
  plan: flagQuery.optional(),
  fingerprint,
  useReserve: flagQuery.optional(),
  ...waitQuery,
});
/** Exactly one of the three says which. */
export const deleteSnapshotsBody = z
  .strictObject({
    snapshots: z.array(id).min(1).max(1000).optional(),
    /** Those between two snapshots of one branch; these two stay. */
    between: z.strictObject({ from: id, to: id }).optional(),
    /** Of the branch that ends where the VM is now, all but the newest so many. With fewer there, nothing is to be done. */
    keepLast: z.int().min(0).max(1000).optional(),
    mode: deleteMode.default('auto'),
    plan: z.boolean().optional(),
    fingerprint,
    useReserve,
  })
  .refine(
    ({ snapshots, between, keepLast }) =>
      [snapshots, between, keepLast].filter((wish) => wish !== undefined).length === 1,
    'must say exactly one of "snapshots", "between" and "keepLast"',
  );
export type DeleteSnapshots = z.infer<typeof deleteSnapshotsBody>;

/** A restore point of the VM, or what its disks are now. */
const point = z.union([z.literal('current'), id]);
export const compareQuery = z.strictObject({
  from: point,
  to: point,
  /** A disk that both show; left out: the first one. */
  disk: id.optional(),
  /** How many places next to each other can be told apart where it is shown. */
  columns: z.coerce.number().int().min(1).max(8192).default(1024),
});
export type Compare = z.infer<typeof compareQuery>;
export const compareBody = z.strictObject({ from: point, to: point, disk: id.optional() });
export const comparison = z.object({
  from: point,
  to: point,
  diskId: id,
  /** Of the longer one. What only one of them has counts as different. */
  virtualSize: bytes,
  differingBytes: bytes,
  /** The contents were compared. Otherwise where they can differ at the most: what was written may be what was there. */
  exact: z.boolean(),
  regions: z.array(z.tuple([bytes, bytes])),
  /** How much of each region differs, where neighbours are told as one because they are too many. */
  regionsHeld: z.array(bytes).optional(),
});
export type Comparison = z.infer<typeof comparison>;

/** `linked`: overlays on the layers that are there. `full`: files of its own, standing on nothing. */
const copyMode = z.enum(['linked', 'full']);
export const branchBody = z.strictObject({
  name: displayName,
  mode: copyMode.default('linked'),
  /** The new VM is suspended on the memory of the snapshot, and its start goes on from that moment; left out: it is off. */
  memory: z.boolean().optional(),
  useReserve,
});
export type Branch = z.infer<typeof branchBody>;
export const duplicateBody = z.strictObject({
  name: displayName,
  mode: copyMode.default('full'),
  useReserve,
});
export type Duplicate = z.infer<typeof duplicateBody>;
