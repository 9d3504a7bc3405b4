import type { Problem } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { connectMonitor, type Monitors, reachMachine } from '../../qemu/monitors.ts';
import { isAlive, waitForEnd } from '../../qemu/process-identity.ts';
import type { GuestFacts } from './guest-facts.ts';
import type { StoredProcess } from './vm-record.types.ts';
import { asked, type RunEnd } from './vm-run-end.ts';
import { listenToRun } from './vm-run-events.ts';

export interface RunListener {
  /** Something a page shows has changed. */
  changed(): void;
  note(event: string, detail: string): void;
  /** The guest agent has opened its channel. */
  agentOpened(): void;
  /** A process that was found alive answers for the first time. */
  reached(): void;
  /** The process is gone; null: nobody asked for it, and QEMU has not said why. */
  ended(how: RunEnd | null): void;
}

/** Where a QEMU is reached, and which machine must answer there. */
export interface RunPlace {
  readonly uuid: string;
  readonly control: string;
  readonly tools: string;
}

/** How long the start of the server waits for a VM that runs on. */
const firstContactMs = 3_000;
/** A connection whose other end is gone closes as soon as it is read to its end. */
const lastWordsMs = 2_000;

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });

const unresponsive = (pid: number): Problem => ({
  code: 'qemu-unresponsive',
  message: `The QEMU process ${pid} of this VM lives but does not answer: another program holds its control socket, or the process is stopped. It counts as running, and its disks are left alone.`,
  repair: `End the program that is connected to it, or let the process go on (kill -CONT ${pid}): Strata takes it back by itself. "Power off" ends the process.`,
});

/** One QEMU process with its monitors: what its events say of it. It may be one that does not answer (yet). */
export class VmRun {
  readonly process: StoredProcess;
  readonly exited: Promise<void>;
  /** Resolves when the process answers for the first time, or is gone. */
  readonly settled: Promise<void>;
  paused = false;
  ended = false;
  /** While a graceful shutdown waits for the guest. */
  shutdown: { requestedAt: string; timeoutSeconds: number } | null = null;
  /** The guest agent has opened its channel; null: not known. */
  agent: boolean | null = null;
  /** What the guest last said of itself, and when it was asked (`performance.now`). */
  facts: GuestFacts | null = null;
  factsAt = Number.NEGATIVE_INFINITY;
  readonly problems = new Map<string, Problem>();

  #monitors: Monitors | null = null;
  readonly #place: RunPlace;
  readonly #listener: RunListener;
  #resolveExited: () => void = () => {};
  #resolveSettled: () => void = () => {};
  #shutdownTimer: NodeJS.Timeout | null = null;
  /** A power-off was asked for, or QEMU has said why it ends. */
  #end: RunEnd | null = null;
  #released = false;
  #mending = false;

  /** A process that is known to be this VM's. It has no monitors before `take` or `reach`. */
  constructor(process: StoredProcess, place: RunPlace, listener: RunListener) {
    this.process = process;
    this.#place = place;
    this.#listener = listener;
    this.exited = new Promise((resolve) => {
      this.#resolveExited = resolve;
    });
    this.settled = new Promise((resolve) => {
      this.#resolveSettled = resolve;
    });
  }

  /** False for a process that was found alive and has not answered yet. */
  get reached(): boolean {
    return this.#monitors !== null;
  }

  /** Whether its control monitor is open in this moment. */
  get connected(): boolean {
    return this.#monitors?.control.isOpen === true;
  }

  /** Throws `qemu-unresponsive` when the process could not be reached yet. */
  get monitors(): Monitors {
    if (this.#monitors !== null) return this.#monitors;
    const { message, repair } = unresponsive(this.process.pid);
    throw new AppError('qemu-unresponsive', `${message} ${repair}`);
  }

  /** The monitors of a process that has just been started. */
  take(monitors: Monitors, paused: boolean): void {
    this.#monitors = monitors;
    this.paused = paused;
    this.#listen(monitors);
    this.#watchTools(monitors);
    this.#resolveSettled();
  }

  /** Tries for a moment to reach a process that was found alive; when it does not answer, goes on trying by itself. */
  async reach(): Promise<void> {
    this.#mending = true;
    const until = performance.now() + firstContactMs;
    // The server before us may have left its connection in the queue of the socket: then the second try succeeds.
    do {
      if (await this.#tryMend()) return;
      if (!(await isAlive(this.process))) return this.#finishHeard();
      await pause(50);
    } while (performance.now() < until);
    this.#listener.note('unreachable', `process ${this.process.pid} lives but does not answer`);
    void this.#mendUntilOpen();
  }

  /** From here on the end of the process is what was wanted. */
  expectEnd(): void {
    this.#end = asked;
  }

  /** Looks by itself whether the process is gone, instead of waiting for a sign. */
  async noticeEnd(): Promise<void> {
    if (!(await isAlive(this.process))) this.#finish();
  }

  beginShutdown(timeoutSeconds: number): void {
    if (this.ended) return;
    this.#clearShutdown();
    this.problems.delete('shutdown-timeout');
    this.shutdown = { requestedAt: new Date().toISOString(), timeoutSeconds };
    this.#shutdownTimer = setTimeout(() => this.#shutdownTimedOut(timeoutSeconds), timeoutSeconds * 1000);
    this.#shutdownTimer.unref();
  }

  /** Lets go; QEMU runs on. */
  release(): void {
    this.#released = true;
    this.#clearShutdown();
    this.#monitors?.control.close();
    this.#monitors?.tools.close();
  }

  #clearShutdown(): void {
    if (this.#shutdownTimer !== null) clearTimeout(this.#shutdownTimer);
    this.#shutdownTimer = null;
    this.shutdown = null;
  }

  #shutdownTimedOut(timeoutSeconds: number): void {
    this.#clearShutdown();
    this.problems.set('shutdown-timeout', {
      code: 'shutdown-timeout',
      message: `The guest did not shut down within ${timeoutSeconds} seconds. It may not listen to the power button, or wait for an answer on its screen.`,
      repair: 'Look at the console, or power off now.',
    });
    this.#listener.note('shutdown-timeout', `no answer within ${timeoutSeconds} s; the VM runs on`);
    this.#listener.changed();
  }

  #listen({ control }: Monitors): void {
    listenToRun(control, this, {
      changed: () => this.#listener.changed(),
      note: (event, detail) => this.#listener.note(event, detail),
      agentOpened: () => this.#listener.agentOpened(),
      ending: (how) => {
        if (this.#end !== asked) this.#end = how;
      },
    });
    void control.closed.then(() => this.#monitorClosed());
  }

  #watchTools({ tools }: Monitors): void {
    void tools.closed.then(() => this.#monitorClosed());
  }

  /** The end of a monitor is the sign; the process itself is the proof. */
  async #monitorClosed(): Promise<void> {
    if (this.#released || this.#mending || this.ended) return;
    this.#mending = true;
    if (await waitForEnd(this.process, 5_000)) return this.#finishHeard();
    // It lives: somebody else cut the connection, or QEMU is on its way out slowly.
    await this.#mendUntilOpen();
  }

  async #mendUntilOpen(): Promise<void> {
    for (let wait = 100; !this.#released && !this.ended; wait = Math.min(wait * 2, 5_000)) {
      if (!(await isAlive(this.process))) return this.#finishHeard();
      if (await this.#tryMend()) return;
      await pause(wait);
    }
  }

  async #tryMend(): Promise<boolean> {
    try {
      await this.#mend();
    } catch {
      if (this.#released || this.ended) return true;
      if (!this.problems.has('qemu-unresponsive')) {
        this.problems.set('qemu-unresponsive', unresponsive(this.process.pid));
        this.#listener.changed();
      }
      return false;
    }
    // What was opened may have been closed again meanwhile, and that sign was not heeded.
    const { control, tools } = this.monitors;
    if (!this.#released && !(control.isOpen && tools.isOpen)) return false;
    this.#mending = false;
    if (this.problems.delete('qemu-unresponsive')) this.#listener.note('answers', 'QEMU answers again');
    this.#listener.changed();
    return true;
  }

  /** Only what is closed is opened anew: a job may be watched on the other one. */
  async #mend(): Promise<void> {
    if (this.#monitors === null) return this.#firstContact();
    if (!this.#monitors.control.isOpen) {
      const control = this.#kept(await connectMonitor(this.#place.control));
      this.#monitors = { ...this.#monitors, control };
      this.#listen(this.#monitors);
      const { status } = await control.execute('query-status');
      this.paused = status !== 'running';
    }
    if (!this.#monitors.tools.isOpen) {
      this.#monitors = { ...this.#monitors, tools: this.#kept(await connectMonitor(this.#place.tools)) };
      this.#watchTools(this.#monitors);
    }
  }

  async #firstContact(): Promise<void> {
    const { monitors, paused } = await reachMachine(this.#place);
    this.#kept(monitors.control);
    this.#kept(monitors.tools);
    this.take(monitors, paused);
    this.#listener.reached();
  }

  /** A monitor that opened after the run was let go would keep QEMU's only place from the next server. */
  #kept(monitor: Monitors['control']): Monitors['control'] {
    if (this.#released) monitor.close();
    return monitor;
  }

  /** What QEMU said last may still wait in the socket when its process is gone: it is heard before we judge. */
  async #finishHeard(): Promise<void> {
    if (this.#monitors !== null) await Promise.race([this.#monitors.control.closed, pause(lastWordsMs)]);
    this.#finish();
  }

  #finish(): void {
    if (this.ended) return;
    this.ended = true;
    this.#clearShutdown();
    this.#monitors?.tools.close();
    this.#listener.ended(this.#end);
    this.#resolveExited();
    this.#resolveSettled();
  }
}
