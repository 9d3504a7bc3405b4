import type { WorkWatch } from '../../../qemu/image-work.ts';
import { workWatch } from '../../../qemu/work-watch.ts';
import type { Executor, OperationContext } from '../../operations/operations.types.ts';
import type { FreshFileWish, NewFile, NewFiles } from '../new-files.ts';
import { plainOf, scratchOf } from './make-disk.ts';
import { type MadeForm, makeForm, partsOf } from './make-forms.ts';
import { proofOf, removeTree } from './prove-files.ts';
import { type Staging, stageTree } from './stage-tree.ts';
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
  /** How the files come under that tag, when they do not lie there yet. */
  readonly staging?: Staging | undefined;
  readonly form: MadeForm;
  /** Of the files. */
  readonly bytes: number;
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

export const stepsOf = ({ staging, form }: Pick<MakeRun, 'staging' | 'form'>): readonly string[] => [
  ...(staging === undefined ? [] : ['Bring the files together']),
  ...partsOf(form),
  'Take the new image into the library',
];

/** The parts of the work one after the other: each is a step, and has the same share of the bar. */
const sections = (context: Context): (() => WorkWatch) => {
  const count = stepsOf(context.request).length - 1;
  const { bytes } = context.request.target;
  let next = 0;
  return () => {
    const at = next;
    next += 1;
    context.step(at);
    return workWatch(context, (fraction) => context.progress(((at + fraction) / count) * bytes, bytes));
  };
};

/** All that lies beside the images while one is made. */
const placesOf = (folder: string): string[] => [folder, proofOf(folder), plainOf(folder), scratchOf(folder)];

const clear = async ({ staged }: MakeExecutorDeps, { request }: Context): Promise<void> => {
  for (const place of placesOf(staged.folderOf(request.target.tag))) await removeTree(place);
};

const makeAll = async ({ staged }: MakeExecutorDeps, context: Context, part: string): Promise<void> => {
  const { target, source, staging, form, bytes } = context.request;
  const next = sections(context);
  const folder = source ?? staged.folderOf(target.tag);
  if (staging !== undefined) await stageTree(staging, folder, bytes, next());
  // What it is read back into lies with us, wherever it is made of.
  await makeForm({ folder, beside: staged.folderOf(target.tag), part, form, bytes }, next);
};

const carryOut = async (deps: MakeExecutorDeps, context: Context): Promise<string> => {
  const { files } = deps;
  if (context.journal.phase === 'new')
    context.save({ phase: 'making', file: await files.placeFresh(context.request.target) });
  if (context.journal.phase === 'making') {
    if (context.resumed) context.recovered('It had not been completed and was made again.');
    const file = await files.makeFresh(placeOf(context), (part) => makeAll(deps, context, part));
    context.controls(null);
    context.cancelled.throwIfAborted();
    context.save({ phase: 'naming', file });
  }
  context.finishing();
  context.step(stepsOf(context.request).length - 1);
  const { imageId } = await files.publish(placeOf(context));
  await clear(deps, context);
  return imageId;
};

/** An image of a folder of the host, or of files that were staged. */
export const makeExecutor = (deps: MakeExecutorDeps): Executor<MakeRun, MakeJournal> => ({
  kind: 'image-make',
  making: ({ target }) => placesOf(deps.staged.folderOf(target.tag)),
  run: async (context) => {
    try {
      return { imageId: await carryOut(deps, context) };
    } catch (error) {
      if (!context.ending) {
        if (context.journal.file !== null) await deps.files.discard(context.journal.file);
        await clear(deps, context);
      }
      throw error;
    }
  },
});
