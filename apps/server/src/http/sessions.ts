import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../app-error.ts';
import { Answer, bind } from './bind.ts';
import type { FailureBrake } from './failure-brake.ts';
import { createOneTimeSecrets } from './one-time-secrets.ts';
import { type Tickets, ticketLifeSeconds } from './tickets.ts';

/** Codes for the link that Strata opens itself: other users of the host can read a command line, and use it first. */
export interface StartCodes {
  issue(): string;
  redeem(code: string): boolean;
}

export const createStartCodes = (now?: () => number): StartCodes => {
  const secrets = createOneTimeSecrets<true>(60, now);
  return { issue: () => secrets.issue(true), redeem: (code) => secrets.redeem(code) !== null };
};

export interface AccessDeps {
  readonly token: string;
  readonly startCodes: StartCodes;
  readonly tickets: Tickets;
  readonly brake: FailureBrake;
}

/** The two calls that give access: the token for a start code, a ticket for the token. */
export const accessRoutes = (app: FastifyInstance, deps: AccessDeps): void => {
  bind(app, endpoints.openSession, async ({ body }) => {
    if (deps.startCodes.redeem(body.code)) return { token: deps.token };
    await deps.brake.failed();
    throw new AppError(
      'unauthorized',
      'This start link was used already or is older than a minute. Use the link that Strata printed when it started.',
    );
  });
  bind(app, endpoints.createTicket, ({ body }) => {
    const ticket = deps.tickets.issue({ purpose: body.purpose, vmId: body.vmId ?? null, path: body.path });
    return new Answer(201, { ticket, expiresInSeconds: ticketLifeSeconds });
  });
};
