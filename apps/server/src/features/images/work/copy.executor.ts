import { workWatch } from '../../../qemu/work-watch.ts';
import type { Executor, OperationContext } from '../../operations/operations.types.ts';
import type { NewFile, NewFiles, NewFileWish } from '../new-files.ts';

export interface CopyRun {
  readonly wish: NewFileWish;
  readonly bytes: number;
}
export interface CopyJournal {
  /** `naming`: the copy is complete and proven under its hidden name. */
  readonly phase: 'new' | 'making' | 'naming';
  readonly file: NewFile | null;
}
type Context = OperationContext<CopyRun, CopyJournal>;

const placeOf = (context: Context): NewFile => {
  if (context.journal.file === null) throw new Error('the copy has no place');
  return context.journal.file;
};

const carryOut = async (files: NewFiles, context: Context): Promise<string> => {
  const { wish, bytes } = context.request;
  if (context.journal.phase === 'new') context.save({ phase: 'making', file: await files.place(wish) });
  if (context.journal.phase === 'making') {
    if (context.resumed) context.recovered('The copy had not been completed and was made again.');
    context.step(0);
    const watch = workWatch(context, (fraction) => context.progress(fraction * bytes, bytes));
    const file = await files.make(placeOf(context), wish, watch);
    context.controls(null);
    context.cancelled.throwIfAborted();
    context.save({ phase: 'naming', file });
  }
  context.finishing();
  context.step(1);
  return (await files.publish(placeOf(context))).imageId;
};

/** A new image of what is there: copied as it is, or written in another format. */
export const copyExecutor = (
  files: NewFiles,
  kind: 'image-copy' | 'image-convert' = 'image-copy',
): Executor<CopyRun, CopyJournal> => ({
  kind,
  run: async (context) => {
    try {
      return { imageId: await carryOut(files, context) };
    } catch (error) {
      if (!context.ending && context.journal.file !== null) await files.discard(context.journal.file);
      throw error;
    }
  },
});
