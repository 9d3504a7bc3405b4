import { AppError } from '../../../app-error.ts';
import { applyTag } from '../../../qemu/image-tags.ts';
import type { LiveVm } from '../../vms/vms.types.ts';
import type { TakeDeps } from '../take.executor.ts';
import type { InternalRevertContext as Context } from './revert-internal.types.ts';
import { dropTags, openDisks, reachVm } from './tagged-layers.ts';

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The tag that holds what is left goes from wherever it is. */
export const dropBefore = async (deps: TakeDeps, context: Context, vm: LiveVm | null): Promise<void> => {
  const { beforeTag: tag, disks } = context.request;
  await dropTags(deps.images, vm, { jobId: `u-${context.id}`, tag, disks });
};

/** As many disks as can be had: one that cannot be opened must not keep the others from being what they were. */
const putBack = async ({ images }: TakeDeps, { request }: Context): Promise<string[]> => {
  const failures: string[] = [];
  for (const { path } of openDisks(images, request.disks))
    await applyTag(path, request.beforeTag).catch((error: unknown) => void failures.push(wordsOf(error)));
  return failures;
};

/** A saved memory fits none but the disks it was saved with. */
const giveUpMemory = async ({ vms }: TakeDeps, context: Context): Promise<void> => {
  const { vmId, leavesMemory = null } = context.request;
  if (leavesMemory === null) return;
  context.save(context.journal, () => vms.memory.setSuspended(vmId, null));
  await vms.memory.remove(vmId, leavesMemory.file);
};

/** Written down as what it is, and taken up as that: once the tag is dropped there is no other way back. */
export const finishUndo = async (deps: TakeDeps, context: Context): Promise<never> => {
  const { vmId, beforeTag, keep } = context.request;
  const { code, why, poweredOff } = context.journal.failure ?? {
    ...{ code: 'internal-error' as const, why: 'It failed.', poweredOff: false },
  };
  const its = poweredOff ? 'The VM was powered off; its' : 'Its';
  if (context.journal.phase === 'undoing') {
    if ((await reachVm(deps.vms, vmId)) !== null) await deps.vms.poweroff(vmId);
    const failures = await putBack(deps, context);
    if (context.ending) throw new AppError(code, why);
    if (failures.length > 0) {
      await giveUpMemory(deps, context);
      throw new AppError(
        code,
        `${why} ${its} disks may not belong to one moment: ${failures.join(' ')} What they were before is inside each of them as “${beforeTag}”.`,
      );
    }
    context.save({ ...context.journal, phase: 'undone' });
  }
  if (keep === null)
    await dropBefore(deps, context, null).catch((error: unknown) => {
      if (context.ending) throw error;
      context.recovered(`The same is still inside the disks as “${beforeTag}”: ${wordsOf(error)}`);
    });
  const back = keep === null ? '' : `, and “${keep.name}” has that state, too`;
  throw new AppError(code, `${why} ${its} disks are what they were before${back}.`);
};

/** Disks and memory do not belong to each other any more: the machine ends, and its disks are what they were. */
export const undo = async (deps: TakeDeps, context: Context, cause: unknown): Promise<never> => {
  const poweredOff = (await reachVm(deps.vms, context.request.vmId)) !== null;
  const code = cause instanceof AppError ? cause.code : 'internal-error';
  const failure = { code, why: wordsOf(cause), poweredOff };
  context.save({ ...context.journal, phase: 'undoing', failure });
  return finishUndo(deps, context);
};
