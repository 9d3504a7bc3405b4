import { type TicketPurpose, webSocketProtocol } from '@strata/contract';
import { createOneTimeSecrets } from './one-time-secrets.ts';

export const ticketLifeSeconds = 30;

interface TicketGrant {
  readonly purpose: TicketPurpose;
  readonly vmId: string | null;
  /** Of a download: its address. */
  readonly path?: string | undefined;
}

/**
 * Tickets for WebSockets and for downloads: browsers cannot set a header on an upgrade or on what they save, and a token
 * in the address would be logged.
 */
export interface Tickets {
  issue(grant: TicketGrant): string;
  /** True once, for the purpose and the VM it was issued for. */
  redeem(ticket: string, wanted: TicketGrant): boolean;
}

export const createTickets = (now?: () => number): Tickets => {
  const secrets = createOneTimeSecrets<TicketGrant>(ticketLifeSeconds, now);
  return {
    issue: (grant) => secrets.issue(grant),
    redeem: (ticket, wanted) => {
      const grant = secrets.redeem(ticket);
      return (
        grant !== null &&
        grant.purpose === wanted.purpose &&
        grant.vmId === wanted.vmId &&
        grant.path === wanted.path
      );
    },
  };
};

const offered = (header: string | undefined): string[] =>
  (header ?? '').split(',').map((protocol) => protocol.trim());

/** The ticket among the offered subprotocols (`strata.v1, t.TICKET`), if there is exactly one. */
export const ticketOf = (protocolHeader: string | undefined): string | null => {
  const tickets = offered(protocolHeader).filter((protocol) => protocol.startsWith('t.'));
  return tickets.length === 1 ? (tickets[0]?.slice(2) ?? null) : null;
};

/** The address of a download and the ticket that is its last parameter, if there is one. */
export const downloadTicketOf = (url: string): { path: string; ticket: string } | null => {
  const [, path, ticket] = /^(.+)[?&]ticket=([A-Za-z0-9_-]{1,200})$/.exec(url) ?? [];
  return path === undefined || ticket === undefined ? null : { path, ticket };
};

/** The server answers its own protocol and never echoes the ticket. */
export const selectProtocol = (protocols: Set<string>): string | false =>
  protocols.has(webSocketProtocol) ? webSocketProtocol : false;
