import type { Operation } from '@strata/contract';
import { type Answer, accepted } from '../../http/bind.ts';
import type { OperationsService } from './operations.types.ts';

/** The answer of a call that has started an operation: held for `?wait=` seconds, 200 when it has ended, else 202. */
export const operationAnswer = async (
  operations: OperationsService,
  operation: Operation,
  wait: number | undefined,
): Promise<Answer<Operation>> =>
  accepted(wait === undefined ? operation : await operations.wait(operation.id, wait));
