import type { ImageCheck } from '@strata/contract';
import { type CheckReport, checkImageFile } from '../../../qemu/image-work.ts';
import { workWatch } from '../../../qemu/work-watch.ts';
import type { Executor } from '../../operations/operations.types.ts';
import type { RememberedCheck } from '../image-memory.ts';
import type { ImagesService } from '../images.types.ts';
import { checkToRemember, fileStateNow } from './check-file.ts';
import { checkWords } from './check-words.ts';
import { demandFree } from './demand-free.ts';

export interface CheckRun {
  readonly imageId: string;
  readonly repair: 'leaks' | 'all' | null;
}
/** What a first look found, so that a repair that was interrupted still tells it. */
export interface CheckJournal {
  readonly found: CheckReport | null;
}

export const checkExecutor = (
  images: ImagesService,
  remember: (imageId: string, checked: RememberedCheck) => void,
): Executor<CheckRun, CheckJournal> => ({
  kind: 'image-check',
  run: async (context) => {
    const { imageId, repair } = context.request;
    const { path, format } = images.facts(imageId);
    const file = { path, format };
    await demandFree(path, context.resumed, 'check again');
    context.step(0);
    let state = await fileStateNow(path);
    // What was found before a crash is told after a repair; without one the file may be another by now.
    const known = repair === null ? null : context.journal.found;
    const found = known ?? (await checkImageFile(file, null, workWatch(context)));
    context.controls(null);
    context.cancelled.throwIfAborted();
    context.save({ found });
    // A file that is only marked as corrupt has its mark taken away, too.
    const wrong = found.errors + found.leaks > 0 || repair === 'all';
    let left = found;
    if (repair !== null && wrong) {
      // Ended in the middle of a repair, the file would be worse than before.
      context.finishing();
      context.step(1);
      await checkImageFile(file, repair);
      // What QEMU says of its own repair is believed only when it finds nothing more.
      state = await fileStateNow(path);
      left = await checkImageFile(file, null);
    }
    await images.refresh([imageId]);
    const counts = {
      errors: found.errors,
      leaks: found.leaks,
      errorsFixed: Math.max(0, found.errors - left.errors),
      leaksFixed: Math.max(0, found.leaks - left.leaks),
    };
    const checked = await checkToRemember(file, left, state);
    const { leakedBytes } = checked;
    remember(imageId, checked);
    const result: ImageCheck = {
      ...{ imageId, ...counts, leakedBytes },
      words: checkWords(counts, leakedBytes, repair),
    };
    return { ...result };
  },
});
