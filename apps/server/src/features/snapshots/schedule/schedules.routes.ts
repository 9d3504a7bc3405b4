import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../../http/bind.ts';
import type { SchedulesService } from './schedules.types.ts';

export const schedulesRoutes = (app: FastifyInstance, schedules: SchedulesService): void => {
  bind(app, endpoints.getSnapshotSchedule, ({ params }) => schedules.get(params.id));
  bind(app, endpoints.putSnapshotSchedule, ({ params, body }) => schedules.put(params.id, body));
};
