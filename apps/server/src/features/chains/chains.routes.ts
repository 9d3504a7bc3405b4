import { type ChainRequest, endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../http/bind.ts';
import { operationAnswer } from '../operations/operation-answer.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import type { ChainsService } from './chains.types.ts';

const withoutFingerprint = ({
  fingerprint: _fingerprint,
  ...request
}: ChainRequest & { fingerprint?: string | undefined }): ChainRequest => request as ChainRequest;

export const chainsRoutes = (
  app: FastifyInstance,
  chains: ChainsService,
  operations: OperationsService,
): void => {
  bind(app, endpoints.planChain, ({ body }) => chains.plan(withoutFingerprint(body)));
  bind(app, endpoints.runChain, async ({ body, query }) =>
    operationAnswer(operations, await chains.run(withoutFingerprint(body), body.fingerprint), query.wait),
  );
};
