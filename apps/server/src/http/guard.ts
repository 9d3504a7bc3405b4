import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../app-error.ts';

const loopbackNames: readonly string[] = ['127.0.0.1', 'localhost', '[::1]'];

const headerValues = (request: IncomingMessage, name: string): string[] => {
  const values: string[] = [];
  // Not `request.headers`: Node keeps the first of two Host headers and drops the other (security.md, SEC-02).
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2)
    if (request.rawHeaders[index]?.toLowerCase() === name) values.push(request.rawHeaders[index + 1] ?? '');
  return values;
};

const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::';

const bracketed = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host);

/** `name`, `name:port`, `[v6]:port` → the name. Any port: the dashboard may be reached through an SSH forward. */
const nameOf = (hostHeader: string): string | null =>
  /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?$/i.exec(hostHeader)?.[1]?.toLowerCase() ?? null;

const createHostCheck = (listenHost: string): ((name: string) => boolean) => {
  const names = new Set([...loopbackNames, ...(isWildcard(listenHost) ? [] : [bracketed(listenHost)])]);
  return (name) => {
    if (names.has(name)) return true;
    // Whoever listens on all addresses is reached by any of them. DNS rebinding needs a *name*, so an address
    // is safe to accept; `0.0.0.0` is not an address one is reached by.
    const address = name.replace(/^\[|\]$/g, '');
    return isWildcard(listenHost) && isIP(address) !== 0 && !isWildcard(address);
  };
};

/** Why a request is not let in by where it comes from, or null. Looks at headers only. */
export const createGuard = (
  listenHost: string,
): ((request: IncomingMessage, upgrade: boolean) => AppError | null) => {
  const isOurs = createHostCheck(listenHost);
  return (request, upgrade) => {
    const [host, ...otherHosts] = headerValues(request, 'host');
    if (host === undefined || otherHosts.length > 0)
      return new AppError('invalid-request', 'The request must have exactly one Host header.');
    const name = nameOf(host);
    if (name === null || !isOurs(name))
      return new AppError(
        'wrong-host',
        `Strata does not answer for this host name. Open it as http://127.0.0.1 with its port.`,
      );
    const origins = headerValues(request, 'origin');
    if (origins.some((origin) => origin !== `http://${host}`))
      return new AppError('forbidden-origin', 'Another web page tried to use Strata.');
    const sites = headerValues(request, 'sec-fetch-site');
    if (sites.some((site) => site !== 'same-origin' && site !== 'none'))
      return new AppError('forbidden-origin', 'Another web page tried to use Strata.');
    // A browser always sends it on an upgrade. Other clients show the token itself, which no page can make a browser send.
    if (upgrade && origins.length === 0 && request.headers.authorization === undefined)
      return new AppError(
        'forbidden-origin',
        'A WebSocket needs an Origin header, or the token in an Authorization header.',
      );
    return null;
  };
};

/** First of all hooks: before authentication and routing, for static files and upgrades as well. */
export const registerGuard = (app: FastifyInstance, listenHost: string): void => {
  const refusal = createGuard(listenHost);
  app.addHook('onRequest', async (request) => {
    const refused = refusal(request.raw, request.raw.headers.upgrade !== undefined);
    if (refused !== null) throw refused;
  });
};
