import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../http/bind.ts';
import { operationAnswer } from '../operations/operation-answer.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import type { BranchesService } from './branches.types.ts';

export const branchesRoutes = (
  app: FastifyInstance,
  branches: BranchesService,
  operations: OperationsService,
): void => {
  bind(app, endpoints.branchSnapshot, async ({ params, body, query }) =>
    operationAnswer(operations, await branches.branch(params.id, params.sid, body), query.wait),
  );
  bind(app, endpoints.duplicateVm, async ({ params, body, query }) =>
    operationAnswer(operations, await branches.duplicate(params.id, body), query.wait),
  );
};
