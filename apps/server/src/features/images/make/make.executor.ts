import type { Executor, OperationContext } from '../../operations/operations.types.ts';
import type { FreshFileWish, NewFile, NewFiles } from '../new-files.ts';
import { type MadeForm, makeForm, proofOf } from './make-forms.ts';
import type { StagedFiles } from './staged-files.ts';

/*
 *    new      nothing is there yet
 *    making   it grows under a hidden name; made again from the start after a crash
 *    naming   it is complete, compared and on disk
 */

export interface MakeRun {
  readonly target: FreshFileWish;
  /** A folder of the host; null: what was staged under the tag of the target. */
  readonly source: string | null;
  readonly form: MadeForm;
}
export interface MakeJournal {
  readonly phase: 'new' | 'making' | 'naming';
  readonly file: NewFile | null;
}
type Context = OperationContext<MakeRun, MakeJournal>;

export interface MakeExecutorDeps {
  readonly files: Pick<NewFiles, 'placeFresh' | 'makeFresh' | 'publish' | 'discard'>;
  readonly staged: StagedFiles;
}

const placeOf = ({ journal }: Context): NewFile => {
  if (journal.file === null) throw new Error('it has no place');
  return journal.file;
};

const carryOut = async ({ files, staged }: MakeExecutorDeps, context: Context): Promise<string> => {
  const { target, source, form } = context.request;
  if (context.journal.phase === 'new')
    context.save({ phase: 'making', file: await files.placeFresh(target) });
  if (context.journal.phase === 'making') {
    if (context.resumed) context.recovered('It had not been completed and was made again.');
    context.step(0);
    const folder = source ?? staged.folderOf(target.tag);
    const file = await files.makeFresh(placeOf(context), (part) =>
      makeForm({ folder, part, form, bytes: target.bytes }, context),
    );
    context.controls(null);
    context.cancelled.throwIfAborted();
    context.save({ phase: 'naming', file });
  }
  context.finishing();
  context.step(2);
  const { imageId } = await files.publish(placeOf(context));
  await staged.remove(target.tag);
  return imageId;
};

/** An image of a folder of the host, or of files that were staged. */
export const makeExecutor = (deps: MakeExecutorDeps): Executor<MakeRun, MakeJournal> => ({
  kind: 'image-make',
  making: ({ source, target }) => {
    const folder = deps.staged.folderOf(target.tag);
    return source === null ? [folder, proofOf(folder)] : [];
  },
  run: async (context) => {
    try {
      return { imageId: await carryOut(deps, context) };
    } catch (error) {
      if (!context.ending) {
        if (context.journal.file !== null) await deps.files.discard(context.journal.file);
        await deps.staged.remove(context.request.target.tag);
      }
      throw error;
    }
  },
});
