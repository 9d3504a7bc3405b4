import { AppError } from '../../../app-error.ts';
import { workWatch } from '../../../qemu/work-watch.ts';
import type { Executor, OperationContext } from '../../operations/operations.types.ts';
import type { Move, MoveFiles, MoveSteps } from '../move-files.ts';

export interface RenameRun {
  readonly move: Move;
  readonly overlays: readonly string[];
}
export interface RenameJournal {
  /** `ready`: what must be copied is there. `switched`: every link leads to the new name, and the books say so. */
  readonly phase: 'new' | 'ready' | 'switched';
  readonly key: string | null;
  /** Of a copy: by what its original is known, as long as nobody writes it. */
  readonly original?: string | null;
}
type Context = OperationContext<RenameRun, RenameJournal>;

/** Both names are right at every moment, so going back is as safe as going on. */
const goBack = async (steps: MoveSteps, { request, journal }: Context): Promise<void> => {
  const { move } = request;
  for (const overlay of await steps.overlaysOf(move)) await steps.relink(overlay, move.from);
  if (move.part === null) await steps.linkSelf({ ...move, from: move.to, to: move.from }, 'relative');
  await steps.removeNew(move, journal.key);
};

/** A program may have written the original while the server was away; what it wrote is not in the copy. */
const strangerAt = async (steps: MoveSteps, { request, journal }: Context): Promise<string | null> => {
  const { original } = journal;
  return original === undefined || original === null ? null : steps.strangerAt(request.move, original);
};

const switchOver = (moves: MoveFiles, context: Context): Promise<void> =>
  moves.exclusively(async (steps) => {
    const { move } = context.request;
    if (move.from !== move.to)
      try {
        const stranger = await strangerAt(steps, context);
        if (stranger !== null)
          throw new AppError('image-locked', `${stranger} It stays where it is; move it again.`);
        await steps.giveName(move, context.journal.key);
        await steps.linkSelf(move, 'absolute');
        for (const overlay of await steps.overlaysOf(move)) await steps.relink(overlay, move.to);
      } catch (error) {
        if (!context.ending) await goBack(steps, context);
        throw error;
      }
    const takeOver = await steps.takeOver(move);
    context.save({ ...context.journal, phase: 'switched' }, takeOver);
  });

const finish = (moves: MoveFiles, context: Context): Promise<void> =>
  moves.exclusively(async (steps) => {
    const { move } = context.request;
    const stranger = await strangerAt(steps, context);
    if (stranger === null) await steps.removeOld(move, context.journal.key);
    else context.recovered(`The image was moved. ${move.from} was kept: ${stranger}`);
    await steps.linkSelf(move, 'relative');
    await steps.scan();
  });

export const renameExecutor = (moves: MoveFiles): Executor<RenameRun, RenameJournal> => ({
  kind: 'image-rename',
  run: async (context) => {
    const { move } = context.request;
    if (context.journal.phase === 'new') {
      context.step(0);
      const copied =
        move.part === null
          ? { key: null, original: null }
          : await moves.copy(
              move,
              workWatch(context, (fraction) => context.progress(fraction, 1)),
            );
      context.controls(null);
      context.save({ phase: 'ready', ...copied });
    }
    context.finishing();
    if (context.journal.phase === 'ready') {
      context.step(1);
      await switchOver(moves, context);
    }
    context.step(2);
    await finish(moves, context);
    return { imageId: move.imageId };
  },
});
