import { z } from 'zod';
import { id } from './common.ts';

/** What a ticket opens: a WebSocket, or one download. Single use, 30 seconds (security.md, SEC-05). */
export const ticketPurpose = z.enum(['events', 'console', 'serial', 'download']);
export type TicketPurpose = z.infer<typeof ticketPurpose>;
export const ticketBody = z
  .strictObject({
    purpose: ticketPurpose,
    vmId: id.optional(),
    /** Of a download: what is fetched, below `/api/v1`, with its query. The ticket is then its last parameter. */
    path: z
      .string()
      .max(2000)
      .regex(/^\/[\x21-\x7e]+$/, 'must be an address below the prefix of the API')
      .optional(),
  })
  .refine((body) => (body.purpose === 'download') === (body.path !== undefined), {
    path: ['path'],
    message: 'is needed for a download, and for nothing else',
  })
  .refine((body) => !['console', 'serial'].includes(body.purpose) || body.vmId !== undefined, {
    path: ['vmId'],
    message: 'is needed for this purpose',
  });
export const ticket = z.object({ ticket: z.string(), expiresInSeconds: z.int() });
/** The one-time code of the link that Strata opens itself becomes the bearer token. */
export const sessionBody = z.strictObject({ code: z.string().min(8).max(200) });
export const session = z.object({ token: z.string() });

/** The subprotocol the server answers; the ticket is offered beside it as `t.TICKET`. */
export const webSocketProtocol = 'strata.v1';
