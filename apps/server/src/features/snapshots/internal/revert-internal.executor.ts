import { AppError } from '../../../app-error.ts';
import { applyTag, readTags } from '../../../qemu/image-tags.ts';
import { goOn, isGuestRunning, loadTag, markDisks, saveTag, standStill } from '../../../qemu/live-tags.ts';
import type { Executor, OperationContext } from '../../operations/operations.types.ts';
import type { VmHardware } from '../../vms/vm-record.types.ts';
import type { LiveVm } from '../../vms/vms.types.ts';
import { type KeptMoment, keepMoment, keepMomentUp, momentColumns } from '../kept-moment.ts';
import type { VarsToRestore } from '../revert-hardware.ts';
import { forgetFiles, type TakeDeps } from '../take.executor.ts';
import {
  createTags,
  dropTags,
  letRun,
  openDisks,
  reachVm,
  spreadOf,
  type TaggedDisk,
  untilLetGo,
} from './tagged-layers.ts';

/*
 *    active ●tag                 active ●tag ●before
 *    (what it shows now)   ──▶   (what ●tag shows)       the same file; the state that is left is a tag as well
 *
 * That tag is there also when the current state is given up: until all disks have gone back, it is the way to undo it.
 */

export type InternalRevertStep = 'stop' | 'keep' | 'apply' | 'after';

export interface InternalRevertRun {
  readonly vmId: string;
  readonly snapshotId: string;
  readonly tag: string;
  readonly disks: readonly TaggedDisk[];
  /** It goes on from the memory of that moment. */
  readonly memory: boolean;
  /** In the QEMU that runs; otherwise the VM is off for it. */
  readonly live: boolean;
  readonly beforeTag: string;
  /** The snapshot that keeps the current state; null when it is given up. */
  readonly keep: { readonly id: string; readonly name: string; readonly vmWasOff: boolean } | null;
  readonly start: 'no' | 'running' | 'paused';
  /** What the VM becomes; null: it stays what it is. */
  readonly hardware: VmHardware | null;
  /** Left out: the UEFI variables stay as they are, or come with the memory. */
  readonly vars?: VarsToRestore | undefined;
  readonly order: readonly InternalRevertStep[];
}

export interface InternalRevertJournal {
  /** `keeping`, `applying`: on some, all or none of the disks. `applied`: the books are right. `loading`: into a VM that was started for it. */
  readonly phase: 'new' | 'keeping' | 'kept' | 'applying' | 'applied' | 'loading' | 'loaded';
  /** The guest ran until it was stopped for this. */
  readonly ran: boolean;
  readonly screenshot: string | null;
  readonly moment: KeptMoment;
}
type Context = OperationContext<InternalRevertRun, InternalRevertJournal>;

const begin = (context: Context, step: InternalRevertStep): void => {
  const index = context.request.order.indexOf(step);
  if (index >= 0) context.step(index);
};

const wishOf = ({ images }: TakeDeps, { id, request }: Context, letter: string, tag: string) => ({
  jobId: `${letter}-${id}`,
  tag,
  disks: openDisks(images, request.disks),
});

const dropBefore = async (deps: TakeDeps, context: Context, vm: LiveVm | null): Promise<void> => {
  const { beforeTag: tag, disks } = context.request;
  await dropTags(deps.images, vm, { jobId: `u-${context.id}`, tag, disks });
};

const prepare = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { vmId, keep, live } = context.request;
  const { vms, screenshots } = deps;
  const vm = vms.live(vmId);
  if (live && vm === null) throw new AppError('vm-not-running', 'The VM has ended. Revert it again.');
  const screenshot = keep === null ? null : await screenshots.keep(vmId, keep.id, () => vms.screenshot(vmId));
  const moment = keep === null ? context.journal.moment : await keepMoment(deps, vmId, keep.id);
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
    const wish = wishOf(deps, context, 'k', beforeTag);
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
  const { vmId, keep, beforeTag, disks } = context.request;
  const [first] = openDisks(images, disks);
  const size = (await readTags(first?.path ?? '')).find(({ tag }) => tag === beforeTag)?.vmStateSize ?? 0;
  const memory = size > 0;
  context.save({ ...context.journal, phase: 'kept', moment }, () => {
    if (keep === null) return;
    repository.insert({
      ...{ id: keep.id, vmId, parentId: vms.currentSnapshot(vmId), name: keep.name, description: '' },
      ...{ kind: 'internal', origin: 'kept', memory, consistency: memory ? 'memory' : 'crash' },
      ...{ vmWasOff: keep.vmWasOff, pauseMs: null, screenshot: context.journal.screenshot },
      createdAt: new Date().toISOString(),
      ...momentColumns(moment),
      ...{ memoryFile: null, memoryBytes: memory ? size : null },
      disks: disks.map((disk) => ({ ...disk, internalTag: beforeTag })),
    });
  });
  if (keep !== null) publish(keep.id, 'created');
};

const applyOffline = async (deps: TakeDeps, { request }: Context, tag: string): Promise<void> => {
  for (const { path } of openDisks(deps.images, request.disks)) await applyTag(path, tag);
};

/** As many disks as can be had: one that cannot be opened must not keep the others from being what they were. */
const putBack = async (deps: TakeDeps, { request }: Context): Promise<string[]> => {
  const failures: string[] = [];
  for (const { path } of openDisks(deps.images, request.disks))
    await applyTag(path, request.beforeTag).catch((error: unknown) => {
      failures.push(error instanceof Error ? error.message : String(error));
    });
  return failures;
};

/** Disks and memory do not belong to each other any more: the machine ends, and its disks are what they were. */
const undo = async (deps: TakeDeps, context: Context, cause: unknown): Promise<never> => {
  const { vmId, beforeTag, keep } = context.request;
  const why = cause instanceof Error ? cause.message : String(cause);
  const wasLive = (await reachVm(deps.vms, vmId)) !== null;
  if (wasLive) await deps.vms.poweroff(vmId);
  const failures = await putBack(deps, context);
  const off = wasLive ? 'The VM was powered off; its' : 'Its';
  const code = cause instanceof AppError ? cause.code : 'internal-error';
  if (failures.length > 0)
    throw new AppError(
      code,
      `${why} ${off} disks may not belong to one moment: ${failures.join(' ')} What they were before is inside each of them as “${beforeTag}”.`,
    );
  if (keep === null) await dropBefore(deps, context, null);
  const back = keep === null ? '' : `, and “${keep.name}” has that state, too`;
  throw new AppError(code, `${why} ${off} disks are what they were before${back}.`);
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
    } else await loadTag(vm, wishOf(deps, context, 'l', tag));
  } catch (error) {
    if (context.ending) throw error;
    if (vm === null || !(error instanceof AppError) || !missing.test(error.extras.stderr ?? ''))
      return undo(deps, context, error);
    // QEMU looked before it touched anything.
    if (keep === null) await dropBefore(deps, context, vm).catch(() => {});
    await letRun(vm, context.journal.ran);
    throw error;
  }
  if (keep === null) await dropBefore(deps, context, vm);
};

const record = ({ vms, publish }: TakeDeps, context: Context): void => {
  const { vmId, snapshotId, hardware } = context.request;
  context.save({ ...context.journal, phase: 'applied' }, () => {
    if (hardware !== null && vms.live(vmId) === null) vms.moments.restore(vmId, hardware);
    vms.moments.forgetFailure(vmId);
    vms.setCurrentSnapshot(vmId, snapshotId);
  });
  publish(snapshotId, 'updated');
};

/** A VM that was off is started on the disks of that moment, standing, and gets its memory back. */
const loadInto = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { vmId, tag, start } = context.request;
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
    await loadTag(vm, wishOf(deps, context, 'l', tag));
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

const letGo = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { vmId, start, memory, disks } = context.request;
  begin(context, 'after');
  const vm = context.journal.phase === 'applied' ? await reachVm(deps.vms, vmId) : null;
  if (vm !== null && context.request.live) {
    if (start === 'running') await goOn(vm);
    return;
  }
  context.release({ vms: [vmId], images: disks.map(({ imageId }) => imageId) });
  if (start === 'no') return;
  if (memory) {
    if (context.journal.phase !== 'loaded') await loadInto(deps, context);
    return;
  }
  if (vm !== null) return;
  try {
    await deps.vms.start(vmId, { paused: start === 'paused' });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const code = error instanceof AppError ? error.code : 'internal-error';
    throw new AppError(code, `The VM was reverted, but it could not be started: ${why}`);
  }
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
  standsStill: ({ phase }) => ['keeping', 'kept', 'applying', 'loading'].includes(phase),
  run: async (context) => {
    const { vmId, snapshotId, keep, disks } = context.request;
    context.finishing();
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
    await deps.vms.forgetPicture(vmId);
    await deps.images.refresh(disks.map(({ imageId }) => imageId));
    await letGo(deps, context);
    return { snapshotId, ...(keep === null ? {} : { keptSnapshotId: keep.id }) };
  },
});
