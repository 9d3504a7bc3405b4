import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../http/bind.ts';
import { operationAnswer } from '../operations/operation-answer.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import type { VmExportService } from './vm-export.service.ts';

export const vmExportRoutes = (
  app: FastifyInstance,
  exports: VmExportService,
  operations: OperationsService,
): void => {
  bind(app, endpoints.exportVm, async ({ params, body, query }) =>
    operationAnswer(operations, await exports.start(params.id, body), query.wait),
  );
};
