import { AppError } from '../../../app-error.ts';
import { applyTag, readTags } from '../../../qemu/image-tags.ts';
import { isGuestRunning, loadTag, markDisks, saveTag, standStill } from '../../../qemu/live-tags.ts';
import type { Executor } from '../../operations/operations.types.ts';
import type { LiveVm } from '../../vms/vms.types.ts';
import { type KeptMoment, keepMoment, keepMomentUp, momentColumns } from '../kept-moment.ts';
import { forgetFiles, type TakeDeps } from '../take.executor.ts';
import { letGoOn, loadWish } from './after-revert.ts';
import type {
  InternalRevertContext as Context,
  InternalRevertJournal,
  InternalRevertRun,
  InternalRevertStep,
} from './revert-internal.types.ts';
import { createTags, letRun, openDisks, reachVm, spreadOf, untilLetGo } from './tagged-layers.ts';
import { dropBefore, finishUndo, undo } from './undo-revert.ts';

const begin = (context: Context, step: InternalRevertStep): void => {
  const index = context.request.order.indexOf(step);
  if (index >= 0) context.step(index);
};

const prepare = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { vmId, keep, live } = context.request;
  const { vms, screenshots } = deps;
  const vm = vms.live(vmId);
  if (live && vm === null) throw new AppError('vm-not-running', 'The VM has ended. Revert it again.');
  const screenshot = keep === null ? null : await screenshots.keep(vmId, keep.id, () => vms.screenshot(vmId));
  const moment = keep === null ? context.journal.moment : await keepMoment(deps, vmId, keep.id, live);
  // Written down before it stands: whoever takes this up has to know whether it is to go on.
  const ran = vm !== null && (await isGuestRunning(vm));
  context.save({ phase: 'keeping', ran, screenshot, moment });
};

/** What is kept and what is left are one moment: the guest stands from here on, or is off. */
const stop = async ({ vms }: TakeDeps, context: Context): Promise<LiveVm | null> => {
  const { vmId, live } = context.request;
  const vm = await reachVm(vms, vmId);
  if (vm === null) return null;
  begin(context, 'stop');
  await standStill(vm);
  if (live) return vm;
  await vms.poweroff(vmId);
  if (vms.live(vmId) !== null)
    throw new AppError('vm-running', 'The VM could not be powered off; its disks were not changed.');
  return null;
};

/** Nobody writes meanwhile: what was half done when the server was killed is done again. */
const keepState = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { vmId, beforeTag, disks, keep, memory } = context.request;
  const vm = await stop(deps, context);
  begin(context, 'keep');
  if (vm === null) await untilLetGo(deps.images, disks);
  if ((await spreadOf(deps.images, disks, beforeTag)) !== 'all') {
    await dropBefore(deps, context, vm);
    const wish = { jobId: `k-${context.id}`, tag: beforeTag, disks: openDisks(deps.images, disks) };
    if (vm === null) await createTags(deps.images, disks, beforeTag);
    else if (memory && keep !== null) await saveTag(vm, wish);
    else await markDisks(vm, wish);
  }
  if ((await spreadOf(deps.images, disks, beforeTag)) !== 'all')
    throw new AppError('qemu-refused', 'QEMU did not write the current state into every disk.');
  const { moment } = context.journal;
  const kept = keep === null ? moment : await keepMomentUp(deps, vmId, keep.id, moment);
  await recordKept(deps, context, kept);
};

const recordKept = async (
  { images, vms, repository, publish }: TakeDeps,
  context: Context,
  moment: KeptMoment,
): Promise<void> => {
  const { vmId, keep, beforeTag, disks, leavesMemory: waiting = null } = context.request;
  const [first] = openDisks(images, disks);
  const written = (await readTags(first?.path ?? '')).find(({ tag }) => tag === beforeTag);
  const size = waiting?.bytes ?? written?.vmStateSize ?? 0;
  const memory = size > 0;
  context.save({ ...context.journal, phase: 'kept', moment }, () => {
    if (keep === null) return;
    repository.insert({
      ...{ id: keep.id, vmId, parentId: vms.currentSnapshot(vmId), name: keep.name, description: '' },
      ...{ kind: 'internal', origin: 'kept', memory, consistency: memory ? 'memory' : 'crash' },
      ...{ vmWasOff: keep.vmWasOff, pauseMs: null, screenshot: context.journal.screenshot },
      createdAt: new Date().toISOString(),
      ...momentColumns(moment),
      ...(waiting === null ? {} : { definition: waiting.hardware }),
      ...{ memoryFile: waiting?.file ?? null, memoryBytes: memory ? size : null },
      disks: disks.map((disk) => ({ ...disk, internalTag: beforeTag })),
    });
  });
  if (keep !== null) publish(keep.id, 'created');
};

const applyOffline = async (deps: TakeDeps, { request }: Context, tag: string): Promise<void> => {
  for (const { path } of openDisks(deps.images, request.disks)) await applyTag(path, tag);
};

const missing = /does not exist in one or more devices/;

const apply = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { vmId, tag, disks, keep, vars } = context.request;
  begin(context, 'apply');
  const vm = await reachVm(deps.vms, vmId);
  try {
    if (vm === null) {
      await untilLetGo(deps.images, disks);
      await applyOffline(deps, context, tag);
      if (vars !== undefined) await deps.vars.restore(vmId, vars.name, deps.vms.moments.uefiVars(vmId));
    } else await loadTag(vm, loadWish(deps.images, context));
  } catch (error) {
    if (context.ending) throw error;
    if (vm === null || !(error instanceof AppError) || !missing.test(error.extras.stderr ?? ''))
      return undo(deps, context, error);
    // QEMU looked before it touched anything.
    if (keep === null) await dropBefore(deps, context, vm).catch(() => {});
    await letRun(vm, context.journal.ran);
    throw error;
  }
};

/** All disks have gone back and the books say so: what is given up is no way back any more. */
const dropWayBack = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { vmId, beforeTag } = context.request;
  try {
    await dropBefore(deps, context, await reachVm(deps.vms, vmId));
  } catch (error) {
    if (context.ending) throw error;
    const why = error instanceof Error ? error.message : String(error);
    context.recovered(`The state that was given up is still inside the disks as “${beforeTag}”: ${why}`);
  }
};

const record = ({ vms, publish }: TakeDeps, context: Context): void => {
  const { vmId, snapshotId, hardware, memoryFile = null, leavesMemory = null } = context.request;
  context.save({ ...context.journal, phase: 'applied' }, () => {
    if (hardware !== null && vms.live(vmId) === null) vms.moments.restore(vmId, hardware);
    vms.moments.forgetFailure(vmId);
    vms.setCurrentSnapshot(vmId, snapshotId);
    // On these disks the memory of the snapshot fits, and the one that waited does not.
    if (memoryFile !== null) vms.memory.setSuspended(vmId, { ...memoryFile, at: new Date().toISOString() });
    else if (leavesMemory !== null) vms.memory.setSuspended(vmId, null);
  });
  publish(snapshotId, 'updated');
};

/** Nothing has gone back yet: the guest goes on, and no half of a tag is left. */
const giveUp = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { vmId, keep } = context.request;
  const vm = await reachVm(deps.vms, vmId);
  await dropBefore(deps, context, vm).catch(() => {});
  await letRun(vm, context.journal.ran);
  if (keep === null) return;
  await forgetFiles(deps, vmId, keep.id);
};

export const revertInternalExecutor = (
  deps: TakeDeps,
): Executor<InternalRevertRun, InternalRevertJournal> => ({
  kind: 'snapshot-revert',
  standsStill: ({ phase }) => ['keeping', 'kept', 'applying', 'loading', 'undoing', 'undone'].includes(phase),
  run: async (context) => {
    const { vmId, snapshotId, keep, disks, leavesMemory = null } = context.request;
    context.finishing();
    if (context.journal.phase === 'undoing' || context.journal.phase === 'undone') {
      if ((await reachVm(deps.vms, vmId)) === null) await untilLetGo(deps.images, disks).catch(() => {});
      return finishUndo(deps, context);
    }
    try {
      if (context.journal.phase === 'new') await prepare(deps, context);
      if (context.journal.phase === 'keeping') await keepState(deps, context);
    } catch (error) {
      if (!context.ending) await giveUp(deps, context);
      throw error;
    }
    if (context.journal.phase === 'kept') context.save({ ...context.journal, phase: 'applying' });
    if (context.journal.phase === 'applying') {
      await apply(deps, context);
      record(deps, context);
    }
    if (context.journal.phase === 'applied' && keep === null) await dropWayBack(deps, context);
    if (leavesMemory !== null) await deps.vms.memory.remove(vmId, leavesMemory.file);
    await deps.vms.forgetPicture(vmId);
    await deps.images.refresh(disks.map(({ imageId }) => imageId));
    begin(context, 'after');
    await letGoOn(deps, context);
    return { snapshotId, ...(keep === null ? {} : { keptSnapshotId: keep.id }) };
  },
});
