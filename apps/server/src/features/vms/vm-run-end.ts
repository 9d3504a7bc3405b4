import { existsSync } from 'node:fs';
import type { ProcessIdentity } from '../../qemu/process-identity.ts';

/** How a run of QEMU came to its end. */
export interface RunEnd {
  /** Nobody wanted it: the VM is shown as crashed. */
  readonly crashed: boolean;
  readonly words: string;
}

export const asked: RunEnd = { crashed: false, words: 'powered off' };
const unexplained: RunEnd = {
  crashed: true,
  words: 'QEMU ended without having been asked to. Its last words are in the log.',
};

const wanted = (words: string): RunEnd => ({ crashed: false, words });
/** The reasons of QEMU's event SHUTDOWN. A reset ends QEMU only when it runs with -no-reboot. */
const reasons: Readonly<Record<string, RunEnd>> = {
  'guest-shutdown': wanted('the guest shut down'),
  'guest-reset': wanted('the guest restarted, which ends this VM (-no-reboot)'),
  'subsystem-reset': wanted('the guest restarted, which ends this VM (-no-reboot)'),
  'host-qmp-system-reset': wanted('the VM was reset, which ends it (-no-reboot)'),
  'host-qmp-quit': wanted('another program told QEMU to quit'),
  'host-signal': wanted('another program ended QEMU with a signal'),
  'host-ui': wanted('QEMU was closed from its display'),
  'guest-panic': {
    crashed: true,
    words: 'The guest’s kernel has panicked, and QEMU ended with it. Its console has the details.',
  },
};

/** Null for a reason that explains nothing (`host-error`, or one that only newer versions know). */
export const endOfReason = (reason: string): RunEnd | null => reasons[reason] ?? null;

/**
 * How a process ended that was watched and said no reason: QEMU does not always get rid of its event SHUTDOWN before it
 * ends (seen with 7.2 on a busy host). As in `endUnseen` its pid file tells.
 */
export const endUnsaid = (pidFile: string): RunEnd =>
  existsSync(pidFile) ? unexplained : wanted('ended in good order, and did not say why');

/**
 * How a process ended that nobody watched. QEMU removes its pid file when it ends in good order (7.2: the guest
 * shut down, `quit`, SIGTERM); one that was killed or that aborted leaves it behind.
 */
export const endUnseen = (process: ProcessIdentity, bootId: string, pidFile: string): RunEnd => {
  // The folder of the pid file does not outlive a restart of the host: its absence proves nothing then.
  if (process.bootId !== bootId)
    return { crashed: true, words: 'The host was restarted since this VM was last seen running.' };
  return existsSync(pidFile)
    ? {
        crashed: true,
        words:
          'QEMU was killed or failed while Strata was not connected to it. Its last words are in the log.',
      }
    : wanted('ended in good order while Strata was not connected to it');
};
