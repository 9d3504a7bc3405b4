import { setTimeout as delay } from 'node:timers/promises';
import type { Executor, OperationContext } from '../../operations/operations.types.ts';
import type { ImagesService } from '../images.types.ts';
import { demandFree } from '../work/demand-free.ts';
import type { ExtendSteps, ExtendWork } from './extend-steps.ts';

/*
 *   work    everything happens on an overlay; ended in the middle it is begun anew, and the image is as it was
 *
 *              overlay │ ▓  ▓▓   ▓ │   new table, larger file system, proved
 *              image   │▓▓▓▓▓▓▓    │   only read
 *
 *   merge   the overlay is whole and on disk, and goes into the image; ended in the middle it goes once more
 *   merged  all of it is in the image, and only the overlay is to be removed: it may be gone already
 */

export type ExtendRun = Omit<ExtendWork, 'id'>;
export interface ExtendJournal {
  readonly phase: 'new' | 'work' | 'merge' | 'merged';
  /** Of the file system, in bytes, as it says itself. */
  readonly grown: { readonly before: number; readonly after: number } | null;
}
type Context = OperationContext<ExtendRun, ExtendJournal>;

export interface ExtendDeps {
  readonly steps: ExtendSteps;
  readonly images: Pick<ImagesService, 'refresh' | 'facts'>;
}

const workOf = ({ id, request }: Context): ExtendWork => ({ id, ...request });
const againMs = 3000;

const onOverlay = async ({ steps }: ExtendDeps, context: Context): Promise<void> => {
  const work = workOf(context);
  if (context.resumed) context.recovered('It had not been completed, and was begun anew on a new overlay.');
  context.save({ phase: 'work', grown: null });
  context.step(0);
  await steps.begin(work);
  context.cancelled.throwIfAborted();
  if (work.partition !== null) await steps.growPartition(work);
  context.step(1);
  const grown = work.fileSystem === null ? null : await steps.growFileSystem(work, context.cancelled);
  context.step(2);
  context.cancelled.throwIfAborted();
  await steps.prove(work);
  context.cancelled.throwIfAborted();
  context.finishing();
  context.save({ phase: 'merge', grown });
};

/** Half of it would be a broken file system: it is tried again until all of it is there, and nobody uses the image before. */
const intoImage = async ({ steps }: ExtendDeps, context: Context): Promise<void> => {
  context.finishing();
  context.step(3);
  if (context.resumed) context.recovered('The rest was written into the image from the overlay.');
  for (;;)
    try {
      return await steps.merge(workOf(context), () => {});
    } catch (error) {
      if (context.ending) throw error;
      const words = error instanceof Error ? error.message : String(error);
      context.waits(`Writing into the image did not work, and is tried again: ${words}`);
      await delay(againMs);
    }
};

export const extendExecutor = (deps: ExtendDeps): Executor<ExtendRun, ExtendJournal> => ({
  kind: 'image-extend',
  run: async (context) => {
    const { imageId, partition, partitionSize } = context.request;
    await deps.images.refresh([imageId]);
    if (context.journal.phase === 'new' || context.journal.phase === 'work') {
      await demandFree(deps.images.facts(imageId).path, context.resumed, 'extend it again');
      try {
        await onOverlay(deps, context);
      } catch (error) {
        if (!context.ending) await deps.steps.discard(workOf(context));
        throw error;
      }
    }
    if (context.journal.phase === 'merge') {
      await intoImage(deps, context);
      context.save({ ...context.journal, phase: 'merged' });
    }
    context.finishing();
    await deps.steps.discard(workOf(context));
    await deps.images.refresh([imageId]);
    return { imageId, partition, partitionSize, fileSystem: context.journal.grown };
  },
});
