import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../../http/bind.ts';
import { operationAnswer } from '../../operations/operation-answer.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import type { MakeService } from './make.service.ts';

export const makeRoutes = (app: FastifyInstance, make: MakeService, operations: OperationsService): void => {
  bind(app, endpoints.makeIso, async ({ body, query }) =>
    operationAnswer(operations, await make.iso(body), query.wait),
  );
  bind(app, endpoints.makeFloppy, async ({ body, query }) =>
    operationAnswer(operations, await make.floppy(body), query.wait),
  );
  bind(app, endpoints.makeDisk, async ({ body, query }) =>
    operationAnswer(operations, await make.disk(body), query.wait),
  );
  bind(app, endpoints.forecastMaking, ({ body }) => make.forecast(body));
  bind(app, endpoints.makeSeed, async ({ body, query }) =>
    operationAnswer(operations, await make.seed(body), query.wait),
  );
};
