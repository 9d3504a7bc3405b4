import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../../http/bind.ts';
import type { ContentsService } from './contents.service.ts';

export const contentsRoutes = (app: FastifyInstance, contents: ContentsService): void => {
  bind(app, endpoints.getImageContents, ({ params }) => contents.contents(params.id));
  bind(app, endpoints.getImagePartitions, async ({ params }) => {
    const { scheme, sectorSize, items, problems } = await contents.disk(params.id);
    return { scheme, sectorSize, items, problems };
  });
};
