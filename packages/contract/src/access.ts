import { z } from 'zod';
import { id } from './common.ts';

/** What a WebSocket ticket opens. Single use, 30 seconds (security.md, SEC-05). */
export const ticketPurpose = z.enum(['events', 'console', 'serial']);
export type TicketPurpose = z.infer<typeof ticketPurpose>;
export const ticketBody = z
  .strictObject({ purpose: ticketPurpose, vmId: id.optional() })
  .refine((body) => body.purpose === 'events' || body.vmId !== undefined, {
    path: ['vmId'],
    message: 'is needed for this purpose',
  });
export const ticket = z.object({ ticket: z.string(), expiresInSeconds: z.int() });
/** The one-time code of the link that Strata opens itself becomes the bearer token. */
export const sessionBody = z.strictObject({ code: z.string().min(8).max(200) });
export const session = z.object({ token: z.string() });

/** The subprotocol the server answers; the ticket is offered beside it as `t.TICKET`. */
export const webSocketProtocol = 'strata.v1';
