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
  disks: z.array(snapshotDisk),
  hasScreenshot: z.boolean(),
  pauseMs: z.number().optional(),
  /** `own`: bytes of the frozen layers this snapshot points to. */
  sizes: z.object({ own: bytes }),
});
export type Snapshot = z.infer<typeof snapshotFields> & { children: Snapshot[] };
export const snapshot: z.ZodType<Snapshot> = snapshotFields
  .extend({
    get children() {
      return z.array(snapshot);
    },
  })
  .meta({ id: 'Snapshot' }) as unknown as z.ZodType<Snapshot>;

export const snapshotTree = z.object({
  tree: z.array(snapshot),
  current: z.object({
    snapshotId: id.nullable(),
    /** Whether the active layers hold data of their own since that snapshot. */
    changed: z.boolean(),
  }),
});
export type SnapshotTree = z.infer<typeof snapshotTree>;

export const takeSnapshotBody = z.strictObject({
  name: displayName,
  description: notesText.optional(),
  kind: z
    .enum(['external'], 'must be "external": internal snapshots cannot be taken yet')
    .default('external'),
  memory: z.literal(false, 'cannot be kept yet: a snapshot holds the disks alone').default(false),
  quiesce: z.literal(false, 'is not possible yet: a live snapshot is crash-consistent').optional(),
  disks: z.array(id).min(1).max(16).optional(),
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
    /** Start the VM afterwards; left out: running as it was. */
    start: z.boolean().optional(),
    plan: z.boolean().optional(),
    fingerprint: z.string().max(200).optional(),
  })
  .prefault({});
export type Revert = z.infer<typeof revertBody>;
export const deleteSnapshotQuery = z.strictObject({
  /** `forget`: drop the name, keep the layer. */
  mode: z.enum(['forget']).default('forget'),
  plan: flagQuery.optional(),
  ...waitQuery,
});

/** `linked`: overlays on the layers that are there. `full`: files of its own, standing on nothing. */
const copyMode = z.enum(['linked', 'full']);
export const branchBody = z.strictObject({ name: displayName, mode: copyMode.default('linked'), useReserve });
export type Branch = z.infer<typeof branchBody>;
export const duplicateBody = z.strictObject({
  name: displayName,
  mode: copyMode.default('full'),
  useReserve,
});
export type Duplicate = z.infer<typeof duplicateBody>;
