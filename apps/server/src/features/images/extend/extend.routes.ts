import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../../http/bind.ts';
import { operationAnswer } from '../../operations/operation-answer.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import type { ExtendService } from './extend.service.ts';

export const extendRoutes = (
  app: FastifyInstance,
  extending: ExtendService,
  operations: OperationsService,
): void => {
  bind(app, endpoints.extendImage, async ({ params, body, query }) =>
    body?.plan === true
      ? extending.plan(params.id)
      : operationAnswer(operations, await extending.run(params.id, body ?? {}), query.wait),
  );
};
