import type { LayerId } from '@strata/backing-chain';
import type { Executor, OperationContext } from '../operations.types.ts';
import type { ChainRun, ExecutorDeps } from './chain-run.types.ts';
import { type CommitJournal, type CommitRun, commitExecutor } from './commit.ts';
import { type PullJournal, type PullRun, pullExecutor } from './pull.ts';
import { recordResult } from './record-result.ts';
import { verifyLinks } from './verify-chains.ts';

/*
 *    a     b                a'    b'       one pull after the other: each is a whole pull with its own job, journal
 *    └──┬──┘                │     │        and engine (the VM that runs on that overlay, or a storage daemon);
 *     layer    ──▶          └──┬──┘        then the layer, on which nothing stands any more, goes to the trash
 *       │                      │
 *     base                   base
 */

/** The data goes up into each overlay; without any the file just goes. */
export interface DeleteUpRun extends ChainRun {
  readonly layer: LayerId;
  readonly parts: ReadonlyArray<{ readonly into: LayerId; readonly base: LayerId | null }>;
}
/** Down into the layer below it is a commit. */
export type DeleteRun = DeleteUpRun | CommitRun;

export interface DeleteUpJournal {
  /** `recorded`: nothing stands on the layer any more, and the books say so. */
  readonly phase: 'pulling' | 'recorded';
  readonly parts: readonly PullJournal[];
}
export type DeleteJournal = DeleteUpJournal | CommitJournal;
type Context = OperationContext<DeleteUpRun, DeleteUpJournal>;

/** A part as the pull executor knows it: its own id (of job and daemon), its own journal, its own share of the bar. */
const partContext = (context: Context, index: number): OperationContext<PullRun, PullJournal> => {
  const { plan, layers, parts } = context.request;
  const part = plan.parts?.[index];
  const wish = parts[index];
  if (part === undefined || wish === undefined) throw new Error('incomplete plan');
  const isLast = index === parts.length - 1;
  const before = (plan.parts ?? []).slice(0, index).reduce((sum, { bytesToMove }) => sum + bytesToMove, 0);
  return {
    ...context,
    id: `${context.id}-${index}`,
    request: { plan: part, layers, into: wish.into, base: wish.base },
    get journal() {
      const journal = context.journal.parts[index];
      if (journal === undefined) throw new Error('incomplete journal');
      return journal;
    },
    get ending() {
      return context.ending;
    },
    save: (journal, alongside) =>
      context.save(
        {
          ...context.journal,
          parts: context.journal.parts.map((other, at) => (at === index ? journal : other)),
        },
        alongside,
      ),
    step: () => context.step(index),
    progress: (done, total, front) =>
      context.progress(before + (total > 0 ? (done / total) * part.bytesToMove : 0), plan.bytesToMove, front),
    // Between two pulls it can still be cancelled.
    finishing: () => {
      if (isLast) context.finishing();
    },
  };
};

const deleteUp = async (deps: ExecutorDeps, context: Context): Promise<Record<string, unknown>> => {
  const { plan, layer, parts } = context.request;
  if (context.journal.phase === 'pulling') {
    for (const index of parts.keys()) {
      if (context.journal.parts[index]?.phase === 'recorded') continue;
      context.cancelled.throwIfAborted();
      await pullExecutor(deps).run(partContext(context, index));
    }
    context.finishing();
    context.controls(null);
    await verifyLinks(deps, plan);
    context.save({ ...context.journal, phase: 'recorded' }, () => recordResult(deps, plan));
  }
  context.finishing();
  context.step(parts.length);
  context.release({ images: [layer] });
  if (deps.images.list().some((image) => image.id === layer)) await deps.images.delete(layer);
  return { imageId: layer };
};

const isCommit = (
  context: OperationContext<DeleteRun, DeleteJournal>,
): context is OperationContext<DeleteRun, DeleteJournal> & OperationContext<CommitRun, CommitJournal> =>
  'top' in context.request;

export const deleteExecutor = (deps: ExecutorDeps): Executor<DeleteRun, DeleteJournal> => ({
  kind: 'delete',
  run: (context) =>
    isCommit(context) ? commitExecutor(deps).run(context) : deleteUp(deps, context as unknown as Context),
});
