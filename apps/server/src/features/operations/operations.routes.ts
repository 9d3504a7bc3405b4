import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../http/bind.ts';
import type { OperationsService } from './operations.types.ts';

export const operationsRoutes = (app: FastifyInstance, operations: OperationsService): void => {
  bind(app, endpoints.listOperations, ({ query }) => operations.list(query));
  bind(app, endpoints.getOperation, ({ params }) => operations.get(params.id));
  bind(app, endpoints.patchOperation, ({ params, body }) =>
    operations.setSpeed(params.id, body.bytesPerSecond),
  );
  bind(app, endpoints.pauseOperation, ({ params }) => operations.pause(params.id));
  bind(app, endpoints.resumeOperation, ({ params }) => operations.resume(params.id));
  bind(app, endpoints.cancelOperation, ({ params }) => operations.cancel(params.id));
};
