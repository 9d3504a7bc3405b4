import { unlink } from 'node:fs/promises';
import type { ConvertImage } from '@strata/contract';
import { z } from 'zod';
import { unlessCancelled, type WorkWatch, work } from './image-work.ts';
import { inTurn, runLimited } from './limited-process.ts';
import { inWords } from './qemu-errors.ts';
import { absolute, driverOf, heavy, type ImageFile, type SourceImage } from './qemu-img.ts';
import { selectedTag } from './tag-content.ts';

/** How a new file is written: the words of the contract, nothing of which is a user's own. */
export type ConvertForm = Pick<
  ConvertImage,
  'format' | 'subformat' | 'compression' | 'clusterSize' | 'preallocation' | 'forceSize'
>;

const subformatOption = ({ format, subformat }: ConvertForm): string[] => {
  if (subformat === undefined) return [];
  if (format === 'vdi') return [`static=${subformat === 'fixed' ? 'on' : 'off'}`];
  return [`subformat=${subformat}`];
};

const createOptions = (form: ConvertForm): string[] => [
  ...subformatOption(form),
  // Rounded up to whole cylinders otherwise, and then no longer the size of the disk.
  ...(form.format === 'vpc' ? [`force_size=${form.forceSize === false ? 'off' : 'on'}`] : []),
  ...(form.compression == null ? [] : [`compression_type=${form.compression}`]),
  ...(form.clusterSize === undefined ? [] : [`cluster_size=${form.clusterSize}`]),
  ...(form.preallocation === undefined ? [] : [`preallocation=${form.preallocation}`]),
];

/** `-c` and `-o …` of `qemu-img convert`. */
export const convertOptions = (form: ConvertForm): string[] => {
  const options = createOptions(form);
  const compresses = form.compression != null;
  return [...(compresses ? ['-c'] : []), ...(options.length === 0 ? [] : ['-o', options.join(',')])];
};

/**
 * What the image, or an internal snapshot in it, reads through its whole chain, into a new file of another format. Whatever
 * is at the target's name goes first: the caller has chosen that name. The caller syncs file and folder.
 */
export const convertContent = (
  from: SourceImage & { readonly snapshot?: string | undefined },
  target: string,
  form: ConvertForm,
  watch: WorkWatch = {},
): Promise<void> =>
  unlessCancelled(`Converting ${from.path}`, watch, async () => {
    await unlink(absolute(target)).catch(() => {});
    const which = from.snapshot === undefined ? [] : ['-l', selectedTag(from.snapshot)];
    const formats = ['-f', driverOf(from.format), '-O', form.format];
    // The target's default cache mode is `unsafe`: no flush at all.
    const args = ['convert', '-p', '-t', 'writeback', ...which, ...formats, ...convertOptions(form)];
    await work([...args, '--', absolute(from.path), absolute(target)], watch);
  });

const measured = z.object({ required: z.number(), 'fully-allocated': z.number() });

export interface Measured {
  readonly required: number;
  readonly fullyAllocated: number;
}

/** What a qcow2 with all that the image reads takes. QEMU can tell that of no other format but raw, which is as long as its disk. */
export const measureContent = ({ path, format }: ImageFile, clusterSize?: number): Promise<Measured> =>
  inWords(`Measuring ${path}`, async () => {
    const options = clusterSize === undefined ? [] : ['-o', `cluster_size=${clusterSize}`];
    const args = ['measure', '--output=json', '-O', 'qcow2', ...options, '-f', driverOf(format)];
    const output = await inTurn('heavy', () =>
      runLimited('qemu-img', [...args, '--', absolute(path)], heavy),
    );
    const { required, 'fully-allocated': fullyAllocated } = measured.parse(JSON.parse(output));
    return { required, fullyAllocated };
  });
