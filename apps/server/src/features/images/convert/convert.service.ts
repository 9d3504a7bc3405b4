import type { Blocker, ConvertForecast, ConvertImage, Image, Operation } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { newId } from '../../../new-id.ts';
import type { ConvertForm } from '../../../qemu/convert-image.ts';
import { freeSpaceIn, spendable } from '../../../space-reserve.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import { libraryFolder, overlayFolder } from '../create-images.ts';
import { demandUnwritten } from '../demand-unwritten.ts';
import { noSpaceWords } from '../free-space.ts';
import type { ImagesFeature } from '../images.service.ts';
import type { ImageFacts } from '../images.types.ts';
import type { NewFileWish } from '../new-files.ts';
import { copyExecutor } from '../work/copy.executor.ts';
import { forecastOf } from './forecast.ts';
import { formRefusal } from './form-refusal.ts';

export interface ConvertService {
  /** Looks, makes nothing. */
  forecast(id: string, wish: ConvertImage): Promise<ConvertForecast>;
  run(id: string, wish: ConvertImage): Promise<Operation>;
}

interface ConvertDeps {
  readonly library: Pick<ImagesFeature, 'images' | 'newFiles' | 'access'>;
  readonly operations: OperationsService;
}

const formOf = (wish: ConvertImage): ConvertForm => {
  const { format, subformat, compression, clusterSize, preallocation, forceSize } = wish;
  return { format, subformat, compression, clusterSize, preallocation, forceSize };
};

const block = (code: string, message: string): Blocker => ({ code, message, subjects: [] });

/** What a commit that did not end has changed reads as nothing that ever was. */
const taintOf = ({ problems }: Image): Blocker[] =>
  problems
    .filter(({ code }) => code === 'tainted')
    .map(({ message, repair }) => block('tainted', `${message} ${repair ?? ''}`.trim()));

/** Registers its executor; create it once, before operations are recovered. */
export const createConvertService = ({ library, operations }: ConvertDeps): ConvertService => {
  const { images, newFiles, access } = library;
  operations.register(copyExecutor(newFiles, 'image-convert'));

  const unwritten = (image: Image): Promise<void> =>
    demandUnwritten(
      images.forest(),
      image,
      'Shut it down, or take a snapshot, which freezes this layer; then it can be converted.',
    );
  const look = async (
    id: string,
  ): Promise<{ image: Image; chain: readonly ImageFacts[]; top: ImageFacts }> => {
    images.facts(id);
    const chain = await images.checkedChain(id);
    return { image: images.get(id), chain, top: images.facts(id) };
  };
  const folderFor = (id: string, folder: string | undefined): Promise<string> =>
    folder === undefined ? overlayFolder(access, access.world.record(id)) : libraryFolder(access, folder);

  return {
    forecast: async (id, wish) => {
      const { image, top } = await look(id);
      const form = formOf(wish);
      const folder = await folderFor(id, wish.folder);
      const refusal = formRefusal(form, image.virtualSize);
      const held = await unwritten(image).then(
        () => null,
        (error: unknown) => {
          if (error instanceof AppError) return error;
          throw error;
        },
      );
      const hindered = [
        ...(refusal === null ? [] : [block('form', refusal)]),
        ...(held === null ? [] : [block(held.code, held.message)]),
        ...taintOf(image),
      ];
      const isMeasured = hindered.length === 0;
      const sizes = isMeasured
        ? await forecastOf(top, form)
        : { required: 0, fullyAllocated: image.virtualSize, notes: [] };
      const space = await freeSpaceIn(folder);
      const short = space !== null && sizes.required > spendable(space, wish.useReserve);
      const blockers = short ? [block('disk-full', noSpaceWords(folder, sizes.required, space))] : hindered;
      return { ...sizes, free: space === null ? null : spendable(space, wish.useReserve), folder, blockers };
    },

    run: async (id, wish) => {
      const lookedAt = operations.look();
      const { image, chain, top } = await look(id);
      const form = formOf(wish);
      const refusal = formRefusal(form, image.virtualSize);
      if (refusal !== null) throw new AppError('not-possible', refusal);
      await unwritten(image);
      const blockers = taintOf(image);
      const [taint] = blockers;
      if (taint !== undefined) throw new AppError('plan-blocked', taint.message, { blockers });
      const { required } = await forecastOf(top, form);
      const { name, folder, useReserve } = wish;
      const file: NewFileWish = {
        ...{ imageId: id, kind: 'content', name, folder, useReserve, tag: newId() },
        ...{ form, bytes: required },
      };
      await newFiles.place(file);
      // It must not begin to be written while it is read.
      const active = images.forest().disks.filter(({ imageId }) => imageId === id);
      const stored = chain.reduce((sum, { allocatedSize }) => sum + allocatedSize, 0);
      const bytes = Math.min(stored, image.virtualSize);
      return operations.start({
        kind: 'image-convert',
        title: `Convert “${image.name}” to ${form.format === 'vpc' ? 'VHD' : form.format} as “${name}”`,
        request: { wish: file, bytes },
        journal: { phase: 'new', file: null },
        steps: [
          `Write what “${image.name}” shows${chain.length > 1 ? ` through its ${chain.length} layers` : ''} as ${form.format}, and compare`,
          'Take the new image into the library',
        ],
        subjects: [{ kind: 'image', id, name: image.name }],
        locks: { images: [], reads: chain.map((layer) => layer.id), vms: active.map(({ vmId }) => vmId) },
        unit: 'bytes',
        total: bytes,
        cancelNote: 'What was written so far is removed; the original is not touched.',
        lookedAt,
      });
    },
  };
};
