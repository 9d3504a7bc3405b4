import { type TicketPurpose, webSocketProtocol } from '@strata/contract';
import { createOneTimeSecrets } from './one-time-secrets.ts';

export const ticketLifeSeconds = 30;

interface TicketGrant {
  readonly purpose: TicketPurpose;
  readonly vmId: string | null;
}

/** Tickets for WebSockets: browsers cannot set a header on an upgrade, and a token in the address would be logged. */
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
      return grant !== null && grant.purpose === wanted.purpose && grant.vmId === wanted.vmId;
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

/** The server answers its own protocol and never echoes the ticket. */
export const selectProtocol = (protocols: Set<string>): string | false =>
  protocols.has(webSocketProtocol) ? webSocketProtocol : false;
