import type { DoomedTag } from '../../operations/executors/delete-snapshots.ts';
import type { Executor, OperationContext } from '../../operations/operations.types.ts';
import { snapshotBooks } from '../snapshot-books.ts';
import type { TakeDeps } from '../take.executor.ts';
import { createDropInside } from './drop-inside.ts';

/*
 *    active ●tag ●other   ──▶   active ●other     clusters that only the tag needed are free inside the file
 */

export interface InternalDeleteRun {
  readonly vmId: string;
  readonly snapshots: readonly DoomedTag[];
}
export interface InternalDeleteJournal {
  /** So many are gone, tags and rows. */
  readonly done: number;
}
type Context = OperationContext<InternalDeleteRun, InternalDeleteJournal>;

const lose = (deps: TakeDeps, context: Context, { id }: DoomedTag, done: number): void => {
  context.save({ done }, () => snapshotBooks(deps.repository, deps.vms).lose(id));
  deps.publish(id, 'deleted');
};

export const deleteInternalExecutor = (
  deps: TakeDeps,
): Executor<InternalDeleteRun, InternalDeleteJournal> => ({
  kind: 'snapshot-delete-internal',
  run: async (context) => {
    const { vmId, snapshots } = context.request;
    const dropInside = createDropInside(deps);
    context.finishing();
    for (const [index, doomed] of snapshots.entries()) {
      context.step(index);
      if (index >= context.journal.done) {
        await dropInside(context, { vmId, doomed, jobId: `d-${context.id}-${index}` }, () =>
          lose(deps, context, doomed, index),
        );
        lose(deps, context, doomed, index + 1);
      }
      await deps.screenshots.remove(vmId, `${doomed.id}.png`);
      await deps.vars.remove(vmId, doomed.id);
    }
    await deps.images.refresh(snapshots.flatMap(({ disks }) => disks.map(({ imageId }) => imageId)));
    return { snapshotIds: snapshots.map(({ id }) => id) };
  },
});
