import type { Operation, OperationKind } from '@strata/contract';

export interface OperationSubject {
  readonly kind: 'vm' | 'image' | 'snapshot';
  readonly id: string;
  readonly name: string;
}

/**
 * What an executor works with. `journal` is its own durable memory: `save` writes it in a FULL-sync transaction
 * *before* the action it describes, together with whatever `alongside` changes.
 */
export interface OperationContext<Request, Journal> {
  readonly id: string;
  readonly request: Request;
  readonly journal: Journal;
  /** True when this run continues one that a crash interrupted. */
  readonly resumed: boolean;
  save(journal: Journal, alongside?: () => void): void;
  /** Starts the step with this index of the list given at creation; the ones before it are done. */
  step(index: number): void;
  progress(done: number, total: number): void;
  /** Said in the operation when a crash was recovered from: what was found and done. */
  recovered(text: string): void;
  /** Aborted when the user cancels. An executor past its point of no return ignores it. */
  readonly cancelled: AbortSignal;
  /** From here on cancelling is refused (`finishing`). */
  finishing(): void;
  /** The executor's handles for pause, resume and speed; unset means not possible. */
  controls(
    controls: {
      pause?(): Promise<void>;
      resume?(): Promise<void>;
      setSpeed?(bytesPerSecond: number): Promise<void>;
    } | null,
  ): void;
  pausedBecause(reason: 'no-space' | null): void;
}

/**
 * One kind of operation. `run` is re-entrant: called again with the journal a crash left, it finds out from the
 * files and processes what has happened and brings the operation to its end.
 */
export interface Executor<Request, Journal> {
  readonly kind: OperationKind;
  run(context: OperationContext<Request, Journal>): Promise<Record<string, unknown>>;
}

export interface StartOperation<Request, Journal> {
  readonly kind: OperationKind;
  readonly title: string;
  readonly request: Request;
  readonly journal: Journal;
  readonly steps: readonly string[];
  readonly subjects: readonly OperationSubject[];
  /** Images and VMs nobody else may operate on meanwhile. */
  readonly locks: { readonly images: readonly string[]; readonly vms: readonly string[] };
  readonly unit: 'bytes' | 'steps';
  readonly total: number;
  readonly cancelNote: string | null;
}

export interface OperationsService {
  register<Request, Journal>(executor: Executor<Request, Journal>): void;
  /** Writes the row, then starts. Throws `operation-running` when a lock is held. */
  start<Request, Journal>(operation: StartOperation<Request, Journal>): Operation;
  get(id: string): Operation;
  /** Resolves when it has ended or after the time, with what it is then. */
  wait(id: string, seconds: number): Promise<Operation>;
  /** The unfinished operation that works on one of these, if any. */
  activeOn(on: { images?: readonly string[]; vms?: readonly string[] }): Operation | null;
  /** At start, after VMs were adopted: takes up every unfinished operation. */
  recover(): Promise<void>;
}
