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
}
type Context = OperationContext<RenameRun, RenameJournal>;

/** Both names are right at every moment, so going back is as safe as going on. */
const goBack = async (steps: MoveSteps, { request, journal }: Context): Promise<void> => {
  const { move } = request;
  for (const overlay of await steps.overlaysOf(move)) await steps.relink(overlay, move.from);
  if (move.part === null) await steps.linkSelf({ ...move, from: move.to, to: move.from }, 'relative');
  await steps.removeNew(move, journal.key);
};

const switchOver = (moves: MoveFiles, context: Context): Promise<void> =>
  moves.exclusively(async (steps) => {
    const { move } = context.request;
    if (move.from !== move.to)
      try {
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
    await steps.removeOld(move);
    await steps.linkSelf(move, 'relative');
    await steps.scan();
  });

export const renameExecutor = (moves: MoveFiles): Executor<RenameRun, RenameJournal> => ({
  kind: 'image-rename',
  run: async (context) => {
    const { move } = context.request;
    if (context.journal.phase === 'new') {
      context.step(0);
      const key =
        move.part === null
          ? null
          : await moves.copy(move, {
              signal: context.cancelled,
              onProgress: (fraction) => context.progress(fraction, 1),
            });
      context.save({ phase: 'ready', key });
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
