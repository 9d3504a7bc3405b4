import { setTimeout as delay } from 'node:timers/promises';
import { pivot } from '../../../qemu/pivot.ts';
import type { OperationContext } from '../operations.types.ts';
import type { ChainRun, ExecutorDeps } from './chain-run.types.ts';
import { jobIdOf } from './job-follow.ts';

/* What an active commit and a live move have in common: at one moment the disk of a VM continues in another file. */

/** The part of a journal that tells how far that is. */
export interface SwitchJournal {
  /** `pivoting`: the VM may be stopped, and its disk may continue elsewhere. */
  readonly phase: string;
  readonly vmWasRunning: boolean;
}
type Context = OperationContext<ChainRun, SwitchJournal>;

/** How long until it is tried again to write down where a VM writes now. */
const patienceMs = 1000;

/** The VM stands still, and its disk may or may not continue elsewhere already. */
const isUnresolved = ({ vms }: ExecutorDeps, { request, journal, ending }: Context): boolean => {
  const { liveVm } = request.plan;
  if (ending || liveVm === null || journal.phase !== 'pivoting') return false;
  try {
    return vms.live(liveVm.vmId) !== null;
  } catch {
    // It runs, and does not answer.
    return true;
  }
};

/**
 * Once the disk may have been switched, ending this would let the VM go on writing a file that the books do not know:
 * whatever fails (a full disk, a slow QEMU), it is tried again, with every lock held and the VM standing still.
 */
export const untilWrittenDown = async (
  deps: ExecutorDeps,
  context: OperationContext<ChainRun, SwitchJournal>,
  work: () => Promise<void>,
): Promise<void> => {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isUnresolved(deps, context)) throw error;
      const why = error instanceof Error ? error.message : String(error);
      context.waits(
        `The VM stands still until it is written down which layer it writes. Tried again: ${why}`,
      );
      await delay(patienceMs, undefined, { ref: false });
    }
  }
};

/** The books say that the disk continues there; the server was killed before it let the VM run again. */
export const letRunOn = async (
  deps: ExecutorDeps,
  { id, request, journal }: Context,
  paths: { readonly top: string; readonly base: string },
): Promise<void> => {
  const { liveVm } = request.plan;
  const vm = liveVm === null ? null : deps.vms.live(liveVm.vmId);
  if (vm === null || liveVm === null) return;
  await pivot(
    deps.engines.live(vm, liveVm.diskId),
    { jobId: jobIdOf(id), ...paths },
    { intend: () => {}, persist: () => {} },
    { vmWasRunning: journal.vmWasRunning },
  );
};
