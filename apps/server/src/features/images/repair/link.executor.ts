import { AppError } from '../../../app-error.ts';
import type { Executor } from '../../operations/operations.types.ts';
import type { LinkChange, LinkFiles } from '../link-files.ts';
import { demandFree } from '../work/demand-free.ts';

export interface LinkRun {
  readonly change: LinkChange;
}
export interface LinkJournal {
  /** `writing`: the link may have been written. */
  readonly phase: 'new' | 'writing';
}

/** One link in one header: the format that it did not tell, or no link at all. */
export const linkExecutor = (links: LinkFiles): Executor<LinkRun, LinkJournal> => ({
  kind: 'image-repair',
  run: async (context) => {
    const { change } = context.request;
    context.step(0);
    await demandFree(change.path, context.resumed, 'try again');
    const found = await links.look(change);
    if (found === 'other')
      throw new AppError(
        'plan-stale',
        `The header of ${change.path} was written by somebody else meanwhile. Nothing was changed; look again.`,
      );
    context.cancelled.throwIfAborted();
    context.save({ phase: 'writing' });
    context.finishing();
    context.step(1);
    if (found === 'before') await links.write(change);
    else context.recovered('The link had been written; the rest was finished.');
    await links.prove(change);
    return { imageId: change.imageId, before: change.before };
  },
});
