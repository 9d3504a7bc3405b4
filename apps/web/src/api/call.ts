import {
  apiPrefix,
  type Endpoint,
  type EndpointAnswer,
  type EndpointInput,
  type ProblemDetails,
} from '@strata/contract';
import { currentToken, setToken } from './access.ts';
import { ApiError } from './api-error.ts';

type Part<Name extends string, Value> = undefined extends Value
  ? { [key in Name]?: Value }
  : Partial<Value> extends Value
    ? { [key in Name]?: Value }
    : { [key in Name]: Value };
/** What a call takes: only the parts its endpoint has, and optional where all of it is. */
export type CallInput<E extends Endpoint> = Part<'params', EndpointInput<E>['params']> &
  Part<'query', EndpointInput<E>['query']> &
  Part<'body', EndpointInput<E>['body']> & { signal?: AbortSignal };
export type CallArguments<E extends Endpoint> =
  Partial<CallInput<E>> extends CallInput<E> ? [input?: CallInput<E>] : [input: CallInput<E>];

interface AnyInput {
  params?: unknown;
  query?: unknown;
  body?: unknown;
  signal?: AbortSignal;
}

/** One call of the HTTP contract: typed by its endpoint, answers the parsed body or throws an {@link ApiError}. */
export async function call<E extends Endpoint>(
  endpoint: E,
  ...[input]: CallArguments<E>
): Promise<EndpointAnswer<E>> {
  const response = await send(endpoint, (input ?? {}) as AnyInput);
  return (await response.json()) as EndpointAnswer<E>;
}

/** The same for answers that are not JSON (pictures). */
export async function callBinary<E extends Endpoint>(
  endpoint: E,
  ...[input]: CallArguments<E>
): Promise<Blob> {
  const response = await send(endpoint, (input ?? {}) as AnyInput);
  return response.blob();
}

/** A call with a token that is not kept (yet): how the login page proves one. */
export async function callWithToken<E extends Endpoint>(
  token: string,
  endpoint: E,
): Promise<EndpointAnswer<E>> {
  const response = await send(endpoint, {}, token);
  return (await response.json()) as EndpointAnswer<E>;
}

async function send(endpoint: Endpoint, input: AnyInput, usedToken = currentToken()): Promise<Response> {
  const headers: Record<string, string> = {};
  if (usedToken && !endpoint.anonymous) headers.authorization = `Bearer ${usedToken}`;
  const request: RequestInit = { method: endpoint.method, headers };
  if (input.body !== undefined) {
    headers['content-type'] = 'application/json';
    request.body = JSON.stringify(input.body);
  }
  if (input.signal) request.signal = input.signal;
  const response = await fetch(endpointUrl(endpoint, input), request).catch((cause: unknown) => {
    if (input.signal?.aborted) throw cause;
    throw new ApiError(unreachableProblem, { cause });
  });
  if (response.ok) return response;
  // Only the token that was refused is forgotten: a newer one may have come while the answer was on its way.
  if (response.status === 401 && !endpoint.anonymous && usedToken === currentToken()) setToken(null);
  throw new ApiError(await readProblem(response));
}

/** `/vms/:id` with its parameters and query filled in, below the prefix of the API. */
export function endpointUrl(endpoint: Endpoint, input: { params?: unknown; query?: unknown }): string {
  const params = (input.params ?? {}) as Record<string, string>;
  const path = endpoint.path.replace(/:([A-Za-z]+)/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ''),
  );
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries((input.query ?? {}) as Record<string, unknown>))
    if (value !== undefined) query.set(name, String(value));
  const search = query.toString();
  return `${apiPrefix}${path}${search ? `?${search}` : ''}`;
}

export const unreachableProblem: ProblemDetails = {
  type: 'about:blank',
  title: 'Strata is not reachable',
  status: 0,
  detail: 'The server did not answer. It may have been stopped; the page goes on by itself when it is back.',
  code: 'unreachable',
};

/** Of an answer that is no problem document. */
export const fallbackProblem = (status: number, statusText: string): ProblemDetails => ({
  type: 'about:blank',
  title: statusText || 'The server failed',
  status,
  detail: `The server answered ${status}.`,
  code: status === 502 || status === 504 ? 'unreachable' : 'internal-error',
});

async function readProblem(response: Response): Promise<ProblemDetails> {
  const fallback = fallbackProblem(response.status, response.statusText);
  const body: unknown = await response.json().catch(() => null);
  return body !== null && typeof body === 'object' && 'code' in body
    ? { ...fallback, ...(body as Partial<ProblemDetails>) }
    : fallback;
}
