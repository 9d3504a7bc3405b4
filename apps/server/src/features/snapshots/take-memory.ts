import { AppError } from '../../app-error.ts';
import { closeDroppedNodes } from '../../qemu/dropped-nodes.ts';
import { snapshotDisks } from '../../qemu/live-snapshot.ts';
import { removeOverlays } from './new-overlays.ts';
import type { TakeContext, TakeDeps, TakeMemoryRun } from './take.executor.ts';
import { liveOverlays, writtenNow } from './take-live.ts';

/*
 * overlays open → memory to a file, the guest runs → QEMU stops it, and has all → the disks switch → the guest goes on
 *               → the file is made durable → the snapshot is written down
 *
 * Only the switch makes a snapshot. Killed before it, what was made is removed; killed after it, the file was complete.
 * Either way the guest goes on, if it ran.
 */

/** What is known of the memory once the guest goes on. */
export interface TakenMemory {
  readonly file: string;
  readonly bytes: number;
  /** For how long the guest stood; null when it was paused before, or when nobody measured it. */
  readonly pauseMs: number | null;
}

const release = async ({ vms }: TakeDeps, { request }: TakeContext): Promise<number | null> => {
  if (request.memory?.hardware.ran?.paused !== true) return vms.memory.goOn(request.vmId);
  await vms.memory.stayPaused(request.vmId);
  return null;
};

/** The guest stands from the last byte of its memory until the disks have switched, and no longer, whatever comes of it. */
const saveAndSwitch = async (
  deps: TakeDeps,
  context: TakeContext,
  memory: TakeMemoryRun,
): Promise<number | null> => {
  const { vmId } = context.request;
  const vm = deps.vms.live(vmId);
  if (vm === null) throw new AppError('vm-not-running', 'The VM ended before its memory could be saved.');
  let pauseMs: number | null = null;
  const during = async (switchNow: () => Promise<void>): Promise<void> => {
    const { stoppedAt } = await deps.vms.memory.save(vmId, {
      file: memory.file,
      stopAfterSeconds: memory.stopAfterSeconds,
      signal: context.cancelled,
      progress: (bytes) => context.progress(Math.min(bytes, memory.forecast), memory.forecast),
    });
    let wentOn: number | null = null;
    try {
      await switchNow();
    } finally {
      wentOn = await release(deps, context);
    }
    if (stoppedAt !== null && wentOn !== null) pauseMs = wentOn - stoppedAt;
  };
  await snapshotDisks(vm, liveOverlays(deps, context), { during });
  return pauseMs;
};

/** An overlay that a guest has written to is part of its disk now, whatever else is known. */
const holdsData = async ({ images }: TakeDeps, { journal }: TakeContext): Promise<boolean> => {
  for (const { imageId } of journal.overlays) if ((await images.allocation(imageId)).length > 0) return true;
  return false;
};

const undo = async (deps: TakeDeps, context: TakeContext): Promise<void> => {
  const { vmId, memory } = context.request;
  const vm = deps.vms.live(vmId);
  if (vm !== null) await closeDroppedNodes(vm.qmp);
  await removeOverlays(
    deps.images,
    context.journal.overlays.map((overlay) => overlay.imageId),
  );
  if (memory != null) await deps.vms.memory.remove(vmId, memory.file);
};

/**
 * After a crash, or when something failed: whether the disks have switched. The guest goes on, and when they have not,
 * nothing is left of the attempt.
 */
const settle = async (deps: TakeDeps, context: TakeContext): Promise<'switched' | 'undone' | 'no-memory'> => {
  const { vms } = deps;
  const { vmId } = context.request;
  if (vms.live(vmId) !== null) {
    const stands = await vms.memory.standsSaved(vmId);
    const written = await writtenNow(deps, context);
    if (stands && written !== 'unknown') await release(deps, context);
    if (written === 'switched') return 'switched';
    if (written === 'unknown') return 'no-memory';
  }
  // The guest is gone. Its disks go on where it has written; the memory may not have reached the disk.
  if (vms.live(vmId) === null && (await holdsData(deps, context))) return 'no-memory';
  await undo(deps, context);
  return 'undone';
};

const interrupted = (): AppError =>
  new AppError(
    'not-possible',
    'Strata was ended before this snapshot could be taken, and the VM has gone on. Nothing has changed; take it again.',
  );

const withoutMemory = (context: TakeContext): null => {
  context.recovered(
    'The VM ended, or did not answer, while the snapshot was taken: it shows what was on the disks then, without the memory.',
  );
  return null;
};

/** The disks continue on the overlays afterwards. Null: the memory was lost on the way, and only the disks are shown. */
export const takeWithMemory = async (
  deps: TakeDeps,
  context: TakeContext,
  memory: TakeMemoryRun,
): Promise<TakenMemory | null> => {
  let pauseMs: number | null = null;
  if (context.resumed) {
    await deps.images.scan();
    const found = await settle(deps, context);
    if (found === 'undone') throw interrupted();
    if (found === 'no-memory') return withoutMemory(context);
  } else {
    try {
      pauseMs = await saveAndSwitch(deps, context, memory);
    } catch (error) {
      if (context.ending) throw error;
      if ((await settle(deps, context)) === 'undone')
        throw context.cancelled.aborted ? context.cancelled.reason : error;
      return withoutMemory(context);
    }
  }
  context.finishing();
  const { file } = memory;
  return { file, bytes: await deps.vms.memory.keep(context.request.vmId, file), pauseMs };
};
