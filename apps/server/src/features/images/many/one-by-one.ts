import type { LeftOut } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import type { WorkWatch } from '../../../qemu/image-work.ts';
import { workWatch } from '../../../qemu/work-watch.ts';
import type { OperationContext } from '../../operations/operations.types.ts';
import type { LibraryAccess } from '../library-access.ts';

export interface ManyRun {
  readonly imageIds: readonly string[];
  /** Found out before anything was begun. */
  readonly leftOut: readonly LeftOut[];
  /** VMs that must not start before these images are done. */
  readonly holds: Readonly<Record<string, readonly string[]>>;
}
export interface ManyJournal<Found> {
  /** So many of the images are done. */
  readonly done: number;
  readonly found: readonly Found[];
  readonly leftOut: readonly LeftOut[];
}

/** Written down so often: what a crash undoes is looked at again, which costs a moment and harms nothing. */
const saveEvery = 16;

/** Held by images that are still to come. */
const heldAfter = ({ imageIds, holds }: ManyRun, done: number): ReadonlySet<string> =>
  new Set(imageIds.slice(done).flatMap((id) => holds[id] ?? []));

/**
 * Looks at one image after the other. One that cannot be looked at is left out with the reason, and the others go on;
 * what is done is let go of at once. Null: nothing worth telling.
 */
export const oneByOne = async <Request extends ManyRun, Found>(
  access: LibraryAccess,
  context: OperationContext<Request, ManyJournal<Found>>,
  look: (imageId: string, watch: WorkWatch) => Promise<Found | null>,
): Promise<ManyJournal<Found>> => {
  const { request, cancelled } = context;
  const { imageIds } = request;
  const found = [...context.journal.found];
  const leftOut = [...context.journal.leftOut];
  const watch = workWatch(context);
  context.step(0);
  let settled = context.journal.done;
  const settle = async (done: number): Promise<void> => {
    const ids = imageIds.slice(settled, done);
    if (ids.length === 0) return;
    const held = heldAfter(request, done);
    const vms = ids.flatMap((id) => request.holds[id] ?? []).filter((vm) => !held.has(vm));
    settled = done;
    await access.exclusive(() => access.glanceLocked(ids));
    access.announce();
    context.save({ done, found, leftOut });
    context.release({ images: ids, vms });
  };
  try {
    for (let at = context.journal.done; at < imageIds.length; at += 1) {
      const id = imageIds[at] ?? '';
      context.progress(at, imageIds.length);
      await watch.brake?.pass(0, cancelled);
      cancelled.throwIfAborted();
      try {
        const one = await look(id, watch);
        if (one !== null) found.push(one);
      } catch (error) {
        cancelled.throwIfAborted();
        if (!(error instanceof AppError)) throw error;
        leftOut.push({ imageId: id, name: access.library.get(id)?.name ?? id, why: error.message });
      }
      if ((at + 1) % saveEvery === 0) await settle(at + 1);
    }
    await settle(imageIds.length);
  } finally {
    context.controls(null);
  }
  return { done: imageIds.length, found, leftOut: [...request.leftOut, ...leftOut] };
};
