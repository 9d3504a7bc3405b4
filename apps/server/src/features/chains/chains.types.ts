import type { ChainRequest, Operation, Plan } from '@strata/contract';

export interface ChainsService {
  /** What the operation would do, from the headers as they are now. Touches nothing. */
  plan(request: ChainRequest): Promise<Plan>;
  /** Throws `plan-stale`, `plan-blocked`, `disk-full`, `operation-running`. */
  run(request: ChainRequest, fingerprint: string, wishes?: { useReserve?: boolean }): Promise<Operation>;
}
