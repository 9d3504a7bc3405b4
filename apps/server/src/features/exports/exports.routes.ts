import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../http/bind.ts';
import type { ExportsService } from './exports.service.ts';

export const exportsRoutes = (app: FastifyInstance, exports: ExportsService): void => {
  bind(app, endpoints.listExports, () => {
    const items = exports.list();
    return { items, total: items.length };
  });
  bind(app, endpoints.createExport, ({ body }) => exports.create(body));
  bind(app, endpoints.getExport, ({ params }) => exports.get(params.id));
  bind(app, endpoints.deleteExport, async ({ params }) => {
    await exports.stop(params.id);
    return { ok: true as const };
  });
};
