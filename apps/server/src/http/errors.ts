import { apiPrefix, errorCodes, type ProblemDetails } from '@strata/contract';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../app-error.ts';
import { validationProblems } from './validation-problems.ts';

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';

const storeError = (error: unknown, code: string): AppError | null => {
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT')
    return new AppError(
      'disk-full',
      'The disk is full. Free some space and try again.',
      {},
      { cause: error },
    );
  if (/^SQLITE_(READONLY|CANTOPEN|IOERR)/.test(code) || code === 'EROFS')
    return new AppError(
      'read-only',
      'The data folder cannot be written. Check its disk and its permissions.',
      {},
      { cause: error },
    );
  return null;
};

const requestError = (error: FastifyError): AppError | null => {
  if (error.validation !== undefined) {
    const errors = validationProblems(error);
    const first = errors[0];
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    const detail =
      first === undefined
        ? 'The request is not valid.'
        : `${first.path || 'The body'}: ${first.message}${more}`;
    return new AppError('invalid-request', detail, { errors });
  }
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new AppError('body-too-large', 'The body of a request may have at most 64 KiB.');
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new AppError('unsupported-media-type', 'Send the body as application/json.');
  if (error.code === 'FST_ERR_MAX_PARAM_LENGTH')
    return new AppError('not-found', 'There is no such address.');
  const status = error.statusCode ?? 500;
  return status >= 400 && status < 500 ? new AppError('invalid-request', error.message) : null;
};

/** Whatever was thrown, as what goes out. Only `internal-error` hides what it was: that is in the log. */
export const toAppError = (error: unknown): AppError => {
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  return (
    storeError(error, code) ??
    requestError(error as FastifyError) ??
    new AppError(
      'internal-error',
      'Something unexpected happened. The log of the server has the details under this request id.',
      {},
      { cause: error },
    )
  );
};

export const toProblem = (error: AppError, requestId: string): ProblemDetails => ({
  type: `urn:strata:problem:${error.code}`,
  title: errorCodes[error.code].title,
  status: error.status,
  detail: error.message,
  code: error.code,
  requestId,
  ...error.extras,
});

const logFailure = (request: FastifyRequest, error: AppError): void => {
  if (error.status < 500) return;
  request.log.error({ err: error.cause ?? error, code: error.code }, 'a request failed');
};

export const sendError = (thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const error = toAppError(thrown);
  logFailure(request, error);
  // A string, so that no response schema of the route is applied to it.
  return reply
    .code(error.status)
    .type('application/problem+json')
    .send(JSON.stringify(toProblem(error, request.id)));
};

/** `/vms/:id` → a pattern of addresses, to tell an unknown address from a wrong method. */
const patternOf = (url: string): RegExp =>
  new RegExp(`^${url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[a-zA-Z]+/g, '[^/]+')}$`);

/** Must be called before any route is registered. */
export const registerErrors = (app: FastifyInstance): { methodsOf(path: string): string[] } => {
  const known = new Map<string, { pattern: RegExp; methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    const route = known.get(url) ?? { pattern: patternOf(url), methods: new Set() };
    for (const name of [method].flat()) route.methods.add(name);
    known.set(url, route);
  });
  app.setErrorHandler(sendError);
  return {
    methodsOf: (path) => [
      ...new Set(
        [...known.values()]
          .filter(({ pattern }) => pattern.test(path))
          .flatMap(({ methods }) => [...methods]),
      ),
    ],
  };
};

const pathOf = (url: string): string => url.split('?', 1)[0] ?? url;

/** What is answered where no route is: 405 with `Allow` when another method would fit, else 404. */
export const answerUnknown = (
  request: FastifyRequest,
  reply: FastifyReply,
  methodsOf: (path: string) => string[],
): FastifyReply => {
  const methods = methodsOf(pathOf(request.url));
  if (methods.length > 0) {
    reply.header('allow', methods.join(', '));
    return sendError(
      new AppError('method-not-allowed', `This address takes ${methods.join(', ')}.`),
      request,
      reply,
    );
  }
  const hint = request.url.startsWith(`${apiPrefix}/`) ? '' : ` The API is below ${apiPrefix}.`;
  return sendError(new AppError('not-found', `There is no such address.${hint}`), request, reply);
};
