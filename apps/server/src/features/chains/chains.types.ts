import type { ChainRequest, Operation, Plan, PromoteRequest } from '@strata/contract';

/** A VM continues on another branch: its disks and its snapshots change, no layer does. */
export interface Promotions {
  plan(request: PromoteRequest): Promise<Plan>;
  run(request: PromoteRequest, fingerprint: string): Promise<Operation>;
}

export interface ChainsService {
  /** What the operation would do, from the headers as they are now. Touches nothing. */
  plan(request: ChainRequest): Promise<Plan>;
  /** Throws `plan-stale`, `plan-blocked`, `disk-full`, `operation-running`. */
  run(request: ChainRequest, fingerprint: string, wishes?: { useReserve?: boolean }): Promise<Operation>;
}
