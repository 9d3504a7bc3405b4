import type { Executor, OperationContext } from '../../operations/operations.types.ts';
import { snapshotBooks } from '../snapshot-books.ts';
import type { TakeDeps } from '../take.executor.ts';
import { dropTags, reachVm, spreadOf, type TaggedDisk, untilLetGo } from './tagged-layers.ts';

/*
 *    active ●tag ●other   ──▶   active ●other     clusters that only the tag needed are free inside the file
 */

export interface InternalDeleteRun {
  readonly vmId: string;
  readonly snapshots: readonly {
    readonly id: string;
    readonly name: string;
    readonly tag: string;
    readonly disks: readonly TaggedDisk[];
  }[];
}
export interface InternalDeleteJournal {
  /** So many are gone, tags and rows. */
  readonly done: number;
}
type Context = OperationContext<InternalDeleteRun, InternalDeleteJournal>;
type Doomed = InternalDeleteRun['snapshots'][number];

/** Layers that the VM writes at this moment, in its QEMU; the others are open nowhere. */
const dropEverywhere = async (
  { images, vms }: TakeDeps,
  context: Context,
  { tag, disks }: Doomed,
): Promise<void> => {
  const { vmId } = context.request;
  const vm = await reachVm(vms, vmId);
  const written = new Map(vms.get(vmId).disks.map(({ id, imageId }) => [id, imageId]));
  const inVm = disks.filter(({ diskId, imageId }) => vm !== null && written.get(diskId) === imageId);
  const others = disks.filter((disk) => !inVm.includes(disk));
  if (inVm.length > 0)
    await dropTags(images, vm, { jobId: `d-${context.id}-${context.journal.done}`, tag, disks: inVm });
  if (context.resumed) await untilLetGo(images, others);
  await dropTags(images, null, { jobId: '', tag, disks: others });
};

const lose = (deps: TakeDeps, context: Context, { id }: Doomed, done: number): void => {
  context.save({ done }, () => snapshotBooks(deps.repository, deps.vms).lose(id));
  deps.publish(id, 'deleted');
};

const drop = async (deps: TakeDeps, context: Context, doomed: Doomed): Promise<void> => {
  const before = await spreadOf(deps.images, doomed.disks, doomed.tag);
  try {
    await dropEverywhere(deps, context, doomed);
  } catch (error) {
    if (context.ending) throw error;
    // With one of its tags it has lost what made it a restore point.
    const left = await spreadOf(deps.images, doomed.disks, doomed.tag).catch(() => before);
    if (left !== 'all') {
      lose(deps, context, doomed, context.journal.done);
      context.recovered(`“${doomed.name}” is no longer whole, and no restore point any more.`);
    }
    throw error;
  }
};

export const deleteInternalExecutor = (
  deps: TakeDeps,
): Executor<InternalDeleteRun, InternalDeleteJournal> => ({
  kind: 'snapshot-delete-internal',
  run: async (context) => {
    const { vmId, snapshots } = context.request;
    context.finishing();
    for (const [index, doomed] of snapshots.entries()) {
      context.step(index);
      if (index >= context.journal.done) {
        await drop(deps, context, doomed);
        lose(deps, context, doomed, index + 1);
      }
      await deps.screenshots.remove(vmId, `${doomed.id}.png`);
      await deps.vars.remove(vmId, doomed.id);
    }
    await deps.images.refresh(snapshots.flatMap(({ disks }) => disks.map(({ imageId }) => imageId)));
    return { snapshotIds: snapshots.map(({ id }) => id) };
  },
});
