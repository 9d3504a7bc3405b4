import type { QmpClient } from './client.types.ts';
import { QmpInterruptedError } from './errors.ts';
import type { JobStatus } from './structs.ts';

/** A job as `query-jobs` has it, with a plain `null` for "no error (yet)". */
export interface JobInfo {
  readonly id: string;
  readonly type: string;
  readonly status: JobStatus;
  readonly done: number;
  readonly total: number;
  readonly error: string | null;
}

export interface WatchOptions {
  /** How long QEMU may take to answer about a job. Default 60 s: while one begins or ends QEMU may flush, and answers nothing. */
  readonly timeoutMs?: number;
}

/**
 * Follows one job by its events. Made *before* the command that starts the job (or at any time later, after a reconnect), so
 * that no change is missed: QEMU replays nothing. The job must have been started with `auto-dismiss: false`, otherwise it is
 * gone before anybody could read how it ended.
 *
 *     const job = watchJob(client, 'c1');
 *     await client.execute('block-commit', { 'job-id': 'c1', device: 'd0', 'auto-dismiss': false });
 *     const end = await job.until('concluded');
 *     if (end?.error) …
 *     await job.dismiss();
 */
export class JobWatcher {
  readonly id: string;
  readonly #client: QmpClient;
  readonly #timeoutMs: number;
  readonly #unsubscribe: () => void;
  #changes = 0;
  #stopped = false;
  #wake: (() => void)[] = [];

  constructor(client: QmpClient, id: string, options: WatchOptions = {}) {
    this.#client = client;
    this.#timeoutMs = options.timeoutMs ?? 60_000;
    this.id = id;
    this.#unsubscribe = client.on('JOB_STATUS_CHANGE', ({ data }) => {
      if (data.id !== id) return;
      this.#changes++;
      this.#wakeAll();
    });
    void client.closed.then(() => this.#wakeAll());
  }

  /** The job as it is now; null when QEMU has none of this id. */
  async read(): Promise<JobInfo | null> {
    const jobs = await this.#client.execute('query-jobs', undefined, { timeoutMs: this.#timeoutMs });
    const job = jobs.find(({ id }) => id === this.id);
    if (!job) return null;
    return {
      id: job.id,
      type: job.type,
      status: job.status,
      done: job['current-progress'],
      total: job['total-progress'],
      error: job.error ?? null,
    };
  }

  /**
   * Waits until the job is in one of these states; null when it does not exist (any more). Reads the state anew after every
   * change instead of trusting the event: by then the job may be further. Throws `QmpInterruptedError` when the connection ends.
   */
  async until(...states: readonly JobStatus[]): Promise<JobInfo | null> {
    for (;;) {
      const seen = this.#changes;
      const job = await this.read();
      if (!job || states.includes(job.status)) return job;
      if (seen === this.#changes) await this.#nextChange();
    }
  }

  /** Forgets a concluded job in QEMU, and stops watching. */
  async dismiss(): Promise<void> {
    this.stop();
    await this.#client.execute('job-dismiss', { id: this.id }, { timeoutMs: this.#timeoutMs });
  }

  /** Stops watching; a pending `until` throws `QmpInterruptedError`. The job goes on. */
  stop(): void {
    this.#stopped = true;
    this.#unsubscribe();
    this.#wakeAll();
  }

  async #nextChange(): Promise<void> {
    if (this.#client.isOpen && !this.#stopped)
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    if (!this.#client.isOpen || this.#stopped) throw new QmpInterruptedError(`waiting for job ${this.id}`);
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}

export const watchJob = (client: QmpClient, id: string, options?: WatchOptions): JobWatcher =>
  new JobWatcher(client, id, options);
