import { AppError } from '../../../app-error.ts';
import { type IsoForm, isoDiffers, writeIso } from '../../../qemu/tools/iso-tool.ts';
import { workWatch } from '../../../qemu/work-watch.ts';
import type { Executor, OperationContext } from '../../operations/operations.types.ts';
import type { FreshFileWish, NewFile, NewFiles } from '../new-files.ts';
import type { StagedFiles } from './staged-files.ts';

/*
 *    new      nothing is there yet
 *    making   the disc grows under a hidden name; made again from the start after a crash
 *    naming   it is complete, compared and on disk
 */

export interface MakeIsoRun {
  readonly target: FreshFileWish;
  /** A folder of the host; null: what was staged under the tag of the target. */
  readonly source: string | null;
  readonly form: IsoForm;
}
export interface MakeIsoJournal {
  readonly phase: 'new' | 'making' | 'naming';
  readonly file: NewFile | null;
}
type Context = OperationContext<MakeIsoRun, MakeIsoJournal>;

export interface MakeIsoDeps {
  readonly files: Pick<NewFiles, 'placeFresh' | 'makeFresh' | 'publish' | 'discard'>;
  readonly staged: StagedFiles;
}

const placeOf = ({ journal }: Context): NewFile => {
  if (journal.file === null) throw new Error('the disc has no place');
  return journal.file;
};

/** Written, and compared with what it was made of. */
const make = async (folder: string, part: string, context: Context): Promise<void> => {
  const { form, target } = context.request;
  const half = (offset: number) =>
    workWatch(context, (fraction) =>
      context.progress(((offset + fraction) / 2) * target.bytes, target.bytes),
    );
  await writeIso(folder, part, form, target.bytes, half(0));
  context.step(1);
  const difference = await isoDiffers(folder, part, half(1));
  if (difference !== null)
    throw new AppError(
      'not-possible',
      `${folder} was changed while it was read, and the ISO was removed: ${difference.slice(0, 300)}`,
    );
};

const carryOut = async ({ files, staged }: MakeIsoDeps, context: Context): Promise<string> => {
  const { target, source } = context.request;
  if (context.journal.phase === 'new')
    context.save({ phase: 'making', file: await files.placeFresh(target) });
  if (context.journal.phase === 'making') {
    if (context.resumed) context.recovered('The ISO had not been completed and was made again.');
    context.step(0);
    const folder = source ?? staged.folderOf(target.tag);
    const file = await files.makeFresh(placeOf(context), (part) => make(folder, part, context));
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

/** An ISO of a folder of the host, or of files that were staged. */
export const makeIsoExecutor = (deps: MakeIsoDeps): Executor<MakeIsoRun, MakeIsoJournal> => ({
  kind: 'image-make',
  making: ({ source, target }) => (source === null ? [deps.staged.folderOf(target.tag)] : []),
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
