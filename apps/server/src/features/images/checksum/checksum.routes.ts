import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../../http/bind.ts';
import { operationAnswer } from '../../operations/operation-answer.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import type { ChecksumService } from './checksum.service.ts';

export const checksumRoutes = (
  app: FastifyInstance,
  checksums: ChecksumService,
  operations: OperationsService,
): void => {
  bind(app, endpoints.checksumImage, async ({ params, body, query }) =>
    operationAnswer(operations, await checksums.compute(params.id, body), query.wait),
  );
};
