import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../../http/bind.ts';
import { operationAnswer } from '../../operations/operation-answer.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import type { AdoptService } from './adopt.service.ts';

export const adoptRoutes = (
  app: FastifyInstance,
  adoption: AdoptService,
  operations: OperationsService,
): void => {
  bind(app, endpoints.planAdopt, ({ body: { fingerprint: _, ...wish } }) => adoption.plan(wish));
  bind(app, endpoints.adoptFolder, async ({ body: { fingerprint, ...wish }, query }) =>
    operationAnswer(operations, await adoption.run(wish, fingerprint), query.wait),
  );
};
