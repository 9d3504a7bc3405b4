import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../../http/bind.ts';
import { operationAnswer } from '../../operations/operation-answer.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import type { ResizeService } from './resize.service.ts';

export const resizeRoutes = (
  app: FastifyInstance,
  resizing: ResizeService,
  operations: OperationsService,
): void => {
  bind(app, endpoints.resizeImage, async ({ params, body, query }) =>
    body.plan === true
      ? resizing.plan(params.id, body)
      : operationAnswer(operations, await resizing.run(params.id, body), query.wait),
  );
};
