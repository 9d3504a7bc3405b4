import { apiPrefix, endpoints, type TicketPurpose, webSocketProtocol } from '@strata/contract';
import { call } from './call.ts';

/** A WebSocket of the API, opened with a single-use ticket (security.md, SEC-05). */
export async function openSocket(
  path: string,
  purpose: TicketPurpose,
  vmId?: string,
  signal?: AbortSignal,
): Promise<WebSocket> {
  const { ticket } = await call(endpoints.createTicket, {
    body: vmId === undefined ? { purpose } : { purpose, vmId },
    ...(signal ? { signal } : {}),
  });
  signal?.throwIfAborted();
  const url = new URL(`${apiPrefix}${path}`, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(url, [webSocketProtocol, `t.${ticket}`]);
  socket.binaryType = 'arraybuffer';
  return socket;
}
