import { dirname } from 'node:path';
import type { ImagesMove, LeftOut, Operation } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import type { Executor, OperationContext, OperationsService } from '../../operations/operations.types.ts';
import type { ImageMoves } from '../images.types.ts';
import type { LibraryAccess } from '../library-access.ts';
import { counted, leftOutWords } from './many-words.ts';

export interface MoveImagesRun {
  readonly imageIds: readonly string[];
  readonly folder: string;
  readonly useReserve: boolean;
}
export interface MoveImagesJournal {
  readonly done: number;
  /** The move of the next one, which is an operation of its own and survives by itself. */
  readonly childId: string | null;
  readonly moved: readonly string[];
  readonly leftOut: readonly LeftOut[];
}
type Context = OperationContext<MoveImagesRun, MoveImagesJournal>;

interface Deps {
  readonly access: LibraryAccess;
  readonly operations: OperationsService;
  readonly moves: Pick<ImageMoves, 'offline'>;
}

/** The move that is under way, or a new one; null: the file is there already. */
const begin = async (
  { access, operations, moves }: Deps,
  { folder, useReserve }: MoveImagesRun,
  childId: string | null,
  imageId: string,
): Promise<Operation | null> => {
  if (childId !== null) return operations.get(childId);
  const active = operations.activeOn({ images: [imageId] });
  // A crash between its start and the line in our journal.
  if (active?.kind === 'image-rename') return active;
  if (dirname(access.world.record(imageId).path) === folder) return null;
  return moves.offline(imageId, folder, useReserve);
};

/** Follows one move to its end; a pause or a cancel of all is one of this. */
const follow = async ({ operations }: Deps, context: Context, child: Operation): Promise<Operation> => {
  const cancel = (): void => void operations.cancel(child.id).catch(() => {});
  context.cancelled.addEventListener('abort', cancel, { once: true });
  context.controls({
    pause: async () => void (await operations.pause(child.id)),
    resume: async () => void (await operations.resume(child.id)),
  });
  try {
    if (context.cancelled.aborted) cancel();
    return await operations.ended(child.id);
  } finally {
    context.cancelled.removeEventListener('abort', cancel);
    context.controls(null);
  }
};

const whyNot = ({ state, error }: Operation): string | null =>
  state === 'done' ? null : (error?.message ?? 'It was cancelled.');

export const moveImagesExecutor = (deps: Deps): Executor<MoveImagesRun, MoveImagesJournal> => ({
  kind: 'images-move',
  run: async (context) => {
    const { imageIds } = context.request;
    const { access } = deps;
    let { done, childId } = context.journal;
    const moved = [...context.journal.moved];
    const leftOut = [...context.journal.leftOut];
    context.step(0);
    for (; done < imageIds.length; ) {
      const id = imageIds[done] ?? '';
      const leave = (why: string): void =>
        void leftOut.push({ imageId: id, name: access.library.get(id)?.name ?? id, why });
      context.progress(done, imageIds.length);
      context.cancelled.throwIfAborted();
      try {
        const child = await begin(deps, context.request, childId, id);
        if (child !== null) {
          context.save({ done, childId: child.id, moved, leftOut });
          const why = whyNot(await follow(deps, context, child));
          if (context.ending) throw new AppError('internal-error', 'The server ends.');
          if (why === null) moved.push(id);
          else leave(why);
        }
      } catch (error) {
        if (context.ending || !(error instanceof AppError)) throw error;
        leave(error.message);
      }
      done += 1;
      childId = null;
      context.save({ done, childId, moved, leftOut });
    }
    const told =
      moved.length === 0
        ? ''
        : `${counted(moved.length, 'image lies', 'images lie')} in ${context.request.folder} now.`;
    const words = [told, ...leftOutWords(leftOut, 'moved')].join(' ').trim();
    const result: ImagesMove = { moved, leftOut, words };
    return { ...result };
  },
});
