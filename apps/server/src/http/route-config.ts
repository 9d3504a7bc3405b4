import type { TicketPurpose } from '@strata/contract';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers without the token: the static shell, `POST /session`, `/healthz`, the API's description. */
    anonymous?: boolean;
    /** The route is a WebSocket; a ticket for this purpose opens it. */
    socket?: TicketPurpose;
    /** A file to be saved: a ticket for its very address opens it. */
    download?: boolean;
    /** Many calls make one change: the pace of changes is not theirs. */
    unpaced?: boolean;
    /** Its body may be as large as a disk: it only must not stand still. */
    slow?: boolean;
  }
}
