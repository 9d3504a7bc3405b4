import type { Readable } from 'node:stream';
import {
  apiPrefix,
  type Endpoint,
  type EndpointAnswer,
  type EndpointRequest,
  type Operation,
  waitQuery,
} from '@strata/contract';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { SavedFile, sendFile } from './saved-file.ts';

/** An answer with a status of its own, where an endpoint has more than one. */
export class Answer<Body> {
  readonly status: number;
  readonly body: Body;

  constructor(status: number, body: Body) {
    this.status = status;
    this.body = body;
  }
}

/** Bytes instead of JSON, for endpoints whose response is `binary`. */
export class BinaryAnswer {
  readonly contentType: string;
  readonly payload: Buffer | Readable;

  constructor(contentType: string, payload: Buffer | Readable) {
    this.contentType = contentType;
    this.payload = payload;
  }
}

export const binary = (contentType: string, payload: Buffer | Readable): BinaryAnswer =>
  new BinaryAnswer(contentType, payload);

const ended: readonly Operation['state'][] = ['done', 'failed', 'cancelled'];

/** 202 with an operation that goes on, 200 with one that has ended (also a failed one: its `state` tells). */
export const accepted = (operation: Operation): Answer<Operation> =>
  new Answer(ended.includes(operation.state) ? 200 : 202, operation);

/** What the handler of an endpoint may answer; a bare value goes out with the endpoint's lowest status. */
export type HandlerAnswer<E extends Endpoint> =
  | EndpointAnswer<E>
  | Answer<EndpointAnswer<E>>
  | ('binary' extends E['responses'][keyof E['responses']] ? BinaryAnswer | SavedFile : never);

export type Handler<E extends Endpoint> = (
  request: EndpointRequest<E>,
  raw: { readonly request: FastifyRequest; readonly reply: FastifyReply },
) => Promise<HandlerAnswer<E>> | HandlerAnswer<E>;

// An option that an endpoint does not know must not be passed over in silence: `?plan=1` on a call that
// deletes would delete. Only `wait` may stand on every call: where nothing has to be waited for it is met at once.
const noQuery = z.strictObject(waitQuery);
const noBody = z.strictObject({}).optional();

const responseSchemas = (endpoint: Endpoint): Record<string, z.ZodType> =>
  Object.fromEntries(
    Object.entries(endpoint.responses).filter(
      (entry): entry is [string, z.ZodType] => entry[1] instanceof z.ZodType,
    ),
  );

/** Registers one call of the contract: its schemas validate, type the handler and describe the call in OpenAPI. */
export const bind = <E extends Endpoint>(app: FastifyInstance, endpoint: E, handler: Handler<E>): void => {
  const takesBody = endpoint.method !== 'GET';
  const usualStatus = Math.min(...Object.keys(endpoint.responses).map(Number));
  app.route({
    method: endpoint.method,
    url: apiPrefix + endpoint.path,
    config: { anonymous: endpoint.anonymous === true, download: endpoint.download === true },
    schema: {
      summary: endpoint.summary,
      tags: [endpoint.path.split('/')[1] ?? ''],
      ...(endpoint.params === undefined ? {} : { params: endpoint.params }),
      querystring: endpoint.query ?? noQuery,
      ...(takesBody ? { body: endpoint.body ?? noBody } : {}),
      response: responseSchemas(endpoint),
    },
    handler: async (request, reply) => {
      const { params, query } = request;
      const body = request.body ?? undefined;
      const result: unknown = await handler({ params, query, body } as EndpointRequest<E>, {
        request,
        reply,
      });
      if (result instanceof SavedFile) return sendFile(request, reply, result);
      if (result instanceof BinaryAnswer)
        return reply.code(usualStatus).type(result.contentType).send(result.payload);
      if (result instanceof Answer) return reply.code(result.status).send(result.body);
      return reply.code(usualStatus).send(result);
    },
  });
};
