import type { DownloadFormat, ImageFormat } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { convertOut } from '../../qemu/exports/convert-out.ts';
import { contentsAreEqual, type WorkWatch } from '../../qemu/image-work.ts';
import { tagReadsAs } from '../../qemu/tag-content.ts';
import { workWatch } from '../../qemu/work-watch.ts';
import type { ImagesService } from '../images/images.types.ts';
import type { Executor } from '../operations/operations.types.ts';
import type { OutgoingFiles } from './outgoing-files.ts';

export interface ImageExportRun {
  readonly imageId: string;
  readonly downloadId: string;
  /** The name it is saved under. */
  readonly name: string;
  readonly format: DownloadFormat;
  readonly compress: boolean;
  /** An internal snapshot, by its number. */
  readonly snapshot: string | null;
  readonly bytes: number;
}

const halves = (watch: WorkWatch): readonly [WorkWatch, WorkWatch] => {
  const half = (offset: number): WorkWatch => ({
    ...watch,
    onProgress: (fraction) => watch.onProgress?.((offset + fraction) / 2),
  });
  return [half(0), half(1)];
};

/** Nobody knows of the file before it is proven; after a crash it is simply made again. */
export const imageExportExecutor = (
  images: Pick<ImagesService, 'checkedChain'>,
  files: OutgoingFiles,
): Executor<ImageExportRun, Record<string, never>> => ({
  kind: 'image-export',
  making: ({ downloadId }) => [files.folderOf(downloadId)],
  run: async (context) => {
    const { imageId, downloadId, name, format, compress, snapshot, bytes } = context.request;
    try {
      if (context.resumed) context.recovered('The file had not been completed and was made again.');
      const [image] = await images.checkedChain(imageId);
      if (image === undefined) throw new AppError('not-found', `There is no image ${imageId}.`);
      const target = await files.place(downloadId);
      const made: { path: string; format: ImageFormat } = { path: target, format };
      const [converts, compares] = halves(
        workWatch(context, (fraction) => context.progress(fraction * bytes, bytes)),
      );
      context.step(0);
      const from = { ...image, snapshot: snapshot ?? undefined };
      await convertOut(from, target, { format, compress }, converts);
      context.step(1);
      const same =
        snapshot === null
          ? await contentsAreEqual(image, made, compares)
          : await tagReadsAs(image.path, snapshot, target, compares, format);
      if (!same)
        throw new AppError(
          'image-unreadable',
          `The file made of “${image.name}” does not read as that; it was removed.`,
        );
      context.controls(null);
      context.cancelled.throwIfAborted();
      context.finishing();
      const { size } = await files.publish(downloadId, { name, notes: [] });
      return { downloadId, name, size };
    } catch (error) {
      if (!context.ending) await files.remove(downloadId);
      throw error;
    }
  },
});
