import { unlink } from 'node:fs/promises';
import type { DownloadFormat } from '@strata/contract';
import { unlessCancelled, type WorkWatch, work } from '../image-work.ts';
import { runLimited } from '../limited-process.ts';
import { inWords } from '../qemu-errors.ts';
import { absolute, driverOf, type ImageFile, light } from '../qemu-img.ts';
import { selectedTag } from '../tag-content.ts';

export interface OutgoingForm {
  readonly format: DownloadFormat;
  readonly compress: boolean;
}

/**
 * VHD: QEMU rounds the size up to whole cylinders unless it is forced to be exact. VMDK: the one form that is compressed, and
 * the one that others take without a descriptor beside it.
 */
const optionsOf = ({ format, compress }: OutgoingForm): string[] => {
  if (format === 'vpc') return ['-o', 'force_size=on'];
  if (format === 'vmdk') return ['-o', `subformat=${compress ? 'streamOptimized' : 'monolithicSparse'}`];
  if (format === 'qcow2' && compress) return ['-c'];
  return [];
};

/** Why an image of this size cannot be written so; null: it can. */
export const formRefusal = ({ format, compress }: OutgoingForm, virtualSize: number): string | null => {
  if (compress && ['vdi', 'vhdx', 'vpc'].includes(format))
    return `${format} has no compression. Leave it out, or choose qcow2, vmdk or raw.`;
  if (format === 'vpc' && virtualSize > 2040 * 1024 ** 3)
    return 'A VHD holds at most 2,040 GiB. Choose vhdx.';
  return null;
};

/** What it will take at most: `qemu-img measure` knows qcow2 and raw; the others are about as large as qcow2. */
export const measureOut = (image: ImageFile, { format }: OutgoingForm): Promise<number> =>
  inWords(`Measuring ${image.path}`, async () => {
    const as = format === 'raw' ? 'raw' : 'qcow2';
    const args = [
      'measure',
      '--output=json',
      '-O',
      as,
      '-f',
      driverOf(image.format),
      '--',
      absolute(image.path),
    ];
    const { required } = JSON.parse(await runLimited('qemu-img', args, light)) as { required: number };
    return required;
  });

/** What the image (or an internal snapshot in it) reads, through its whole chain, into a new file. The caller syncs it. */
export const convertOut = (
  image: ImageFile & { readonly snapshot?: string | undefined },
  target: string,
  form: OutgoingForm,
  watch: WorkWatch,
): Promise<void> =>
  unlessCancelled(`Converting ${image.path}`, watch, async () => {
    await unlink(absolute(target)).catch(() => {});
    const which = image.snapshot === undefined ? [] : ['-l', selectedTag(image.snapshot)];
    const formats = ['-f', driverOf(image.format), '-O', form.format];
    const args = ['convert', '-p', '-t', 'writeback', ...which, ...formats, ...optionsOf(form)];
    await work([...args, '--', absolute(image.path), absolute(target)], watch);
  });
