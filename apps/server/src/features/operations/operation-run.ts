import type { Operation } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { Db } from '../../db/open-database.ts';
import { durably, transaction } from '../../db/open-database.ts';
import { hasEnded, type OperationRow, toOperation } from './operation-row.ts';
import type { OperationsRepository } from './operations.repository.ts';
import type { DiskFront, Executor, OperationContext, OperationLocks, Taints } from './operations.types.ts';
import { type ProgressRate, progressRate } from './progress-rate.ts';

/** Progress reaches the disk at most once, the pages at most four times a second. */
const saveEveryMs = 1000;
const publishEveryMs = 250;
/** What is only shown reaches the disk so late, if nothing that must be durable has taken it along before. */
const showEveryMs = 100;

type Controls = NonNullable<Parameters<OperationContext<unknown, unknown>['controls']>[0]>;

export interface OperationRunDeps {
  readonly db: Db;
  readonly repository: OperationsRepository;
  readonly taints: Taints;
  readonly publish: (operation: Operation) => void;
  readonly log: (error: unknown, message: string) => void;
  /** True once the server ends: then nothing of this may be written any more. */
  readonly isClosing: () => boolean;
  /** These locks were held until now. */
  readonly letGo: (locks: OperationLocks) => void;
}

/** Thrown into an executor that goes on after the server has begun to end; never written down. */
class ServerEnding extends Error {
  override readonly name = 'ServerEnding';
}

const cannotPause = 'This step cannot be paused.';
const cannotLimit = 'There is nothing at work whose speed could be limited.';

const now = (): string => new Date().toISOString();

/** One unfinished operation: its row, its executor at work, its buttons. */
export class OperationRun {
  readonly row: OperationRow;
  readonly ended: Promise<void>;
  #markEnded: () => void = () => {};
  readonly #deps: OperationRunDeps;
  readonly #abort = new AbortController();
  readonly #rate: ProgressRate = progressRate();
  #controls: Controls | null = null;
  /** Bytes a second; 0: as fast as it goes. Also for a job that is begun again because its process was killed. */
  #speed = 0;
  #front: DiskFront | undefined;
  #savedAt = 0;
  #publishTimer: NodeJS.Timeout | null = null;
  #publishedAt = 0;
  #showTimer: NodeJS.Timeout | null = null;
  #failed = false;

  constructor(row: OperationRow, deps: OperationRunDeps) {
    this.row = row;
    this.#deps = deps;
    this.ended = new Promise((resolve) => {
      this.#markEnded = resolve;
    });
  }

  toOperation(): Operation {
    const { row } = this;
    const moving = row.state === 'running' || row.state === 'finishing';
    const rate = row.unit === 'bytes' && moving ? this.#rate.read(row.total) : undefined;
    const operation = { ...toOperation(row, rate), ...this.#impossible() };
    return this.#front === undefined || hasEnded(row) ? operation : { ...operation, front: this.#front };
  }

  /** Said with the operation, so that a button can be grey before it is refused. */
  #impossible(): Pick<Operation, 'cannotPause' | 'cannotLimit'> {
    const { state } = this.row;
    if (state !== 'running' && state !== 'paused') return {};
    const { pause, setSpeed, cannot } = this.#controls ?? {};
    const limitable = this.row.unit === 'bytes' && (setSpeed !== undefined || this.#controls === null);
    return {
      ...(pause === undefined && state === 'running' ? { cannotPause: cannot ?? cannotPause } : {}),
      ...(limitable ? {} : { cannotLimit: cannot ?? cannotLimit }),
    };
  }

  async execute(executor: Executor<unknown, unknown>, resumed: boolean): Promise<void> {
    if (this.row.startedAt === null) this.row.startedAt = now();
    // What a crash interrupted while it was paused or about to finish finds out anew where it is.
    this.row.state = 'running';
    this.row.pausedBecause = null;
    if (resumed) this.row.recovery = 'The server had ended meanwhile and took this up again.';
    this.#show();
    try {
      const result = await executor.run(this.#context(resumed));
      this.#end('done', { result });
    } catch (error) {
      this.#fail(error);
    } finally {
      if (this.#publishTimer !== null) clearTimeout(this.#publishTimer);
      this.#stopShowing();
      this.#controls = null;
      this.#markEnded();
    }
  }

  /** For an operation that nobody can carry on. */
  giveUp(message: string): void {
    this.#end('failed', { error: { code: 'not-possible', message } });
    this.#markEnded();
  }

  async pause(): Promise<void> {
    this.#demand(this.row.state === 'running', 'Only a running operation can be paused.');
    const { pause, cannot } = this.#controls ?? {};
    if (pause === undefined) throw this.#refusal(cannot ?? cannotPause);
    await pause();
    if (this.row.state !== 'running') return;
    this.row.state = 'paused';
    this.#write();
  }

  async resume(): Promise<void> {
    this.#demand(this.row.state === 'paused', 'The operation is not paused.');
    const { resume } = this.#controls ?? {};
    if (resume === undefined) throw this.#refusal('The operation cannot be resumed at this step.');
    await resume();
    if (this.row.state === 'paused') this.#goOn();
  }

  async setSpeed(bytesPerSecond: number): Promise<void> {
    const copies = this.row.unit === 'bytes' && ['queued', 'running', 'paused'].includes(this.row.state);
    const cannot = this.#controls !== null && this.#controls.setSpeed === undefined;
    if (!copies || cannot) throw this.#refusal(this.#controls?.cannot ?? cannotLimit);
    this.#speed = bytesPerSecond;
    await this.#controls?.setSpeed?.(bytesPerSecond);
  }

  cancel(): void {
    this.#demand(
      ['queued', 'running', 'paused'].includes(this.row.state),
      this.row.state === 'finishing'
        ? 'All data has been moved; the operation is being finished and can no longer be cancelled.'
        : 'The operation has ended.',
    );
    this.#abort.abort();
  }

  #demand(condition: boolean, message: string): void {
    if (!condition) throw this.#refusal(message);
  }

  #refusal(message: string): AppError {
    return new AppError('operation-state', message);
  }

  #context(resumed: boolean): OperationContext<unknown, unknown> {
    const { row } = this;
    const deps = this.#deps;
    return {
      id: row.id,
      request: row.request,
      get journal() {
        return row.journal;
      },
      resumed,
      cancelled: this.#abort.signal,
      taints: deps.taints,
      speed: () => this.#speed,
      get ending() {
        return deps.isClosing();
      },
      save: (journal, alongside) => this.#save(journal, alongside),
      conclude: (journal, result, alongside) => this.#conclude(journal, result, alongside),
      step: (index) => this.#step(index),
      progress: (done, total, front) => this.#progress(done, total, front),
      recovered: (text) => {
        const said = row.recovery ?? '';
        if (!said.includes(text)) row.recovery = `${said} ${text}`.trim();
        this.#write();
      },
      waits: (text) => {
        row.recovery = text;
        this.#publishNow();
      },
      finishing: () => {
        if (row.state === 'finishing') return;
        row.state = 'finishing';
        row.pausedBecause = null;
        this.#show();
      },
      controls: (controls) => {
        this.#controls = controls;
        this.#publishSoon();
        // A job begun a moment before the limit was set; one that has ended since needs none.
        if (this.#speed > 0) void controls?.setSpeed?.(this.#speed).catch(() => {});
        // A job that was paused and is gone: whatever comes next runs.
        if (controls === null && row.state === 'paused') this.#goOn();
      },
      pausedBecause: (reason) => this.#pausedBecause(reason),
      release: ({ images = [], vms = [] }) => {
        deps.letGo(row.locks);
        row.locks = {
          images: row.locks.images.filter((id) => !images.includes(id)),
          reads: (row.locks.reads ?? []).filter((id) => !images.includes(id)),
          vms: row.locks.vms.filter((id) => !vms.includes(id)),
        };
        this.#writeReleased();
      },
    };
  }

  #save(journal: unknown, alongside?: () => void): void {
    this.#demandServer();
    const previous = this.row.journal;
    this.#stopShowing();
    try {
      const { db, repository } = this.#deps;
      const write = (): void => {
        alongside?.();
        this.row.journal = journal;
        repository.update(this.row);
      };
      durably(db, () => transaction(db, write));
    } catch (error) {
      this.row.journal = previous;
      throw error;
    }
  }

  #conclude(journal: unknown, result: Record<string, unknown>, alongside: () => void): void {
    const { steps, ...before } = this.row;
    const stepsBefore = steps.map((step) => ({ ...step }));
    this.#setEnd('done', { result });
    try {
      this.#save(journal, alongside);
    } catch (error) {
      Object.assign(this.row, before);
      for (const [index, step] of stepsBefore.entries()) Object.assign(steps[index] ?? {}, step);
      throw error;
    }
    this.#deps.letGo(this.row.locks);
    // Who waits for it hears of it before the pages do.
    this.#markEnded();
    setImmediate(() => {
      if (!this.#deps.isClosing()) this.#publishNow();
    });
  }

  #step(index: number): void {
    const at = now();
    for (const [position, step] of this.row.steps.entries()) {
      if (position < index && step.state !== 'done') {
        step.state = 'done';
        step.at ??= at;
      }
      if (position === index && step.state !== 'running') {
        step.state = 'running';
        step.at = at;
      }
    }
    this.#show();
  }

  #progress(done: number, total: number, front: DiskFront | undefined): void {
    this.#front = front;
    this.row.done = done;
    this.row.total = total;
    this.#rate.add(done);
    if (this.#deps.isClosing()) return;
    if (Date.now() - this.#savedAt >= saveEveryMs) {
      this.#savedAt = Date.now();
      this.#deps.repository.updateProgress(this.row);
    }
    this.#publishSoon();
  }

  #goOn(): void {
    this.#rate.restart();
    this.row.state = 'running';
    this.row.pausedBecause = null;
    this.#write();
  }

  #pausedBecause(reason: 'no-space' | null): void {
    if (this.row.state === 'finishing' || this.#deps.isClosing()) return;
    if (reason === this.row.pausedBecause) return;
    if (reason === null) {
      this.#goOn();
      return;
    }
    this.row.pausedBecause = reason;
    this.row.state = 'paused';
    this.#write();
  }

  #demandServer(): void {
    if (this.#deps.isClosing()) throw new ServerEnding('the server is ending');
  }

  #write(): void {
    this.#demandServer();
    this.#stopShowing();
    durably(this.#deps.db, () => this.#deps.repository.update(this.row));
    this.#publishNow();
  }

  /** With the power it may be lost: then these locks are held until they are let go of again. */
  #writeReleased(): void {
    this.#demandServer();
    this.#stopShowing();
    this.#deps.repository.updateShown(this.row);
    this.#publishNow();
  }

  /** For what no recovery reads: the pages hear of it now, the disk with the next write. */
  #show(): void {
    this.#demandServer();
    this.#publishNow();
    this.#showTimer ??= setTimeout(() => {
      this.#showTimer = null;
      this.#writeShown();
    }, showEveryMs).unref();
  }

  #writeShown(): void {
    if (this.#deps.isClosing()) return;
    try {
      this.#deps.repository.updateShown(this.row);
    } catch (error) {
      // A full disk: the next write that must be durable fails too, and says so.
      this.#deps.log(error, `how far operation ${this.row.id} is could not be written`);
    }
  }

  #stopShowing(): void {
    if (this.#showTimer !== null) clearTimeout(this.#showTimer);
    this.#showTimer = null;
  }

  #publishSoon(): void {
    if (this.#publishTimer !== null) return;
    const wait = Math.max(0, this.#publishedAt + publishEveryMs - Date.now());
    this.#publishTimer = setTimeout(() => this.#publishNow(), wait);
    this.#publishTimer.unref();
  }

  #publishNow(): void {
    if (this.#publishTimer !== null) clearTimeout(this.#publishTimer);
    this.#publishTimer = null;
    this.#publishedAt = Date.now();
    this.#deps.publish(this.toOperation());
  }

  #end(
    state: 'done' | 'failed' | 'cancelled',
    outcome: { result?: Record<string, unknown>; error?: { code: string; message: string } },
  ): void {
    // Concluded before: everything was written down then.
    if (this.#deps.isClosing() || hasEnded(this.row)) return;
    this.#deps.letGo(this.row.locks);
    this.#setEnd(state, outcome);
    this.#write();
  }

  #setEnd(
    state: 'done' | 'failed' | 'cancelled',
    outcome: { result?: Record<string, unknown>; error?: { code: string; message: string } },
  ): void {
    const at = now();
    for (const step of this.row.steps) {
      if (state === 'done') step.state = 'done';
      else if (step.state === 'running') step.state = 'failed';
      if (step.state === 'done') step.at ??= at;
    }
    this.row.state = state;
    if (state === 'done' && this.row.unit === 'bytes') this.row.done = this.row.total;
    this.row.pausedBecause = null;
    this.row.result = outcome.result ?? null;
    this.row.error = outcome.error ?? null;
    this.row.endedAt = at;
  }

  #fail(error: unknown): void {
    if (this.#failed || this.#deps.isClosing() || error instanceof ServerEnding) return;
    this.#failed = true;
    const cancelled = this.#abort.signal.aborted && error === this.#abort.signal.reason;
    if (cancelled) {
      this.#end('cancelled', {});
      return;
    }
    if (!(error instanceof AppError)) this.#deps.log(error, `operation ${this.row.id} failed`);
    const code = error instanceof AppError ? error.code : 'internal-error';
    const message = error instanceof Error ? error.message : String(error);
    try {
      this.#end('failed', { error: { code, message } });
    } catch (unwritable) {
      // A full or read-only disk: unfinished, locks and all, it is taken up at the next start.
      this.row.state = 'finishing';
      this.#deps.log(unwritable, `the end of operation ${this.row.id} could not be written`);
    }
  }
}
