import { AppError } from '../../app-error.ts';
import type { Executor, OperationContext } from '../operations/operations.types.ts';
import type { VmHardware } from '../vms/vm-record.types.ts';
import type { VmsService } from '../vms/vms.types.ts';

/*
 * memory to a file, the guest stands → the file is durable → QEMU ends → suspended
 *
 * Killed before the file is durable, the guest goes on. After it, the guest does not run again before it is resumed.
 */

export interface SuspendRun {
  readonly vmId: string;
  readonly file: string;
  /** What the file may take, about: to show how far it is. */
  readonly forecast: number;
  readonly hardware: VmHardware;
}
export interface SuspendJournal {
  readonly phase: 'new' | 'saving' | 'saved' | 'recorded';
  readonly bytes: number;
}
type Context = OperationContext<SuspendRun, SuspendJournal>;
type Vms = Pick<VmsService, 'live' | 'memory' | 'poweroff'>;

/** Nothing came of it: the guest is as it was, and no file is left. */
const undo = async (vms: Vms, { vmId, file, hardware }: SuspendRun): Promise<void> => {
  if (vms.live(vmId) !== null && (await vms.memory.standsSaved(vmId)))
    await (hardware.ran?.paused === true ? vms.memory.stayPaused(vmId) : vms.memory.goOn(vmId));
  await vms.memory.remove(vmId, file);
};

const save = async (vms: Vms, context: Context): Promise<void> => {
  const { vmId, file, forecast } = context.request;
  context.save({ phase: 'saving', bytes: 0 });
  try {
    await vms.memory.save(vmId, {
      file,
      stopAfterSeconds: 0,
      signal: context.cancelled,
      progress: (bytes) => context.progress(Math.min(bytes, forecast), forecast),
    });
    const bytes = await vms.memory.keep(vmId, file);
    context.save({ phase: 'saved', bytes });
  } catch (error) {
    if (context.ending) throw error;
    await undo(vms, context.request);
    throw context.cancelled.aborted ? context.cancelled.reason : error;
  }
};

/** What was saved is good as long as the guest does not run: if it cannot be ended, it goes on, and the file goes. */
const end = async (vms: Vms, context: Context): Promise<void> => {
  const { vmId } = context.request;
  if (vms.live(vmId) === null) return;
  try {
    await vms.poweroff(vmId);
  } catch (error) {
    if (context.ending) throw error;
    if (vms.live(vmId) === null) return;
    // Before it goes on: whoever takes this up then must not take the file for its memory.
    context.save({ phase: 'saving', bytes: 0 });
    await undo(vms, context.request);
    throw error;
  }
};

const takeUp = async (vms: Vms, context: Context): Promise<never> => {
  const isGone = vms.live(context.request.vmId) === null;
  await undo(vms, context.request);
  throw new AppError(
    'not-possible',
    isGone
      ? 'The VM ended before its memory was saved.'
      : 'Strata was ended before the memory was saved, and the VM has gone on. Suspend it again.',
  );
};

export const suspendExecutor = (vms: Vms): Executor<SuspendRun, SuspendJournal> => ({
  kind: 'vm-suspend',
  standsStill: ({ phase }) => phase === 'saving' || phase === 'saved',
  run: async (context) => {
    const { vmId, file, hardware } = context.request;
    if (context.journal.phase === 'saving') await takeUp(vms, context);
    if (context.journal.phase === 'new') {
      context.step(0);
      await save(vms, context);
    }
    if (context.journal.phase === 'saved') {
      context.finishing();
      context.step(1);
      await end(vms, context);
      const { bytes } = context.journal;
      context.save({ phase: 'recorded', bytes }, () =>
        vms.memory.setSuspended(vmId, { file, bytes, hardware, at: new Date().toISOString() }),
      );
    }
    return { vmId, memoryBytes: context.journal.bytes };
  },
});
