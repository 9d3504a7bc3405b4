import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../http/bind.ts';
import type { HostService } from './host.service.ts';

export const hostRoutes = (app: FastifyInstance, host: HostService): void => {
  bind(app, endpoints.getHost, () => host.get());
};
