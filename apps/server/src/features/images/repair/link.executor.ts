import { AppError } from '../../../app-error.ts';
import type { Executor, OperationContext } from '../../operations/operations.types.ts';
import type { LinkChange, LinkFiles } from '../link-files.ts';
import { demandFree } from '../work/demand-free.ts';

export interface LinkRun {
  /** One after the other; each leaves an image that reads right by itself. */
  readonly changes: readonly LinkChange[];
}
export interface LinkJournal {
  /** `writing`: the next link may have been written. */
  readonly phase: 'new' | 'writing';
  /** How many are written and proven. */
  readonly done: number;
}
type Context = OperationContext<LinkRun, LinkJournal>;

/** Throws when somebody else has written a header since it was looked at. */
const lookAt = async (links: LinkFiles, change: LinkChange): Promise<'before' | 'after'> => {
  const found = await links.look(change);
  if (found !== 'other') return found;
  throw new AppError(
    'plan-stale',
    `The header of ${change.path} was written by somebody else meanwhile. It was not changed; look again.`,
  );
};

const writeNext = async (links: LinkFiles, context: Context, change: LinkChange): Promise<void> => {
  const { done } = context.journal;
  await demandFree(change.path, context.resumed, 'try again');
  const found = await lookAt(links, change);
  context.cancelled.throwIfAborted();
  context.save({ phase: 'writing', done });
  if (done === context.request.changes.length - 1) context.finishing();
  if (found === 'before') await links.write(change);
  else context.recovered('The link had been written; the rest was finished.');
  await links.prove(change);
  context.save({ phase: 'new', done: done + 1 });
};

/** Links in headers: the format that one did not tell, no link at all, or where a base that was moved is now. */
export const linkExecutor = (links: LinkFiles): Executor<LinkRun, LinkJournal> => ({
  kind: 'image-repair',
  run: async (context) => {
    const { changes } = context.request;
    context.step(0);
    if (!context.resumed) for (const change of changes) await lookAt(links, change);
    while (context.journal.done < changes.length) {
      const change = changes[context.journal.done];
      if (change === undefined) throw new Error('incomplete journal');
      context.step(context.journal.done + 1);
      await writeNext(links, context, change);
      context.progress(context.journal.done, changes.length);
    }
    const [first] = changes;
    return { imageId: first?.imageId, before: first?.before, images: changes.map(({ imageId }) => imageId) };
  },
});
