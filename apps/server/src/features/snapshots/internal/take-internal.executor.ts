import { AppError } from '../../../app-error.ts';
import { readTags } from '../../../qemu/image-tags.ts';
import { hasJob, markDisks, measuredPause, saveTag } from '../../../qemu/live-tags.ts';
import type { Executor, OperationContext } from '../../operations/operations.types.ts';
import type { LiveVm } from '../../vms/vms.types.ts';
import { type FreezeJournal, letGo, switchFrozen } from '../freeze-hook.ts';
import { type KeptMoment, keepMoment, keepMomentUp, momentColumns } from '../kept-moment.ts';
import { forgetFiles, type TakeDeps } from '../take.executor.ts';
import {
  createTags,
  dropTags,
  openDisks,
  reachVm,
  spreadOf,
  type TaggedDisk,
  untilLetGo,
} from './tagged-layers.ts';

/*
 *    active  <- the VM writes         active ●tag  <- the VM writes the same file on; clusters of the tag are copied
 *    base                             base
 */

export interface InternalTakeRun {
  readonly vmId: string;
  readonly snapshotId: string;
  readonly name: string;
  readonly description: string;
  /** Nobody else's: other tools find a snapshot by its name. */
  readonly tag: string;
  readonly memory: boolean;
  readonly vmWasOff: boolean;
  readonly quiesce?: boolean;
  readonly disks: readonly TaggedDisk[];
}

export interface InternalTakeJournal extends FreezeJournal {
  /** `taking`: some, all or none of the layers may have the tag. */
  readonly phase: 'new' | 'taking' | 'taken' | 'recorded';
  readonly screenshot: string | null;
  readonly pauseMs: number | null;
  readonly moment: KeptMoment;
}
type Context = OperationContext<InternalTakeRun, InternalTakeJournal>;

const jobIdOf = ({ id }: Context): string => `t-${id}`;
const undoIdOf = ({ id }: Context): string => `u-${id}`;

const takeLive = async ({ images }: TakeDeps, context: Context, vm: LiveVm): Promise<number | null> => {
  const { memory, tag, disks } = context.request;
  const wish = { jobId: jobIdOf(context), tag, disks: openDisks(images, disks) };
  if (memory) return measuredPause(vm, () => saveTag(vm, wish));
  await markDisks(vm, wish);
  return null;
};

/** After a crash or a failure: whole, or not there. */
const settle = async (deps: TakeDeps, context: Context): Promise<'all' | 'none'> => {
  const { vmId, tag, disks, memory } = context.request;
  const vm = await reachVm(deps.vms, vmId);
  if (vm === null) await untilLetGo(deps.images, disks);
  // A save that is still under way ends first; how it ended, the headers say.
  else if (memory && (await hasJob(vm, jobIdOf(context))))
    await saveTag(vm, { jobId: jobIdOf(context), tag, disks: openDisks(deps.images, disks) }).catch(() => {});
  const spread = await spreadOf(deps.images, disks, tag);
  if (spread === 'all') return 'all';
  if (spread === 'some') await dropTags(deps.images, vm, { jobId: undoIdOf(context), tag, disks });
  return 'none';
};

const take = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { vmId, tag, disks, vmWasOff } = context.request;
  let pauseMs: number | null = null;
  try {
    const vm = deps.vms.live(vmId);
    if (vm !== null)
      await switchFrozen(deps, context, async () => {
        pauseMs = await takeLive(deps, context, vm);
      });
    else if (vmWasOff) await createTags(deps.images, disks, tag);
    else throw new AppError('vm-not-running', 'The VM ended before the snapshot was taken.');
    if ((await spreadOf(deps.images, disks, tag)) !== 'all')
      throw new AppError('qemu-refused', 'QEMU did not write the snapshot into every disk.');
  } catch (error) {
    if (context.ending || (await settle(deps, context)) !== 'all') throw error;
  }
  context.save({ ...context.journal, phase: 'taken', pauseMs });
};

/** It is taken: UEFI variables that cannot be copied anew do not undo that, and those of a later moment are not its own. */
const keepVarsUp = async (deps: TakeDeps, context: Context): Promise<void> => {
  if (context.resumed) return;
  const { vmId, snapshotId } = context.request;
  try {
    const moment = await keepMomentUp(deps, vmId, snapshotId, context.journal.moment);
    if (moment !== context.journal.moment) context.save({ ...context.journal, moment });
  } catch {
    context.recovered('The UEFI variables are those of just before the snapshot.');
  }
};

/** What a server that was killed has left. A VM that is off still holds the moment that was meant. */
const takeUp = async (deps: TakeDeps, context: Context): Promise<void> => {
  if ((await settle(deps, context)) === 'all') {
    context.save({ ...context.journal, phase: 'taken' });
    return;
  }
  if (context.request.vmWasOff) return;
  context.recovered('No disk holds it.');
  throw new AppError(
    'not-possible',
    'Strata was ended before this snapshot was taken, and the VM has gone on. Nothing has changed; take it again.',
  );
};

const begin = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { vms, screenshots } = deps;
  const { vmId, snapshotId, memory } = context.request;
  const moment = await keepMoment(deps, vmId, snapshotId, memory && vms.live(vmId) !== null);
  const screenshot = await screenshots.keep(vmId, snapshotId, () => vms.screenshot(vmId));
  context.save({ ...context.journal, phase: 'taking', screenshot, moment });
};

const record = async ({ images, vms, repository, publish }: TakeDeps, context: Context): Promise<void> => {
  const { vmId, snapshotId, name, description, tag, memory, vmWasOff, disks } = context.request;
  const { screenshot, pauseMs, moment } = context.journal;
  const [first] = openDisks(images, disks);
  const written = (await readTags(first?.path ?? '')).find((known) => known.tag === tag);
  context.save({ ...context.journal, phase: 'recorded' }, () => {
    repository.insert({
      ...{ id: snapshotId, vmId, parentId: vms.currentSnapshot(vmId), name, description },
      ...{
        kind: 'internal',
        memory,
        consistency: memory ? 'memory' : (context.journal.consistency ?? 'crash'),
        vmWasOff,
        pauseMs,
        screenshot,
      },
      createdAt: new Date().toISOString(),
      ...momentColumns(moment),
      ...{ origin: 'taken', memoryFile: null },
      memoryBytes: memory ? (written?.vmStateSize ?? null) : null,
      disks: disks.map((disk) => ({ ...disk, internalTag: tag })),
    });
    vms.setCurrentSnapshot(vmId, snapshotId);
  });
  publish(snapshotId, 'created');
};

export const takeInternalExecutor = (deps: TakeDeps): Executor<InternalTakeRun, InternalTakeJournal> => ({
  kind: 'snapshot-take',
  run: async (context) => {
    const { vmId, snapshotId, disks } = context.request;
    context.finishing();
    context.step(0);
    try {
      await letGo(deps, context);
      if (context.journal.phase === 'taking') await takeUp(deps, context);
      if (context.journal.phase === 'new') await begin(deps, context);
      if (context.journal.phase === 'taking') await take(deps, context);
      context.step(1);
      if (context.journal.phase === 'taken') {
        await keepVarsUp(deps, context);
        await record(deps, context);
      }
    } catch (error) {
      if (!context.ending && context.journal.phase !== 'recorded') await forgetFiles(deps, vmId, snapshotId);
      throw error;
    }
    await deps.images.refresh(disks.map((disk) => disk.imageId));
    return { snapshotId };
  },
});
