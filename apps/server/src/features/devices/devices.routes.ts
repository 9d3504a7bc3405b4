import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { Answer, bind } from '../../http/bind.ts';
import { operationAnswer } from '../operations/operation-answer.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import type { DevicesService } from './devices.service.ts';

export const devicesRoutes = (
  app: FastifyInstance,
  devices: DevicesService,
  operations: OperationsService,
): void => {
  bind(app, endpoints.listDevices, () => devices.list());
  bind(app, endpoints.readDevice, async ({ params, body, query }) =>
    body.plan === true
      ? new Answer(200, await devices.planRead(params.id, body))
      : operationAnswer(operations, await devices.read(params.id, body), query.wait),
  );
  bind(app, endpoints.writeDevice, async ({ params, body, query }) =>
    body.plan === true
      ? new Answer(200, await devices.planWrite(params.id, body))
      : operationAnswer(operations, await devices.write(params.id, body), query.wait),
  );
};
