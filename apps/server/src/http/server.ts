import { serializerCompiler, validatorCompiler } from '@fastify/type-provider-zod';
import Fastify, { type FastifyInstance, LogController } from 'fastify';
import type { Config } from '../config.ts';
import { type AuthDeps, registerAuth } from './auth.ts';
import { registerChangePace } from './change-pace.ts';
import { registerErrors, sendError } from './errors.ts';
import { registerGuard } from './guard.ts';
import { registerJsonBody } from './json-body.ts';
import { registerOpenApi } from './openapi.ts';
import { registerRequestTime } from './request-time.ts';
import { registerSecurityHeaders, securityHeaders } from './security-headers.ts';
import { registerWebSockets } from './websocket.ts';

/** security.md §6. The headers are timed by Node, the rest of a request by request-time.ts. */
export const httpLimits = {
  bodyLimit: 64 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
  keepAliveTimeout: 5_000,
  maxParamLength: 64,
  maxConnections: 256,
} as const;

export type HttpLimits = { readonly [Name in keyof typeof httpLimits]: number };

const clientErrorStatus: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** What Node's HTTP parser refuses never becomes a request; it is answered on the bare socket. */
const answerClientError = (
  error: NodeJS.ErrnoException,
  socket: { writable: boolean; end(data: string): void; destroy(): void },
): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = clientErrorStatus[error.code ?? ''] ?? '400 Bad Request';
  const headers = Object.entries({ ...securityHeaders, connection: 'close', 'content-length': '0' });
  socket.end(`HTTP/1.1 ${status}\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
};

/** Logs go to stderr: stdout has the ready line and nothing else. No addresses with queries, no bodies, no tokens. */
const loggerOptions = (level: Config['logLevel']) =>
  level === 'silent'
    ? false
    : {
        level,
        stream: process.stderr,
        serializers: {
          req: (request: { method: string; url: string }) => ({
            method: request.method,
            path: request.url.split('?', 1)[0],
          }),
        },
      };

/** Fastify says null where there is no body; the contract's optional bodies are simply left out. */
const bodyMayBeMissing: typeof validatorCompiler = (route) => {
  const validate = validatorCompiler(route);
  return route.httpPart === 'body' ? (data: unknown) => validate(data ?? undefined) : validate;
};

/** Fastify with everything that holds for each route, in the order in which a request meets it. */
export const createHttpServer = async (
  config: Pick<Config, 'host' | 'logLevel' | 'version'>,
  auth: AuthDeps,
  limits: HttpLimits = httpLimits,
): Promise<{ app: FastifyInstance; methodsOf(path: string): string[] }> => {
  const app = Fastify({
    logger: loggerOptions(config.logLevel),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.bodyLimit,
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeout,
    http: {
      headersTimeout: limits.headersTimeout,
      connectionsCheckingInterval: limits.connectionsCheckingInterval,
    },
    routerOptions: { maxParamLength: limits.maxParamLength },
    forceCloseConnections: true,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => {
      reply.headers(securityHeaders);
      sendError(error, request, reply);
    },
  });
  app.server.maxConnections = limits.maxConnections;
  app.setValidatorCompiler(bodyMayBeMissing);
  app.setSerializerCompiler(serializerCompiler);

  const { methodsOf } = registerErrors(app);
  // First, because it marks upgrades: a refused one is then hung up after its answer.
  await registerWebSockets(app);
  registerSecurityHeaders(app);
  registerRequestTime(app, limits.requestTimeout, ({ raw: { socket } }) => {
    answerClientError({ name: '', message: '', code: 'ERR_HTTP_REQUEST_TIMEOUT' }, socket);
    socket.destroySoon();
  });
  registerGuard(app, config.host);
  registerJsonBody(app);
  registerAuth(app, auth);
  registerChangePace(app);
  await registerOpenApi(app, config.version);
  return { app, methodsOf };
};
