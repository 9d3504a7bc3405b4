import type { OperationUse } from '@strata/backing-chain';
import type { Operation, OperationKind, operationQuery } from '@strata/contract';
import type { z } from 'zod';

export type OperationQuery = z.infer<typeof operationQuery>;

export interface OperationSubject {
  readonly kind: 'vm' | 'image' | 'snapshot';
  readonly id: string;
  readonly name: string;
}

/** In bytes from the start of the disk. */
export type DiskFront = NonNullable<Operation['front']>;

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
  /** The same, and the operation is done with it: what `run` does afterwards is no part of what was asked for. */
  conclude(journal: Journal, result: Record<string, unknown>, alongside: () => void): void;
  /** Starts the step with this index of the list given at creation; the ones before it are done. */
  step(index: number): void;
  /** `front`: how far the job is on the disk of the layer that the data goes into. */
  progress(done: number, total: number, front?: DiskFront): void;
  /** Said in the operation when a crash was recovered from: what was found and done. */
  recovered(text: string): void;
  /** Aborted when the user cancels. An executor past its point of no return ignores it. */
  readonly cancelled: AbortSignal;
  /** Said in the operation while it tries something again; not written down, because writing may be what fails. */
  waits(text: string): void;
  /** From here on cancelling is refused (`finishing`). */
  finishing(): void;
  /** The executor's handles for pause, resume and speed; unset means not possible. */
  controls(
    controls: {
      pause?(): Promise<void>;
      resume?(): Promise<void>;
      setSpeed?(bytesPerSecond: number): Promise<void>;
      /** Why some of it is not possible, in words. */
      readonly cannot?: string;
    } | null,
  ): void;
  pausedBecause(reason: 'no-space' | null): void;
  /** The limit in bytes a second that the user has set by now; 0: none. A job is begun with it. */
  speed(): number;
  /** These are no longer worked on: they may be deleted or started although the operation has not ended. */
  release(what: { images?: readonly string[]; vms?: readonly string[] }): void;
  readonly taints: Taints;
  /** The server ends: whatever fails now is not a failure of the operation. */
  readonly ending: boolean;
}

/** A layer whose contents an unfinished commit has changed. */
export interface TaintedLayer {
  readonly imageId: string;
  readonly operationId: string;
  readonly topId: string;
  readonly baseId: string;
}

/** Bookkeeping only, synchronous: to be called inside the transaction that records what happened. */
export interface Taints {
  list(): TaintedLayer[];
  add(layers: readonly TaintedLayer[]): void;
  /** A commit into this base ended well. */
  clear(baseId: string): void;
}

/**
 * One kind of operation. `run` is re-entrant: called again with the journal a crash left, it finds out from the
 * files and processes what has happened and brings the operation to its end.
 */
export interface Executor<Request, Journal> {
  readonly kind: OperationKind;
  /** Whether its VMs must not run on at this point of the journal: nobody knows yet which layer they would write. */
  standsStill?(journal: Journal): boolean;
  /** Files that it is making or will remove at this point: nobody takes them for images. */
  making?(request: Request, journal: Journal): readonly string[];
  run(context: OperationContext<Request, Journal>): Promise<Record<string, unknown>>;
}

export interface OperationLocks {
  /** Images nobody else may operate on meanwhile. */
  readonly images: readonly string[];
  /** Images that are only read: others may read them too, nobody may change them. */
  readonly reads?: readonly string[];
  /** VMs nobody else may operate on, start, delete or change. */
  readonly vms: readonly string[];
}

export interface StartOperation<Request, Journal> {
  readonly kind: OperationKind;
  readonly title: string;
  readonly request: Request;
  readonly journal: Journal;
  readonly steps: readonly string[];
  readonly subjects: readonly OperationSubject[];
  readonly locks: OperationLocks;
  readonly unit: 'bytes' | 'steps';
  readonly total: number;
  readonly cancelNote: string | null;
  /** What `look` gave before that was read on which this was planned. */
  readonly lookedAt?: number;
}

export interface OperationsService {
  register<Request, Journal>(executor: Executor<Request, Journal>): void;
  /**
   * A moment. Locks keep apart what runs at the same time; an operation that begins and ends while a request still
   * reads holds none any more when that begins, so that `start` is told since when.
   */
  look(): number;
  /**
   * Writes the row, then starts. Throws `operation-running` when a lock is held, and `plan-stale` when one has been let
   * go since it was looked.
   */
  start<Request, Journal>(operation: StartOperation<Request, Journal>): Operation;
  /** What others than operations hold, asked before each start: it throws when one of these is among the locks. */
  addHold(hold: (locks: OperationLocks) => void): void;
  /** Throws `not-found`. */
  get(id: string): Operation;
  list(query: OperationQuery): { items: Operation[]; total: number; nextCursor?: string };
  /** These throw `operation-state` when the operation is not in a state for it. */
  pause(id: string): Promise<Operation>;
  resume(id: string): Promise<Operation>;
  cancel(id: string): Promise<Operation>;
  setSpeed(id: string, bytesPerSecond: number): Promise<Operation>;
  readonly taints: Taints;
  /** Resolves when it has ended or after the time, with what it is then. */
  wait(id: string, seconds: number): Promise<Operation>;
  /** Resolves when it has ended, or with what it is when the server ends. */
  ended(id: string): Promise<Operation>;
  /** Every image that an unfinished operation works on. */
  uses(): OperationUse[];
  /** Paths of files that unfinished operations are making or will remove. */
  making(): string[];
  /** The unfinished operation that works on one of these, if any. */
  activeOn(on: { images?: readonly string[]; vms?: readonly string[] }): Operation | null;
  /** The unfinished operation for which this VM has to stand still, if any. */
  standsStill(vmId: string): Operation | null;
  /**
   * At start, after VMs were adopted: takes up every unfinished operation. One that works on a VM waits for `settled`,
   * which resolves when the VM is off or its QEMU can be asked; its locks hold meanwhile.
   */
  recover(settled?: (vmIds: readonly string[]) => Promise<unknown>): Promise<void>;
  /**
   * The server ends: nothing is written any more, jobs go on in their processes and are taken up at the next start.
   */
  close(): void;
}
