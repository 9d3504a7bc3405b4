import type { TicketPurpose } from '@strata/contract';
import type { WebSocket } from 'ws';
import { AppError } from '../app-error.ts';

interface OpenSocket {
  readonly purpose: TicketPurpose;
  readonly vmId: string | null;
}

/** security.md §6: what one token may hold open. */
const mostSockets = 32;
const mostConsoles = 16;
const mostConsolesOfOneVm = 4;

/** All open WebSockets of this server. */
export interface SocketRegistry {
  /** Throws `rate-limited` when one more would be too many. */
  admit(wanted: OpenSocket): void;
  add(socket: WebSocket, open: OpenSocket): void;
  closeAll(code: number, reason: string): void;
  readonly size: number;
}

export const createSocketRegistry = (): SocketRegistry => {
  const sockets = new Map<WebSocket, OpenSocket>();
  const count = (matches: (open: OpenSocket) => boolean): number =>
    [...sockets.values()].filter(matches).length;
  return {
    admit: ({ purpose, vmId }) => {
      if (sockets.size >= mostSockets)
        throw new AppError('rate-limited', `More than ${mostSockets} WebSockets are open. Close some pages.`);
      if (purpose !== 'console') return;
      if (count((open) => open.purpose === 'console') >= mostConsoles)
        throw new AppError('rate-limited', `More than ${mostConsoles} consoles are open. Close some.`);
      if (count((open) => open.purpose === 'console' && open.vmId === vmId) >= mostConsolesOfOneVm)
        throw new AppError(
          'rate-limited',
          `The VM has ${mostConsolesOfOneVm} open consoles. Close one first.`,
        );
    },
    add: (socket, open) => {
      sockets.set(socket, open);
      socket.once('close', () => sockets.delete(socket));
    },
    closeAll: (code, reason) => {
      for (const socket of sockets.keys()) socket.close(code, reason);
    },
    get size() {
      return sockets.size;
    },
  };
};
