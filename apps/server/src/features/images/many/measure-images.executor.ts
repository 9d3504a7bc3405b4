import type { ImagesMeasure } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import type { Executor } from '../../operations/operations.types.ts';
import type { ImagesService } from '../images.types.ts';
import type { LibraryAccess } from '../library-access.ts';
import { fileStateNow } from '../work/check-file.ts';
import { counted, leftOutWords } from './many-words.ts';
import { type ManyJournal, type ManyRun, oneByOne } from './one-by-one.ts';

interface Found {
  readonly imageId: string;
  readonly gain: number;
}

const mebibytes = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;

export const measureImagesExecutor = (
  access: LibraryAccess,
  images: Pick<ImagesService, 'usage'>,
): Executor<ManyRun, ManyJournal<Found>> => ({
  kind: 'images-measure',
  run: async (context) => {
    const { found, leftOut } = await oneByOne<ManyRun, Found>(access, context, async (id) => {
      const { path, name } = access.world.record(id);
      const file = await fileStateNow(path).catch(() => {
        throw new AppError('image-unreadable', `The file of “${name}” is gone.`);
      });
      const { storedBytes, neededBytes, exact } = await images.usage(id);
      const gain = Math.max(0, storedBytes - neededBytes);
      access.memory.change([{ imageId: id, measured: { gain, exact, at: new Date().toISOString(), file } }]);
      return { imageId: id, gain };
    });
    const gain = found.reduce((sum, one) => sum + one.gain, 0);
    const told = `Compacting ${counted(found.length, 'image', 'images')} would give back up to ${mebibytes(gain)}.`;
    const words = [found.length === 0 ? '' : told, ...leftOutWords(leftOut, 'measured')].join(' ').trim();
    const result: ImagesMeasure = { measured: found.length, gain, leftOut: [...leftOut], words };
    return { ...result };
  },
});
