import type { ImagesCheck } from '@strata/contract';
import type { Executor } from '../../operations/operations.types.ts';
import type { LibraryAccess } from '../library-access.ts';
import { checkInPassing } from '../work/check-file.ts';
import { demandFree } from '../work/demand-free.ts';
import { counted, leftOutWords, named } from './many-words.ts';
import { type ManyJournal, type ManyRun, oneByOne } from './one-by-one.ts';

export interface CheckImagesRun extends ManyRun {
  readonly repair: 'leaks' | false;
}
type Found = ImagesCheck['found'][number];

const wordsOf = (sound: number, found: readonly Found[]): string[] => {
  const errors = found.filter((one) => one.errors > 0);
  const leaks = found.filter((one) => one.errors === 0 && one.leaks > one.leaksFixed);
  const mended = found.filter((one) => one.errors === 0 && one.leaks > 0 && one.leaksFixed === one.leaks);
  return [
    sound === 0 ? '' : `${counted(sound, 'image is', 'images are')} sound.`,
    errors.length === 0 ? '' : `Errors in ${named(errors)}: copy the file before anything is repaired.`,
    leaks.length === 0 ? '' : `Lost clusters in ${named(leaks)}: contents are not touched by that.`,
    mended.length === 0 ? '' : `Lost clusters were given back in ${named(mended)}.`,
  ].filter((text) => text !== '');
};

export const checkImagesExecutor = (access: LibraryAccess): Executor<CheckImagesRun, ManyJournal<Found>> => ({
  kind: 'images-check',
  run: async (context) => {
    const { found, leftOut } = await oneByOne<CheckImagesRun, Found>(access, context, async (id, watch) => {
      const { path, format, name } = access.world.record(id);
      await demandFree(path, context.resumed, 'check again');
      const before = await checkInPassing({ path, format }, context.request.repair, watch);
      access.memory.change([{ imageId: id, checked: before.checked }]);
      const { errors, leaks } = before.found;
      const { leaks: left, leakedBytes } = before.checked;
      if (errors + leaks === 0) return null;
      return { imageId: id, name, errors, leaks, leaksFixed: Math.max(0, leaks - left), leakedBytes };
    });
    const unchecked = leftOut.length - context.request.leftOut.length;
    const sound = context.request.imageIds.length - found.length - unchecked;
    const words = [...wordsOf(sound, found), ...leftOutWords(leftOut, 'checked')].join(' ');
    const result: ImagesCheck = { sound, found: [...found], leftOut: [...leftOut], words };
    return { ...result };
  },
});
