import type { Readable } from 'node:stream';
import { apiPrefix, endpoints, id } from '@strata/contract';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../app-error.ts';
import { Answer, bind } from '../../http/bind.ts';
import { operationAnswer } from '../operations/operation-answer.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import type { UploadsFeature } from './uploads.service.ts';

/** What a part of a file is sent as; the only body that is not JSON. */
const partType = 'application/offset+octet-stream';

const headersOf = ({ headers }: FastifyRequest): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );

/** Counting is on the length that was said before: without one nobody could tell where a part ends. */
const bodyOf = (request: FastifyRequest): Readable | null => {
  if (request.headers['content-type'] !== partType) return null;
  if (request.headers['content-length'] === undefined)
    throw new AppError('invalid-request', 'Send a part with its Content-Length.');
  return request.body as Readable;
};

export const uploadsRoutes = (
  app: FastifyInstance,
  uploads: UploadsFeature,
  operations: OperationsService,
): void => {
  const speak = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { method, url } = request;
    reply.header('tus-resumable', '1.0.0');
    const path = url.split('?', 1)[0] ?? url;
    const answer = await uploads.door.handle({
      method,
      url: path,
      headers: headersOf(request),
      body: bodyOf(request),
    });
    for (const [name, value] of answer.headers) reply.header(name, value);
    return reply.code(answer.status).send();
  };
  const params = z.strictObject({ id });
  const hidden = { hide: true };

  // Of its own scope: no other address takes a body that is not JSON.
  app.register(async (scope) => {
    scope.addContentTypeParser(partType, (_request, payload, done) => done(null, payload));
    // Its parts come as fast as the disk takes them, and no more than four at a time.
    const config = { unpaced: true, slow: true } as const;
    scope.post(`${apiPrefix}/uploads`, { schema: hidden }, speak);
    scope.head(`${apiPrefix}/uploads/:id`, { schema: { ...hidden, params } }, speak);
    scope.patch(`${apiPrefix}/uploads/:id`, { schema: { ...hidden, params }, config }, speak);

    bind(scope, endpoints.getUpload, ({ params }) => uploads.get(params.id));
    bind(scope, endpoints.deleteUpload, async ({ params }, { reply }) => {
      await uploads.remove(params.id);
      reply.header('tus-resumable', '1.0.0');
      return new Answer(204, null);
    });
  });
  bind(app, endpoints.listUploads, async () => {
    const items = await uploads.list();
    return { items, total: items.length };
  });
  bind(app, endpoints.importUpload, async ({ params, query }) =>
    operationAnswer(operations, await uploads.import(params.id), query.wait),
  );
};
