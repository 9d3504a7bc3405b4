import type { DeleteSnapshotsPlan, Forest, LayerId, World } from '@strata/backing-chain';
import type { ChainRequest, Operation, Plan, PromoteRequest } from '@strata/contract';
import type { CommitJournal } from '../operations/executors/commit.ts';
import type { SnapshotMergeRun } from '../operations/executors/delete-snapshots.ts';
import type { PullJournal } from '../operations/executors/pull.ts';
import type { OperationLocks } from '../operations/operations.types.ts';

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

/** A sequence of merges, ready to be written down as one operation. */
export interface PreparedMerges {
  readonly facts: Omit<Plan, 'steps' | 'commands'>;
  /** One for each merge. */
  readonly steps: readonly string[];
  readonly commands: readonly string[];
  readonly runs: readonly SnapshotMergeRun[];
  readonly journals: readonly (CommitJournal | PullJournal)[];
  /** Of the merges, and of the files that go. */
  readonly locks: OperationLocks;
  /** Throws `disk-full`. */
  demandSpace(useReserve: boolean): void;
}

/** What deletes restore points by merging layers. */
export interface MergeSequences {
  /** The headers as they are now, and what these layers and those on them hold. */
  world(layersOf: (forest: Forest) => readonly LayerId[]): Promise<World>;
  /** `shown`: the commands are there to be read. */
  prepare(
    start: Forest,
    plan: DeleteSnapshotsPlan,
    request: unknown,
    shown: boolean,
  ): Promise<PreparedMerges>;
}
