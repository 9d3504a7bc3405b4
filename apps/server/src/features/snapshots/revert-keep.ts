import { statfs } from 'node:fs/promises';
import type { Blocker, RevertPlan } from '@strata/backing-chain';
import type { Revert, Vm } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { VmsService } from '../vms/vms.types.ts';
import type { RevertContext } from './revert.executor.ts';
import type { KeptMemory } from './revert-memory.ts';
import type { TakeMemoryRun } from './take.executor.ts';
import { memoryToTake } from './take-memory-wish.ts';

/*
 * The memory of a VM that runs, on its way into the snapshot that keeps its state at a revert:
 *
 * overlays exist → memory to a file, the guest stands → the file is durable → QEMU ends → the books
 *
 * Killed before the file is durable, the guest goes on, and nothing has changed. After it, the guest does not run again in
 * this state before somebody goes back to it.
 */

type Vms = Pick<VmsService, 'live' | 'memory' | 'moments'>;

export interface MemoryToKeep {
  /** Null: it is not wished for, or cannot be had. */
  readonly saves: TakeMemoryRun | null;
  readonly blockers: readonly Blocker[];
  readonly space: { readonly freeSpaceNeeded: number; readonly freeSpace: number } | null;
}

const demandWhole = (vms: Vms, vm: Vm, keeps: RevertPlan['keeps']): void => {
  if (vms.live(vm.id) === null)
    throw new AppError(
      'vm-not-running',
      `“${vm.name}” is off and has no memory. Keep its state without memory.`,
    );
  if (vm.disks.some(({ id }) => !keeps.some(({ diskId }) => diskId === id)))
    throw new AppError(
      'not-possible',
      'Memory belongs to all disks of the VM, and this revert leaves some of them as they are. Keep the state without memory.',
    );
};

/** A VM that is suspended has its memory in a file already. */
export const memoryToKeep = async (
  deps: { readonly vms: Vms; readonly dataDir: string },
  vm: Vm,
  snapshotId: string,
  wish: Revert,
  keeps: RevertPlan['keeps'],
): Promise<MemoryToKeep> => {
  const none = { saves: null, blockers: [], space: null };
  if (wish.keepMemory !== true || deps.vms.memory.suspended(vm.id) !== null) return none;
  try {
    demandWhole(deps.vms, vm, keeps);
    // It ends anyway, so it need not run on while it is saved.
    const saves = await memoryToTake(deps, vm, snapshotId, { stopAfterSeconds: 0 }, 'keep its state');
    const { bavail, bsize } = await statfs(deps.dataDir);
    return { ...none, saves, space: { freeSpaceNeeded: saves.forecast, freeSpace: bavail * bsize } };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { code, message } = error;
    return { ...none, blockers: [{ code, message, subjects: [{ kind: 'vm', id: vm.id, name: vm.name }] }] };
  }
};

/** What the snapshot of the current state has as its memory. */
export const keptMemoryOf = ({ request, journal }: RevertContext): KeptMemory | null => {
  const { memory = null, saves = null } = request.keep ?? {};
  if (saves === null || journal.savedBytes === undefined) return memory;
  return { file: saves.file, bytes: journal.savedBytes, hardware: saves.hardware };
};

/** The guest is as it was, and there is no file. */
const undo = async ({ memory, live }: Vms, vmId: string, saves: TakeMemoryRun): Promise<void> => {
  if (live(vmId) !== null && (await memory.standsSaved(vmId)))
    await (saves.hardware.ran?.paused === true ? memory.stayPaused(vmId) : memory.goOn(vmId));
  await memory.remove(vmId, saves.file);
};

/** Either it is durable when this ends, or nothing of it was done. */
export const saveKept = async (vms: Vms, context: RevertContext, saves: TakeMemoryRun): Promise<void> => {
  const { vmId } = context.request;
  const { file, forecast, stopAfterSeconds } = saves;
  try {
    if (context.resumed)
      throw new AppError(
        'not-possible',
        'Strata was ended before the memory of the current state was saved. Nothing has changed; begin it again.',
      );
    await vms.memory.save(vmId, {
      ...{ file, stopAfterSeconds, signal: context.cancelled },
      progress: (bytes) => context.progress(Math.min(bytes, forecast), forecast),
    });
    context.finishing();
    const savedBytes = await vms.memory.keep(vmId, file);
    // The forecast was the most that it could be.
    context.progress(savedBytes, savedBytes);
    context.save({ ...context.journal, phase: 'stopping', savedBytes });
  } catch (error) {
    if (context.ending) throw error;
    await undo(vms, vmId, saves);
    throw context.cancelled.aborted ? context.cancelled.reason : error;
  }
};

/** The revert has failed, and the disks are as they were: so is the guest, or it waits for them in its memory. */
export const giveBackKept = async (vms: Vms, context: RevertContext): Promise<void> => {
  const saves = context.request.keep?.saves ?? null;
  const kept = keptMemoryOf(context);
  if (saves === null || kept === null) return;
  const { savedBytes = 0, ...journal } = context.journal;
  if (vms.live(context.request.vmId) !== null) {
    // Before it goes on: from its first step on the file is older than its disks, and nobody may take it for kept.
    context.save({ ...journal, phase: 'saving' });
    return undo(vms, context.request.vmId, saves);
  }
  // With it goes that this is over: whoever takes it up must not switch the disks away from what waits for them.
  context.save({ ...journal, phase: 'creating', savedBytes }, () =>
    vms.memory.setSuspended(context.request.vmId, { ...kept, at: new Date().toISOString() }),
  );
  context.recovered('The VM is suspended: its memory had been saved already, and its next start goes on.');
};
