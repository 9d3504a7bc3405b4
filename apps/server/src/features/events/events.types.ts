import type { ServerEvent } from '@strata/contract';

/** What every feature tells the pages. Coalesced per (type, id) and sent to all sockets; never blocks. */
export interface Events {
  publish(event: Omit<ServerEvent, 'sequence'>): void;
  /** For the server's own use (waiting on an operation, tests). Returns how to stop. */
  subscribe(listener: (event: Omit<ServerEvent, 'sequence'>) => void): () => void;
}
