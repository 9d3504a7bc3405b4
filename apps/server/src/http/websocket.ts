import websocket from '@fastify/websocket';
import { apiPrefix, type TicketPurpose } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import { watchSocket } from './socket-health.ts';
import { createSocketRegistry, type SocketRegistry } from './socket-registry.ts';
import { selectProtocol } from './tickets.ts';

declare module 'fastify' {
  interface FastifyInstance {
    sockets: SocketRegistry;
  }
}

/** The largest message of any socket: a paste into a console. */
const largestMessage = 1024 ** 2;

export interface SocketRoute<Params extends z.ZodType> {
  /** Below `/api/v1`. */
  readonly path: `/${string}`;
  /** What a ticket must have been issued for; with `:id` in the path also for that VM. */
  readonly purpose: TicketPurpose;
  readonly params?: Params;
  /** The largest message taken from a client; larger ones close the socket (1009). */
  readonly largestMessage?: number;
  /** Asked before the upgrade: what it throws is answered as a problem, without a socket. */
  check?(params: z.output<Params>): void | Promise<void>;
}

/** Closes with 4000 + the HTTP status (4404, 4409, …); the reason is the code of the contract. */
export const closeWith = (socket: WebSocket, error: AppError): void =>
  socket.close(4000 + error.status, error.code);

const vmIdOf = (params: unknown): string | null =>
  typeof params === 'object' && params !== null && 'id' in params ? String(params.id) : null;

/** Before any socket route: the plugin with our limits, and the registry of open sockets. */
export const registerWebSockets = async (app: FastifyInstance): Promise<void> => {
  app.decorate('sockets', createSocketRegistry());
  await app.register(websocket, {
    options: { perMessageDeflate: false, maxPayload: largestMessage, handleProtocols: selectProtocol },
    errorHandler: (error, socket, request) => {
      if (error instanceof AppError) return closeWith(socket, error);
      // What `ws` itself refuses (a message too large, a bad frame) has closed the socket already.
      request.log.debug({ err: error }, 'a WebSocket failed');
      socket.close(1011, 'internal-error');
    },
    preClose(done) {
      app.sockets.closeAll(1001, 'closing');
      // A peer that does not answer must not keep the server from ending.
      const cut = setTimeout(() => {
        for (const client of app.websocketServer.clients) client.terminate();
      }, 500);
      app.websocketServer.close(() => clearTimeout(cut));
      done();
    },
  });
};

/**
 * Registers a WebSocket with everything all of them need: authentication by ticket or bearer (auth.ts), limits on
 * their number, pings, and an end for readers that do not read. The handler must attach its listeners at once.
 */
export const bindSocket = <Params extends z.ZodType>(
  app: FastifyInstance,
  route: SocketRoute<Params>,
  handler: (socket: WebSocket, params: z.output<Params>) => void | Promise<void>,
): void => {
  app.get(
    apiPrefix + route.path,
    {
      websocket: true,
      config: { socket: route.purpose },
      schema: { hide: true, params: route.params ?? z.strictObject({}) },
      preHandler: async (request) => {
        if (!request.ws) return;
        await route.check?.(request.params as z.output<Params>);
        app.sockets.admit({ purpose: route.purpose, vmId: vmIdOf(request.params) });
      },
    },
    (socket, request) => {
      app.sockets.add(socket, { purpose: route.purpose, vmId: vmIdOf(request.params) });
      watchSocket(socket, request.raw.socket);
      const largest = route.largestMessage ?? largestMessage;
      socket.on('message', (data) => {
        const length = Array.isArray(data) ? Buffer.concat(data).length : data.byteLength;
        if (length > largest) socket.close(1009, 'message too large');
      });
      return handler(socket, request.params as z.output<Params>);
    },
  );
};
