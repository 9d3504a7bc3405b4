import { relocateGpt } from '@strata/partition-table';
import { AppError } from '../../../app-error.ts';
import type { BlockEngines } from '../../../qemu/block-engine.types.ts';
import { checkedFormats } from '../../../qemu/image-work.ts';
import { checkImage } from '../../../qemu/qemu-img.ts';
import { growLive, resizeImage, writeBytes } from '../../../qemu/resize-image.ts';
import type { Executor, OperationContext } from '../../operations/operations.types.ts';
import type { VmsService } from '../../vms/vms.types.ts';
import type { ImageFacts, ImagesService } from '../images.types.ts';
import { demandFree } from '../work/demand-free.ts';
import { diskTable } from './disk-table.ts';
import type { LiveDisk } from './resize-blockers.ts';

export interface ResizeRun {
  readonly imageId: string;
  readonly before: number;
  readonly after: number;
  readonly live: LiveDisk | null;
  readonly movesTable: boolean;
}
export interface ResizeJournal {
  /** `table`: the GPT is being written for the new size. `size`: the disk is being resized. */
  readonly phase: 'new' | 'table' | 'size';
}
type Context = OperationContext<ResizeRun, ResizeJournal>;

export interface ResizeDeps {
  /** Each action of it by itself, safe to repeat. */
  readonly steps: ResizeSteps;
  readonly images: Pick<ImagesService, 'refresh' | 'facts'>;
}

export interface ResizeSteps {
  /** The GPT of the disk as it is for a disk of another size, on disk and read back. */
  moveTable(imageId: string, size: number): Promise<void>;
  /** By the VM's QEMU when that runs, else by a tool of ours. */
  resize(imageId: string, size: number, live: LiveDisk | null): Promise<void>;
  /** Throws when the file is not what it should be. */
  prove(imageId: string, size: number, isLive: boolean): Promise<void>;
}

export const createResizeSteps = (deps: {
  readonly images: Pick<ImagesService, 'refresh' | 'facts' | 'checkedChain'>;
  readonly vms: Pick<VmsService, 'live'>;
  readonly engines: Pick<BlockEngines, 'live'>;
  readonly runDir: string;
}): ResizeSteps => {
  const { images, vms, engines, runDir } = deps;
  const read = (image: ImageFacts, size?: number) =>
    diskTable(image, { runDir, signal: new AbortController().signal }, size);
  return {
    moveTable: async (imageId, size) => {
      const [image] = await images.checkedChain(imageId);
      if (image === undefined) throw new AppError('not-found', `There is no image ${imageId}.`);
      const { scheme, gpt, sectorSize, partitions } = await read(image);
      if (scheme !== 'gpt' || gpt === null)
        throw new AppError('not-possible', 'The disk has no whole GPT any more.');
      await writeBytes(image, relocateGpt(gpt, size, sectorSize));
      const moved = await read(image, size);
      if (moved.problems.length > 0 || JSON.stringify(moved.partitions) !== JSON.stringify(partitions))
        throw new AppError(
          'not-possible',
          'The partition table could not be written for the new size. Nothing was cut off.',
        );
    },
    resize: async (imageId, size, live) => {
      const [image] = await images.checkedChain(imageId);
      if (image === undefined) throw new AppError('not-found', `There is no image ${imageId}.`);
      const vm = live === null ? null : vms.live(live.vmId);
      if (vm === null || live === null) return resizeImage(image, size);
      return growLive(engines.live(vm, live.diskId), image.path, size);
    },
    prove: async (imageId, size, isLive) => {
      await images.refresh([imageId]);
      const { virtualSize, path, format, name } = images.facts(imageId);
      if (virtualSize !== size)
        throw new AppError(
          'qemu-refused',
          `“${name}” has ${virtualSize} bytes and not ${size}: it was not resized.`,
        );
      if (isLive || !checkedFormats.includes(format)) return;
      const { errors } = await checkImage({ path, format });
      if (errors > 0)
        throw new AppError('image-unreadable', `“${name}” has ${errors} errors after it was resized.`);
    },
  };
};

const cutTable = async ({ steps }: ResizeDeps, context: Context): Promise<void> => {
  const { imageId, after, movesTable } = context.request;
  if (!movesTable || context.journal.phase === 'size') return;
  context.save({ phase: 'table' });
  await steps.moveTable(imageId, after);
};

export const resizeExecutor = (deps: ResizeDeps): Executor<ResizeRun, ResizeJournal> => ({
  kind: 'image-resize',
  run: async (context) => {
    const { imageId, before, after, live } = context.request;
    await deps.images.refresh([imageId]);
    const { virtualSize, path } = deps.images.facts(imageId);
    if (context.resumed)
      context.recovered(
        virtualSize === after ? 'The disk had its new size already.' : 'The disk still had its old size.',
      );
    if (live === null) await demandFree(path, context.resumed, 'resize it again');
    context.cancelled.throwIfAborted();
    context.finishing();
    context.step(0);
    if (virtualSize !== after) {
      await cutTable(deps, context);
      context.save({ phase: 'size' });
      await deps.steps.resize(imageId, after, live);
    }
    context.step(1);
    await deps.steps.prove(imageId, after, live !== null);
    return { imageId, before, after };
  },
});
