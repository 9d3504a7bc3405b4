import type {} from '@fastify/websocket';
import { apiPrefix } from '@strata/contract';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../app-error.ts';
import { createTokenCheck } from './access-token.ts';
import type { FailureBrake } from './failure-brake.ts';
import { downloadTicketOf, type Tickets, ticketOf } from './tickets.ts';

export interface AuthDeps {
  readonly token: string;
  readonly tickets: Tickets;
  readonly brake: FailureBrake;
}

const bearerOf = (header: string | undefined): string | null =>
  /^Bearer ([\x21-\x7e]{1,512})$/i.exec(header ?? '')?.[1] ?? null;

const vmIdOf = (request: FastifyRequest): string | null => {
  const { params } = request;
  const id: unknown = typeof params === 'object' && params !== null && 'id' in params ? params.id : undefined;
  return typeof id === 'string' ? id : null;
};

/** The web app's own addresses: its router knows them, the server answers all of them with the same page. */
const isPage = (request: FastifyRequest): boolean => request.is404 && !/^\/api(\/|\?|$)/.test(request.url);

/**
 * Everything needs the token, unless its route says `anonymous`. Below `/api` routes that do not exist need it
 * too, so that a stranger does not learn which ones do.
 */
export const registerAuth = (app: FastifyInstance, deps: AuthDeps): void => {
  const isToken = createTokenCheck(deps.token);

  const redeemTicket = (request: FastifyRequest, ticket: string): boolean => {
    const purpose = request.routeOptions.config.socket;
    return purpose !== undefined && deps.tickets.redeem(ticket, { purpose, vmId: vmIdOf(request) });
  };

  const redeemDownload = (request: FastifyRequest): boolean => {
    if (request.routeOptions.config.download !== true) return false;
    const asked = downloadTicketOf(request.url.slice(apiPrefix.length));
    return (
      asked !== null &&
      deps.tickets.redeem(asked.ticket, { purpose: 'download', vmId: null, path: asked.path })
    );
  };

  app.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.anonymous === true || isPage(request)) return;
    const bearer = bearerOf(request.headers.authorization);
    if (bearer !== null && isToken(bearer)) return;
    const ticket = request.ws ? ticketOf(request.headers['sec-websocket-protocol']) : null;
    if (bearer === null && ticket !== null && redeemTicket(request, ticket)) return;
    if (bearer === null && redeemDownload(request)) return;
    if (request.headers.authorization !== undefined || ticket !== null) await deps.brake.failed();
    throw new AppError(
      'unauthorized',
      ticket === null
        ? 'Send the access token as "Authorization: Bearer TOKEN". It is in the link that Strata printed when it started.'
        : 'The ticket was used already, is older than 30 seconds, or is for something else.',
    );
  });
};
