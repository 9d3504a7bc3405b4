import { apiPrefix, type TicketPurpose, webSocketProtocol } from '@strata/contract';
import { WebSocket } from 'ws';
import type { TestServer } from './test-app.ts';

type Server = Pick<TestServer, 'port' | 'token' | 'request'>;

export interface ClientOptions {
  readonly ticket?: string | null;
  readonly bearer?: string | null;
  readonly origin?: string | null;
  readonly host?: string;
}

/** A socket that has not been waited for. Without options it comes as a script does: with the bearer, no Origin. */
export const openSocket = (server: Server, path: string, options: ClientOptions = {}): WebSocket => {
  const { ticket = null, bearer = ticket === null ? server.token : null, origin = null } = options;
  const protocols = ticket === null ? [] : [webSocketProtocol, `t.${ticket}`];
  return new WebSocket(`ws://127.0.0.1:${server.port}${apiPrefix}${path}`, protocols, {
    headers: {
      ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
      ...(origin === null ? {} : { origin }),
      ...(options.host === undefined ? {} : { host: options.host }),
    },
  });
};

/** 101 when the socket opened, else the HTTP status of the refusal. */
export const upgradeStatus = (socket: WebSocket): Promise<number> =>
  new Promise((resolve, reject) => {
    socket.on('open', () => resolve(101));
    socket.on('unexpected-response', (request, response) => {
      resolve(response.statusCode ?? 0);
      request.destroy();
    });
    socket.on('error', reject);
  });

/** As a browser does it: a fresh ticket, and the page's origin. */
export const openAsPage = async (
  server: Server,
  path: string,
  purpose: TicketPurpose,
  vmId?: string,
): Promise<WebSocket> => {
  const { body } = await server.request('POST', '/tickets', {
    purpose,
    ...(vmId === undefined ? {} : { vmId }),
  });
  const { ticket } = body as { ticket: string };
  return openSocket(server, path, { ticket, origin: `http://127.0.0.1:${server.port}` });
};

export const closeCode = (socket: WebSocket): Promise<number> =>
  new Promise((resolve) => {
    socket.on('close', resolve);
  });
