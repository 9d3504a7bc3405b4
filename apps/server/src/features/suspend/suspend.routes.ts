import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../http/bind.ts';
import { operationAnswer } from '../operations/operation-answer.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import type { SuspendService } from './suspend.service.ts';

export const suspendRoutes = (
  app: FastifyInstance,
  service: SuspendService,
  operations: OperationsService,
): void =>
  bind(app, endpoints.suspendVm, async ({ params, query }) =>
    operationAnswer(operations, await service.suspend(params.id), query.wait),
  );
