import { z } from 'zod';

/**
 * One change of one thing. `data` is the thing itself as its GET answers it (left out for `deleted` and when
 * it would be large). After `hello` with a `sequence` the client has not expected, or `resync`, it must fetch afresh.
 */
export const serverEvent = z.object({
  sequence: z.int(),
  type: z.enum([
    'hello',
    'resync',
    'vm',
    'image',
    'snapshot',
    'operation',
    'host',
    'folder',
    'trash',
    'export',
    'upload',
    'inside',
  ]),
  id: z.string(),
  change: z.enum(['created', 'updated', 'deleted']),
  data: z.unknown().optional(),
});
export type ServerEvent = z.infer<typeof serverEvent>;
export type ServerEventType = ServerEvent['type'];
