import { AppError } from '../../app-error.ts';
import { taintBlockers } from '../chains/taint-blockers.ts';
import type { ImagesService } from '../images/images.types.ts';
import type { OperationsService } from '../operations/operations.types.ts';

/** Throws `plan-blocked` where a commit has been left half-way in one of these layers. */
export const demandUntainted = (
  { images, operations }: { readonly images: ImagesService; readonly operations: OperationsService },
  ids: readonly string[],
): void => {
  const tainted = taintBlockers(ids, 'other', operations.taints.list(), images);
  if (tainted.length > 0)
    throw new AppError('plan-blocked', tainted.map(({ message }) => message).join(' '), {
      blockers: tainted.map((blocker) => ({ ...blocker, subjects: [...blocker.subjects] })),
    });
};
