import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../../http/bind.ts';
import { operationAnswer } from '../../operations/operation-answer.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import type { ImageWorkService } from './image-work.service.ts';

export const imageWorkRoutes = (
  app: FastifyInstance,
  work: ImageWorkService,
  operations: OperationsService,
): void => {
  bind(app, endpoints.copyImage, async ({ params, body, query }) =>
    operationAnswer(operations, await work.copy(params.id, body), query.wait),
  );
  bind(app, endpoints.extractImage, async ({ params, body, query }) =>
    operationAnswer(operations, await work.extract(params.id, body), query.wait),
  );
  bind(app, endpoints.renameImage, async ({ params, body, query }) =>
    operationAnswer(operations, await work.rename(params.id, body), query.wait),
  );
  bind(app, endpoints.checkImage, async ({ params, body, query }) =>
    operationAnswer(operations, await work.check(params.id, body), query.wait),
  );
};
