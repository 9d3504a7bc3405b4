import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../../http/bind.ts';
import { operationAnswer } from '../../operations/operation-answer.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import type { ManyImagesService } from './many-images.service.ts';

export const manyImagesRoutes = (
  app: FastifyInstance,
  many: ManyImagesService,
  operations: OperationsService,
): void => {
  bind(app, endpoints.checkImages, async ({ body, query }) =>
    operationAnswer(operations, await many.check(body), query.wait),
  );
  bind(app, endpoints.measureImages, async ({ body, query }) =>
    operationAnswer(operations, await many.measure(body), query.wait),
  );
  bind(app, endpoints.moveImages, async ({ body, query }) =>
    operationAnswer(operations, await many.move(body), query.wait),
  );
};
