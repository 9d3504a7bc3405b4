import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../http/bind.ts';
import { operationAnswer } from '../operations/operation-answer.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import type { DownloadsService } from './downloads.service.ts';

export const downloadsRoutes = (
  app: FastifyInstance,
  downloads: DownloadsService,
  operations: OperationsService,
): void => {
  bind(app, endpoints.downloadImage, ({ params, query }, { reply }) => {
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    return downloads.image(params.id, query, gone.signal);
  });
  bind(app, endpoints.prepareDownload, async ({ params, body, query }) =>
    operationAnswer(operations, await downloads.prepare(params.id, body), query.wait),
  );
  bind(app, endpoints.listDownloads, async () => {
    const items = await downloads.list();
    return { items, total: items.length };
  });
  bind(app, endpoints.fetchDownload, ({ params }) => downloads.fetch(params.id));
  bind(app, endpoints.deleteDownload, async ({ params }) => {
    await downloads.remove(params.id);
    return { ok: true as const };
  });
};
