import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../http/bind.ts';
import { operationAnswer } from '../operations/operation-answer.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import type { ImportsService } from './imports.types.ts';

export const importsRoutes = (
  app: FastifyInstance,
  imports: ImportsService,
  operations: OperationsService,
): void => {
  bind(app, endpoints.unpackImage, async ({ body, query }) =>
    operationAnswer(operations, await imports.unpack(body), query.wait),
  );
};
