import type { Problem } from '@strata/contract';
import type { QmpClient } from '@strata/qmp';
import type { GuestFacts } from './guest-facts.ts';
import { endOfReason, type RunEnd } from './vm-run-end.ts';

/** What QEMU's events change in a run. */
interface RunFacts {
  paused: boolean;
  agent: boolean | null;
  facts: GuestFacts | null;
  readonly problems: Map<string, Problem>;
}
interface EventListener {
  changed(): void;
  note(event: string, detail: string): void;
  agentOpened(): void;
  /** QEMU says that it ends; null: without a reason that explains it. */
  ending(how: RunEnd | null): void;
}

/** Translates the events of one control monitor. */
export const listenToRun = (control: QmpClient, run: RunFacts, listener: EventListener): void => {
  const stopped = (paused: boolean): void => {
    run.paused = paused;
    listener.changed();
  };
  control.on('STOP', () => stopped(true));
  control.on('RESUME', () => {
    run.problems.delete('no-space');
    stopped(false);
  });
  control.on('RESET', (event) => listener.note('reset', event.data.reason));
  control.on('POWERDOWN', () => listener.note('power-button', 'the guest was asked to shut down'));
  control.on('SHUTDOWN', (event) => {
    listener.ending(endOfReason(event.data.reason));
    listener.note('shutdown', event.data.reason);
  });
  control.on('GUEST_PANICKED', (event) => {
    listener.note('guest-panicked', event.data.action);
    run.problems.set('guest-panicked', {
      code: 'guest-panicked',
      message: 'The guest’s kernel has panicked.',
    });
    listener.changed();
  });
  control.on('BLOCK_IO_ERROR', (event) => {
    const { nospace, operation, action, reason } = event.data;
    listener.note('io-error', `${operation}: ${reason} (${action})`);
    if (nospace === true && action === 'stop')
      run.problems.set('no-space', {
        code: 'no-space',
        message: 'The host has no space left: the guest was paused before a write was lost.',
        repair: 'Free some space, then resume.',
      });
    listener.changed();
  });
  control.on('VSERPORT_CHANGE', (event) => {
    if (event.data.id !== 'agent0') return;
    run.agent = event.data.open;
    if (event.data.open) listener.agentOpened();
    else run.facts = null;
    listener.changed();
  });
};
