import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../../http/bind.ts';
import { operationAnswer } from '../../operations/operation-answer.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import type { ConvertService } from './convert.service.ts';

export const convertRoutes = (
  app: FastifyInstance,
  conversions: ConvertService,
  operations: OperationsService,
): void => {
  bind(app, endpoints.convertImage, async ({ params, body, query }) =>
    body.plan === true
      ? conversions.forecast(params.id, body)
      : operationAnswer(operations, await conversions.run(params.id, body), query.wait),
  );
};
