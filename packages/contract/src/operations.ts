import { z } from 'zod';
import { bytes, id, list, listQuery, time } from './common.ts';

export const operationState = z.enum([
  'queued',
  'running',
  'paused',
  'finishing',
  'done',
  'failed',
  'cancelled',
]);
export type OperationState = z.infer<typeof operationState>;
export const operationKind = z.enum([
  'commit',
  'pull',
  'flatten',
  'delete',
  'rebase',
  'compact',
  'move',
  'promote',
  'snapshot-take',
  'snapshot-revert',
  'snapshot-forget',
  'snapshot-delete',
  'snapshot-delete-internal',
  'snapshot-compare',
  'vm-suspend',
  'vm-branch',
  'vm-duplicate',
  'vm-export',
  'image-copy',
  'image-rename',
  'image-check',
  'image-export',
  'image-checksum',
  'image-resize',
  'image-extend',
  'image-convert',
  'image-repair',
  'image-import',
  'image-make',
  'device-read',
  'device-write',
  'images-check',
  'images-measure',
  'images-move',
  'folder-adopt',
]);
export type OperationKind = z.infer<typeof operationKind>;

export const operation = z.object({
  id,
  kind: operationKind,
  title: z.string(),
  state: operationState,
  progress: z.object({
    done: z.number(),
    total: z.number(),
    unit: z.enum(['bytes', 'steps']),
    bytesPerSecond: z.number().nullable(),
    etaSeconds: z.number().nullable(),
  }),
  steps: z.array(
    z.object({ text: z.string(), state: z.enum(['todo', 'running', 'done', 'failed']), at: time.nullable() }),
  ),
  /** Why it is paused, when not by the user: `no-space`. */
  pausedBecause: z.string().nullable(),
  /** What cancelling would leave behind, in words. */
  cancelNote: z.string().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  /** How an operation that a crash interrupted was brought to its end. */
  recovery: z.string().nullable(),
  result: z.record(z.string(), z.unknown()).optional(),
  /** How far a job that walks the disk is on it, and into which layer its data goes: `done` does not count the holes. */
  front: z.object({ into: id, at: z.number() }).optional(),
  /** Why it cannot be paused at this moment, or its speed not be limited; absent: it can. */
  cannotPause: z.string().optional(),
  cannotLimit: z.string().optional(),
  /** From which layer into which data goes, when it moves any. */
  moves: z.array(z.object({ from: id, to: id })).optional(),
  createdAt: time,
  startedAt: time.nullable(),
  endedAt: time.nullable(),
  subjects: z.array(z.object({ kind: z.enum(['vm', 'image', 'snapshot']), id, name: z.string() })),
});
export type Operation = z.infer<typeof operation>;
export const operationList = list(operation);
export const operationQuery = z.strictObject({
  ...listQuery,
  state: operationState.optional(),
  vm: id.optional(),
  image: id.optional(),
});
/** 0 is unlimited. */
export const patchOperationBody = z.strictObject({ bytesPerSecond: bytes });
