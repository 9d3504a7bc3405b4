import type { DownloadFormat } from '@strata/contract';
import { type ConvertForm, convertContent } from '../convert-image.ts';
import type { WorkWatch } from '../image-work.ts';
import { runLimited } from '../limited-process.ts';
import { inWords } from '../qemu-errors.ts';
import { absolute, driverOf, type ImageFile, light } from '../qemu-img.ts';

export interface OutgoingForm {
  readonly format: DownloadFormat;
  readonly compress: boolean;
}

/** VMDK: the one form that is compressed, and the one that others take without a descriptor beside it. */
const formOf = ({ format, compress }: OutgoingForm): ConvertForm => {
  if (format === 'vmdk') return { format, subformat: compress ? 'streamOptimized' : 'monolithicSparse' };
  return format === 'qcow2' && compress ? { format, compression: 'zlib' } : { format };
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
): Promise<void> => convertContent(image, target, formOf(form), watch);
