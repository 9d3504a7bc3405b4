import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../http/bind.ts';
import type { UsageService } from './usage.service.ts';

export const usageRoutes = (app: FastifyInstance, usage: UsageService): void => {
  bind(app, endpoints.getUsage, () => usage.usage());
  bind(app, endpoints.getFreeable, () => usage.freeable());
};
