import { z } from 'zod';
import { time } from './common.ts';

const every = z.strictObject({
  count: z.int().min(1).max(1000),
  unit: z.enum(['minutes', 'hours', 'days']),
});

export const putScheduleBody = z
  .strictObject({
    enabled: z.boolean(),
    every,
    /** So many automatic snapshots stay; older ones are merged away. A renamed or described one is no longer automatic. */
    keep: z.int().min(1).max(100),
    /** With the memory of the VM, whenever it runs. */
    memory: z.boolean().default(false),
    /** Freezes the file systems whenever the guest agent is ready. Not with memory. */
    quiesce: z.boolean().default(false),
  })
  .refine(({ memory, quiesce }) => !(memory && quiesce), {
    path: ['quiesce'],
    message: 'is not needed with memory: what the guest has not written yet is in its memory',
  });
export type PutSchedule = z.infer<typeof putScheduleBody>;

/** Automatic snapshots of a VM; off until somebody wishes for them. */
export const snapshotSchedule = z.object({
  enabled: z.boolean(),
  every,
  keep: z.int(),
  memory: z.boolean(),
  quiesce: z.boolean(),
  nextAt: time.nullable(),
  last: z
    .object({
      at: time,
      /** `skipped`: there was nothing to take, or the VM was busy. `failed`: taking it, or merging an older one away. */
      outcome: z.enum(['taken', 'skipped', 'failed']),
      detail: z.string(),
      /** The operation that the outcome is of. */
      operationId: z.string().nullable(),
    })
    .nullable(),
});
export type SnapshotSchedule = z.infer<typeof snapshotSchedule>;
