import type { ConvertForecast } from '@strata/contract';
import { type ConvertForm, type Measured, measureContent } from '../../../qemu/convert-image.ts';
import type { ImageFacts } from '../images.types.ts';

const mebibyte = 1024 ** 2;
/** What the other formats allocate at once, in which a single written sector costs that much. */
const blocks: Readonly<Partial<Record<ConvertForm['format'], number>>> = { vpc: 2 * mebibyte, vdi: mebibyte };

/** VHDX takes larger blocks for larger disks, as QEMU does. */
const blockOf = ({ format }: ConvertForm, size: number): number | undefined => {
  if (format !== 'vhdx') return blocks[format];
  const gibibytes = size / 1024 ** 3;
  if (gibibytes > 32 * 1024) return 64 * mebibyte;
  if (gibibytes > 100) return 32 * mebibyte;
  return (gibibytes > 1 ? 16 : 8) * mebibyte;
};

const takesAll = ({ subformat, preallocation }: ConvertForm): boolean =>
  subformat === 'fixed' || preallocation === 'falloc' || preallocation === 'full';

const sizesOf = (form: ConvertForm, found: Measured, size: number): Measured => {
  const fullyAllocated = form.format === 'raw' ? size : Math.max(found.fullyAllocated, size);
  if (takesAll(form)) return { required: fullyAllocated, fullyAllocated };
  return { required: Math.min(found.required, fullyAllocated), fullyAllocated };
};

const notesOf = (form: ConvertForm, size: number): string[] => {
  const block = blockOf(form, size);
  return [
    ...(form.compression != null || form.subformat === 'streamOptimized'
      ? ['Compressed, it takes less: how much less, only the data can tell.']
      : []),
    ...(block === undefined || takesAll(form)
      ? []
      : [`It is written in blocks of ${block / mebibyte} MiB: data in small pieces takes more.`]),
    ...(form.format === 'raw' && !takesAll(form)
      ? ['Holes stay holes: the file is as long as the disk, and takes what it holds.']
      : []),
    ...(form.format === 'vpc' && form.forceSize === false
      ? ['Its size is rounded up to whole cylinders, as Virtual PC wants it.']
      : []),
    ...(form.subformat === 'streamOptimized' ? ['It can only be read, not written: for handing over.'] : []),
    ...(form.compression === 'zstd' ? ['zstd is read by QEMU 5.1 and newer.'] : []),
  ];
};

/** What the new file would take, before anything is written. */
export const forecastOf = async (
  image: ImageFacts,
  form: ConvertForm,
): Promise<Pick<ConvertForecast, 'required' | 'fullyAllocated' | 'notes'>> => {
  const found = await measureContent(image, form.clusterSize);
  return { ...sizesOf(form, found, image.virtualSize), notes: notesOf(form, image.virtualSize) };
};
