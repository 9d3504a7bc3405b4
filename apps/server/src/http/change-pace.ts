import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../app-error.ts';

/** security.md §6: what a person or a script does in a burst goes through at once; what never ends is slowed down. */
const perSecond = 20;
const burst = 60;
const longestWaitMilliseconds = 5_000;

interface Clock {
  now(): number;
  sleep(milliseconds: number): Promise<unknown>;
}

const realClock: Clock = { now: () => performance.now(), sleep };

/**
 * Paces changes at 20 a second after the first 60. A change that comes too early waits for its turn, so that a busy
 * client is slower and not refused; refused is what would have to wait for more than five seconds.
 */
export const createChangePace = ({ now, sleep }: Clock = realClock): (() => Promise<void>) => {
  const each = 1000 / perSecond;
  /** When everything that was let in would be done, at the pace. */
  let paidUntil = Number.NEGATIVE_INFINITY;
  return async () => {
    const at = now();
    const turn = Math.max(paidUntil, at - burst * each) + each;
    const wait = turn - at;
    if (wait > longestWaitMilliseconds)
      throw new AppError('rate-limited', 'Too many changes in a short time. Try again in a few seconds.');
    paidUntil = turn;
    if (wait > 0) await sleep(wait);
  };
};

const reads: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Plans and tickets are asked for by every page that is looked at, and change nothing. */
const isChange = ({ method, is404, query, routeOptions: { url = '', config } }: FastifyRequest): boolean => {
  if (reads.has(method) || is404 || config.anonymous === true || config.unpaced === true) return false;
  const asksForPlan = typeof query === 'object' && query !== null && 'plan' in query;
  return !asksForPlan && !/\/(plan|tickets)$/.test(url);
};

/** After authentication: who has no token does not use up the pace of who has. */
export const registerChangePace = (app: FastifyInstance, pace = createChangePace()): void => {
  app.addHook('onRequest', async (request) => {
    if (isChange(request)) await pace();
  });
};
