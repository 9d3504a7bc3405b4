import { AppError } from '../../../app-error.ts';
import { goOn, loadTag } from '../../../qemu/live-tags.ts';
import { goOnFromMemory } from '../revert-memory.ts';
import type { TakeDeps } from '../take.executor.ts';
import type { InternalRevertContext as Context } from './revert-internal.types.ts';
import { openDisks, reachVm } from './tagged-layers.ts';

/** Of the memory inside the tag. */
export const loadWish = (images: TakeDeps['images'], { id, request }: Context) => ({
  ...{ jobId: `l-${id}`, tag: request.tag },
  disks: openDisks(images, request.disks),
});

/** A VM that was off is started on the disks of that moment, standing, and gets its memory back. */
const loadInto = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { vmId, start } = context.request;
  if (context.journal.phase === 'applied') {
    if (deps.vms.live(vmId) === null) await deps.vms.start(vmId, { paused: true });
    context.save({ ...context.journal, phase: 'loading' });
  }
  const vm = await reachVm(deps.vms, vmId);
  if (vm === null)
    throw new AppError(
      'vm-not-running',
      'The VM ended before it had its memory back; its disks are reverted.',
    );
  try {
    await loadTag(vm, loadWish(deps.images, context));
  } catch (error) {
    if (context.ending) throw error;
    await deps.vms.poweroff(vmId).catch(() => {});
    const why = error instanceof Error ? error.message : String(error);
    const code = error instanceof AppError ? error.code : 'internal-error';
    throw new AppError(code, `${why} The disks are reverted, and the VM is off.`);
  }
  if (start === 'running') await goOn(vm);
  context.save({ ...context.journal, phase: 'loaded' });
};

/** It goes on, is started, or stays as it is. */
export const letGoOn = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { vmId, start, memory, memoryFile = null, disks } = context.request;
  const vm = context.journal.phase === 'applied' ? await reachVm(deps.vms, vmId) : null;
  if (vm !== null && context.request.live) {
    if (start === 'running') await goOn(vm);
    return;
  }
  context.release({ vms: [vmId], images: disks.map(({ imageId }) => imageId) });
  if (start === 'no') return;
  if (memory && memoryFile === null) {
    if (context.journal.phase !== 'loaded') await loadInto(deps, context);
    return;
  }
  if (vm !== null) return;
  try {
    if (memoryFile === null) await deps.vms.start(vmId, { paused: start === 'paused' });
    else await goOnFromMemory(deps.vms, vmId, start === 'paused');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const code = error instanceof AppError ? error.code : 'internal-error';
    const what = memoryFile === null ? 'be started' : 'go on from its memory';
    throw new AppError(code, `The VM was reverted, but it could not ${what}: ${why}`);
  }
};
