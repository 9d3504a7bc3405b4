import type { Problem } from '@strata/contract';
import type { Monitors } from '../../qemu/monitors.ts';
import { connectMonitor } from '../../qemu/monitors.ts';
import { isAlive, waitForEnd } from '../../qemu/process-identity.ts';
import type { StoredProcess } from './vm-record.types.ts';

/** How a run of QEMU came to its end, as far as QEMU itself has told. */
export type RunEnd = 'asked' | 'guest-off' | 'unasked';

export interface RunListener {
  /** Something a page shows has changed. */
  changed(): void;
  note(event: string, detail: string): void;
  /** The process is gone. */
  ended(how: RunEnd): void;
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });

/** One QEMU process with its monitors: what its events say of it. */
export class VmRun {
  readonly process: StoredProcess;
  readonly exited: Promise<void>;
  monitors: Monitors;
  paused: boolean;
  ended = false;
  /** While a graceful shutdown waits for the guest. */
  shutdown: { requestedAt: string; timeoutSeconds: number } | null = null;
  /** The guest agent has opened its channel; null: not known. */
  agent: boolean | null = null;
  readonly problems = new Map<string, Problem>();

  readonly #paths: { control: string; tools: string };
  readonly #listener: RunListener;
  #resolveExited: () => void = () => {};
  #shutdownTimer: NodeJS.Timeout | null = null;
  /** A power-off was asked for, or QEMU has said why it ends. */
  #end: RunEnd = 'unasked';
  #released = false;
  #mending = false;

  constructor(
    process: StoredProcess,
    monitors: Monitors,
    paused: boolean,
    paths: { control: string; tools: string },
    listener: RunListener,
  ) {
    this.process = process;
    this.monitors = monitors;
    this.paused = paused;
    this.#paths = paths;
    this.#listener = listener;
    this.exited = new Promise((resolve) => {
      this.#resolveExited = resolve;
    });
    this.#listen();
    this.#watchTools();
  }

  /** From here on the end of the process is what was wanted. */
  expectEnd(): void {
    this.#end = 'asked';
  }

  beginShutdown(timeoutSeconds: number): void {
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
    this.monitors.control.close();
    this.monitors.tools.close();
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

  #listen(): void {
    const { control } = this.monitors;
    control.on('STOP', () => this.#guestStopped(true));
    control.on('RESUME', () => {
      this.problems.delete('no-space');
      this.#guestStopped(false);
    });
    control.on('RESET', (event) => this.#listener.note('reset', event.data.reason));
    control.on('POWERDOWN', () => this.#listener.note('power-button', 'the guest was asked to shut down'));
    control.on('SHUTDOWN', (event) => {
      if (event.data.reason === 'guest-shutdown' || event.data.reason === 'host-qmp-quit')
        this.#end = this.#end === 'asked' ? 'asked' : 'guest-off';
      this.#listener.note('shutdown', event.data.reason);
    });
    control.on('GUEST_PANICKED', (event) => {
      this.#listener.note('guest-panicked', event.data.action);
      this.problems.set('guest-panicked', {
        code: 'guest-panicked',
        message: 'The guest’s kernel has panicked.',
      });
      this.#listener.changed();
    });
    control.on('BLOCK_IO_ERROR', (event) => {
      const { nospace, operation, action, reason } = event.data;
      this.#listener.note('io-error', `${operation}: ${reason} (${action})`);
      if (nospace === true && action === 'stop')
        this.problems.set('no-space', {
          code: 'no-space',
          message: 'The host has no space left: the guest was paused before a write was lost.',
          repair: 'Free some space, then resume.',
        });
      this.#listener.changed();
    });
    control.on('VSERPORT_CHANGE', (event) => {
      if (event.data.id !== 'agent0') return;
      this.agent = event.data.open;
      this.#listener.changed();
    });
    void control.closed.then(() => this.#monitorClosed());
  }

  #watchTools(): void {
    void this.monitors.tools.closed.then(() => this.#monitorClosed());
  }

  #guestStopped(paused: boolean): void {
    this.paused = paused;
    this.#listener.changed();
  }

  /** The end of a monitor is the sign; the process itself is the proof. */
  async #monitorClosed(): Promise<void> {
    if (this.#released || this.#mending || this.ended) return;
    this.#mending = true;
    if (await waitForEnd(this.process, 5_000)) return this.#finish();
    // It lives: somebody else cut the connection, or QEMU is on its way out slowly.
    for (let wait = 100; !this.#released; wait = Math.min(wait * 2, 5_000)) {
      if (!(await isAlive(this.process))) return this.#finish();
      try {
        await this.#mend();
        this.#mending = false;
        return this.#listener.changed();
      } catch {
        await pause(wait);
      }
    }
  }

  /** Only what is closed is opened anew: a job may be watched on the other one. */
  async #mend(): Promise<void> {
    if (!this.monitors.control.isOpen) {
      this.monitors = { ...this.monitors, control: await connectMonitor(this.#paths.control) };
      this.#listen();
      const { status } = await this.monitors.control.execute('query-status');
      this.paused = status !== 'running';
    }
    if (!this.monitors.tools.isOpen) {
      this.monitors = { ...this.monitors, tools: await connectMonitor(this.#paths.tools) };
      this.#watchTools();
    }
  }

  #finish(): void {
    if (this.ended) return;
    this.ended = true;
    this.#clearShutdown();
    this.monitors.tools.close();
    this.#listener.ended(this.#end);
    this.#resolveExited();
  }
}
