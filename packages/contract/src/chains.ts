import { z } from 'zod';
import { bytes, displayName, hostPath, id, useReserve } from './common.ts';

export const commitRequest = z.strictObject({
  operation: z.literal('commit'),
  /** The uppermost layer whose data moves; may be the active layer. */
  top: id,
  /** The layer that receives it. */
  base: id,
});
export const pullRequest = z.strictObject({
  operation: z.literal('pull'),
  into: id,
  /** The lowest layer whose data is copied up, inclusive; all of them when left out. */
  from: id.optional(),
  deleteUnused: z.boolean().default(false),
});
/** Everything below is pulled up: the layer stands on nothing. */
export const flattenRequest = z.strictObject({ operation: z.literal('flatten'), imageId: id });
export const deleteLayerRequest = z.strictObject({
  operation: z.literal('delete'),
  imageId: id,
  /** `auto`: whichever is legal, loses fewer restore points and moves fewer bytes. */
  mode: z.enum(['auto', 'commit', 'pull']).default('auto'),
});
export const rebaseRequest = z.strictObject({
  operation: z.literal('rebase'),
  imageId: id,
  /** What it is to stand on; null: on nothing. */
  backing: id.nullable(),
  /** `safe`: it reads the same, whatever the backing holds. `relink`: only the link, to one that reads the same. */
  mode: z.enum(['safe', 'relink']).default('safe'),
  /** The old backing is gone and cannot be compared: the caller vouches that the new one reads the same. */
  assumeSame: z.boolean().optional(),
});
/** Zeros and unused clusters are given back; everybody reads the same. Offline. */
export const compactRequest = z.strictObject({ operation: z.literal('compact'), imageId: id });
/** Live when a running VM writes the image: its QEMU copies it and goes on there. Otherwise the file is moved. */
export const moveRequest = z.strictObject({
  operation: z.literal('move'),
  imageId: id,
  /** A folder of the library. */
  folder: hostPath,
});
/** The VM's disks continue on another branch: on its tip itself, or on a new overlay where something stands on it. */
export const promoteRequest = z.strictObject({
  operation: z.literal('promote'),
  vmId: id,
  disks: z
    .array(z.strictObject({ diskId: id, imageId: id }))
    .min(1)
    .max(16),
  /** A new overlay also where the disk could go on writing the layer itself. */
  overlay: z.boolean().default(false),
  /** What is left stays as a branch either way; with this also as a snapshot. */
  keepCurrent: z.boolean().default(false),
  /** The name of that snapshot. */
  name: displayName.optional(),
  /** A VM that runs is powered off for it; otherwise it is in the way. */
  powerOff: z.boolean().default(false),
  /** Start the VM afterwards; left out: running as it was. */
  start: z.boolean().optional(),
});
export type PromoteRequest = z.infer<typeof promoteRequest>;
const fingerprint = { fingerprint: z.string().max(200).optional() };
export const chainRequest = z.discriminatedUnion('operation', [
  commitRequest,
  pullRequest,
  flattenRequest,
  deleteLayerRequest,
  rebaseRequest,
  compactRequest,
  moveRequest,
  promoteRequest,
]);
export type ChainRequest = z.infer<typeof chainRequest>;
/** What is done to layers; a promote changes which of them a VM writes. */
export type LayerRequest = Exclude<ChainRequest, { operation: 'promote' }>;
export type CommitRequest = z.infer<typeof commitRequest>;
export type PullRequest = z.infer<typeof pullRequest>;
/** `fingerprint` is accepted when planning (and ignored), so that one body serves both calls. */
export const chainPlanBody = z.discriminatedUnion('operation', [
  commitRequest.extend(fingerprint),
  pullRequest.extend(fingerprint),
  flattenRequest.extend(fingerprint),
  deleteLayerRequest.extend(fingerprint),
  rebaseRequest.extend(fingerprint),
  compactRequest.extend(fingerprint),
  moveRequest.extend(fingerprint),
  promoteRequest.extend(fingerprint),
]);
const required = {
  fingerprint: z.string().min(1).max(200),
  /** A limit from the first byte on, as a PATCH of the operation would set it. */
  bytesPerSecond: bytes.optional(),
  useReserve,
};
/** Running takes the fingerprint of the plan that was looked at. */
export const chainRunBody = z.discriminatedUnion('operation', [
  commitRequest.extend(required),
  pullRequest.extend(required),
  flattenRequest.extend(required),
  deleteLayerRequest.extend(required),
  rebaseRequest.extend(required),
  compactRequest.extend(required),
  moveRequest.extend(required),
  promoteRequest.extend(required),
]);

export const blocker = z.object({
  code: z.string(),
  message: z.string(),
  /** What the refusal is about, when it is a thing with an id. */
  subjects: z.array(z.object({ kind: z.string(), id: z.string(), name: z.string() })).default([]),
});
export type Blocker = z.infer<typeof blocker>;

/** A layer as it stands in a plan's drawing. */
export const planLayer = z.object({
  imageId: id,
  name: z.string(),
  format: z.string(),
  allocatedBytes: bytes,
  snapshots: z.array(z.object({ id: z.string(), name: z.string() })),
  /** Names of VMs whose active layer this is. */
  activeOf: z.array(z.object({ id, name: z.string() })),
  /** It does not exist yet: the operation makes it, and `imageId` is a placeholder. */
  isNew: z.boolean().optional(),
});
/** Top first. */
export const planChain = z.object({ layers: z.array(planLayer) });

export const plan = z.object({
  /** Of everything the plan was computed from; running is refused when it has changed. */
  fingerprint: z.string(),
  operation: z.string(),
  /** What compacting gives back to the file system; an estimate from what was read of it unless `exact`. */
  gain: z.object({ bytes, exact: z.boolean(), scannedBytes: bytes }).optional(),
  /** How a deletion, a rebase, a compacting or a move would be done. */
  method: z
    .enum(['commit', 'pull', 'trash', 'copy', 'relink', 'rewrite', 'punch', 'mirror', 'link'])
    .optional(),
  /** Every way there is to delete a layer, the chosen one included. */
  choices: z
    .array(
      z.object({
        method: z.enum(['commit', 'pull', 'trash']),
        bytesToMove: bytes,
        live: z.boolean(),
        losesSnapshots: z.array(z.object({ id: z.string(), name: z.string() })),
        /** Why it cannot be done this way; null: it can. */
        impediment: z.string().nullable(),
      }),
    )
    .optional(),
  /** How snapshots would be deleted; `auto`: nothing is moved, or some of it down and some up. */
  mode: z.enum(['auto', 'commit', 'pull', 'forget']).optional(),
  /** Every way there is to delete snapshots, with its price. */
  modes: z
    .array(
      z.object({
        /** `auto`: of a tag inside the layers, which is neither. */
        mode: z.enum(['auto', 'commit', 'pull', 'forget']),
        possible: z.boolean(),
        /** Why not. */
        reason: z.string().optional(),
        bytesToMove: bytes,
        /** Bytes that it gives back, at least. */
        freed: bytes,
      }),
    )
    .optional(),
  /** In words, where there is nothing to do: the plan is of nothing, and is not run. */
  nothing: z.string().optional(),
  /** Bytes that it gives back, at least, where nothing is in the way; what goes to the trash is given back when that is emptied. */
  freed: bytes.optional(),
  /** Layers of deleted snapshots that stay, with what needs them. */
  keeps: z.array(z.object({ imageId: id, name: z.string(), because: z.string() })).optional(),
  /** In the QEMU of the running VM, or in a storage daemon. */
  live: z.boolean(),
  before: z.array(planChain),
  after: z.array(planChain),
  moves: z.array(z.object({ from: id, to: id, bytes })),
  bytesToMove: bytes,
  /** Bytes that must be free for the worst case, on the file system of the layer that grows. */
  freeSpaceNeeded: bytes,
  /** What of it is free without the reserve; null when the file system does not say. */
  freeSpace: bytes.nullable(),
  /** The same for each file system that something grows on, the tightest first. */
  spaces: z
    .array(
      z.object({
        mountPoint: z.string(),
        needed: bytes,
        /** Bytes free, the reserve included. */
        free: bytes.nullable(),
        reserve: bytes,
      }),
    )
    .optional(),
  deletes: z.array(
    z.object({
      imageId: id,
      path: z.string(),
      bytes,
      /** Where not all that goes, goes the same way. */
      toTrash: z.boolean().optional(),
    }),
  ),
  /** The deleted files can be restored from the trash. */
  toTrash: z.boolean().optional(),
  losesSnapshots: z.array(z.object({ id: z.string(), name: z.string() })),
  /** Snapshots that are kept and point to another layer afterwards, which reads the same. */
  movesSnapshots: z.array(z.object({ id: z.string(), name: z.string(), from: id, to: id })).optional(),
  /** With a promote: snapshots of the branch that the VM leaves. They stay where they are. */
  leavesSnapshots: z.array(z.object({ id: z.string(), name: z.string() })).optional(),
  /** Images whose backing link is rewritten to another layer, their contents unchanged. */
  relinks: z.array(z.object({ imageId: id, name: z.string(), from: id.nullable(), to: id.nullable() })),
  /** VMs whose disk continues on another layer. */
  switches: z.array(z.object({ vmId: id, diskId: id, from: id, to: id })),
  /** Of a move: where the file lies, and where it goes. */
  relocates: z.object({ imageId: id, from: z.string(), to: z.string() }).optional(),
  /** Layers nothing stands on any more afterwards; they stay unless the plan deletes them. */
  nowUnused: z.array(z.object({ imageId: id, name: z.string(), path: z.string(), bytes })),
  /** Of a revert: what the VM was then and is now, and becomes again if the hardware is restored. Only what differs. */
  hardware: z.array(z.object({ what: z.string(), then: z.string(), now: z.string() })).optional(),
  blockers: z.array(blocker),
  /** What happens, in order, in words. */
  steps: z.array(z.string()),
  /** The QMP or qemu-img commands it amounts to, and comments (`# …`) between them. */
  commands: z.array(z.string()),
  /** What cancelling it half-way would leave behind; absent when there is nothing to cancel. */
  cancelNote: z.string().optional(),
});
export type Plan = z.infer<typeof plan>;
