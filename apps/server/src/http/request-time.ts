import type { FastifyInstance, FastifyRequest } from 'fastify';

/** What the whole request has come with so far, its connection included. */
const received = ({ raw }: FastifyRequest): number => raw.socket.bytesRead;

/** A request that came over no connection (`inject`) does not say, and is. */
const isComplete = ({ raw }: FastifyRequest): boolean => raw.complete !== false;

/**
 * A request has to be complete in time. Node's own limit knows no exception, and one request may carry a whole disk:
 * that one may take as long as it likes, but never stand still for so long.
 */
export const registerRequestTime = (
  app: FastifyInstance,
  milliseconds: number,
  cut: (request: FastifyRequest) => void,
): void => {
  app.addHook('onRequest', async (request, reply) => {
    if (request.ws) return;
    const { raw } = request;
    let before = received(request);
    const look = (): void => {
      if (isComplete(request) || raw.socket.destroyed) return;
      const now = received(request);
      // Once it was answered nobody waits for the rest.
      const mayGoOn = request.routeOptions.config.slow === true && now > before && !reply.raw.writableEnded;
      before = now;
      if (mayGoOn) timer.refresh();
      else cut(request);
    };
    const timer = setTimeout(look, milliseconds);
    timer.unref();
    reply.raw.once('close', () => {
      if (isComplete(request)) clearTimeout(timer);
    });
  });
};
