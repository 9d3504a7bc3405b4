import type { ImageFormat } from '@strata/contract';
import { readImageHeader } from '@strata/disk-image';
import { AppError } from '../../app-error.ts';
import { type BlankImage, createBlank } from '../../qemu/blank-image.ts';

interface BlankWish {
  /** Whose size and kind it gets. */
  readonly from: string;
  readonly path: string;
  readonly format: ImageFormat;
  readonly backing: BlankImage['backing'];
}

/** An empty image like another one, read back: without its link it would show zeros where data was. */
export const makeBlank = async ({ from, path, format, backing }: BlankWish): Promise<void> => {
  const header = await readImageHeader(from);
  if (format !== 'raw' && header.qcow2 === undefined)
    throw new AppError('image-unreadable', `${from} does not begin like a qcow2 image.`);
  // What a guest has written to the beginning of a raw disk says nothing about its size.
  const isRaw = format === 'raw';
  // QEMU counts in sectors, and so does the disk of a VM.
  const size = isRaw ? Math.ceil(header.fileSize / 512) * 512 : header.virtualSize;
  await createBlank({ path, size, qcow2: isRaw ? null : (header.qcow2 ?? null), backing });
  const made = await readImageHeader(path);
  const sameSize = (isRaw ? made.fileSize : made.virtualSize) === size;
  const linked = isRaw || (made.backing?.string ?? null) === (backing?.name ?? null);
  if (made.problems.length === 0 && sameSize && linked) return;
  throw new AppError('image-unreadable', `The new file ${path} does not read as it should.`);
};
