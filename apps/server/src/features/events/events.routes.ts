import type { ServerEvent } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import type { WebSocket } from 'ws';
import { bindSocket } from '../../http/websocket.ts';
import { newId } from '../../new-id.ts';
import type { EventsService } from './events.service.ts';

/** A page that lags behind this far gets no more events, but a `resync` when it has caught up. */
const mostBuffered = 256 * 1024;
const catchUpMilliseconds = 250;

/** Sends to one page; never queues without bound. */
const createFeed = (socket: WebSocket): ((event: ServerEvent) => void) => {
  let missed: ServerEvent | null = null;
  const catchUp = (): void => {
    if (missed === null || socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > 0) return void setTimeout(catchUp, catchUpMilliseconds).unref();
    const { sequence } = missed;
    missed = null;
    socket.send(JSON.stringify({ sequence, type: 'resync', id: 'all', change: 'updated' }));
  };
  return (event) => {
    if (socket.readyState !== socket.OPEN) return;
    const wasMissing = missed !== null;
    if (wasMissing || socket.bufferedAmount > mostBuffered) {
      missed = event;
      if (!wasMissing) setTimeout(catchUp, catchUpMilliseconds).unref();
    } else socket.send(JSON.stringify(event));
  };
};

/** The WebSocket of all changes. Its first message is `hello`, with the number of the last event before it. */
export const eventsRoutes = (app: FastifyInstance, events: EventsService): void => {
  const run = newId();
  bindSocket(app, { path: '/events', purpose: 'events', largestMessage: 64 * 1024 }, (socket) => {
    const feed = createFeed(socket);
    feed({ sequence: events.sequence, type: 'hello', id: run, change: 'updated' });
    const stop = events.onNumbered(feed);
    socket.once('close', stop);
  });
};
