import { type ChainRequest, endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../http/bind.ts';
import { operationAnswer } from '../operations/operation-answer.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import type { ChainsService } from './chains.types.ts';

/** What is to be done, without how it is run. */
const requestOf = ({
  fingerprint: _fingerprint,
  bytesPerSecond: _bytesPerSecond,
  useReserve: _useReserve,
  ...request
}: ChainRequest & {
  fingerprint?: string | undefined;
  bytesPerSecond?: number | undefined;
  useReserve?: boolean | undefined;
}): ChainRequest => request as ChainRequest;

export const chainsRoutes = (
  app: FastifyInstance,
  chains: ChainsService,
  operations: OperationsService,
): void => {
  bind(app, endpoints.planChain, ({ body }) => chains.plan(requestOf(body)));
  bind(app, endpoints.runChain, async ({ body, query }) => {
    const { fingerprint, bytesPerSecond = 0, useReserve = false } = body;
    const operation = await chains.run(requestOf(body), fingerprint, { useReserve });
    // What copies nothing, or has ended already, has no speed; it was begun all the same.
    if (bytesPerSecond > 0) await operations.setSpeed(operation.id, bytesPerSecond).catch(() => {});
    return operationAnswer(operations, operation, query.wait);
  });
};
