import { z } from 'zod';
import { blocker } from './chains.ts';
import { bytes, id, waitQuery } from './common.ts';
import { endpoint } from './endpoint.ts';
import { operation } from './operations.ts';

export const extendImageBody = z.strictObject({
  /** Answers what would be done, and touches nothing. */
  plan: z.literal(true).optional(),
  /** Of the plan that was looked at. */
  fingerprint: z.string().max(100).optional(),
});
export type ExtendImage = z.infer<typeof extendImageBody>;

export const extendPlan = z.object({
  fingerprint: z.string(),
  imageId: id,
  diskSize: bytes,
  /** The last one, with its size now and then; null: the file system lies on the disk without a partition. */
  partition: z
    .object({ number: z.int(), typeName: z.string().nullable(), before: bytes, after: bytes })
    .nullable(),
  /** What lies in it; null: nothing that is known. */
  fileSystem: z
    .object({
      kind: z.string(),
      label: z.string().nullable(),
      /** As it says itself. */
      before: bytes.nullable(),
      /** About that; null: it stays as it is, and only the partition grows. */
      after: bytes.nullable(),
    })
    .nullable(),
  steps: z.array(z.string()),
  notes: z.array(z.string()),
  blockers: z.array(blocker),
});
export type ExtendPlan = z.infer<typeof extendPlan>;

export const extendEndpoints = {
  extendImage: endpoint({
    method: 'POST',
    path: '/images/:id/extend',
    summary:
      'Extend the last partition and its file system to the end of the disk; with `plan` only what that would be',
    params: z.strictObject({ id }),
    body: extendImageBody.optional(),
    query: z.strictObject(waitQuery),
    responses: { 200: z.union([operation, extendPlan]), 202: operation },
  }),
};
