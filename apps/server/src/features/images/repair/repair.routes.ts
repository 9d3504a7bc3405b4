import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { Answer, accepted, bind } from '../../../http/bind.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import type { ImagesService } from '../images.types.ts';
import type { RepairService } from './repair.service.ts';

export const repairRoutes = (
  app: FastifyInstance,
  repairs: RepairService,
  images: ImagesService,
  operations: OperationsService,
): void => {
  bind(app, endpoints.getImageRepair, ({ params, query }) => repairs.list(params.id, query.folder));
  bind(app, endpoints.repairImage, async ({ params, body, query }) => {
    const answer = await repairs.repair(params.id, body);
    if (answer.operation === null) return answer;
    const operation =
      query.wait === undefined ? answer.operation : await operations.wait(answer.operation.id, query.wait);
    return new Answer(accepted(operation).status, { image: images.get(params.id), operation });
  });
};
