import type { ImageFormat } from '@strata/contract';
import { type ImageHeader, readImageHeader } from '@strata/disk-image';
import { AppError } from '../../app-error.ts';
import { type BlankImage, createBlank, type Qcow2Kind } from '../../qemu/blank-image.ts';

interface BlankWish {
  /** Whose size and kind it gets. */
  readonly from: string;
  readonly path: string;
  readonly format: ImageFormat;
  readonly backing: BlankImage['backing'];
}

const lazyRefcountsBit = 1n;

const kindOf = ({ qcow2 }: ImageHeader, path: string): Qcow2Kind => {
  if (qcow2 === undefined)
    throw new AppError('image-unreadable', `${path} does not begin like a qcow2 image.`);
  return {
    version: qcow2.version,
    clusterSize: 2 ** qcow2.clusterBits,
    refcountBits: qcow2.refcountBits,
    lazyRefcounts: (qcow2.compatible & lazyRefcountsBit) !== 0n,
    extendedL2: qcow2.extendedL2,
    compression: qcow2.compression,
  };
};

/** An empty image like another one, read back: without its link it would show zeros where data was. */
export const makeBlank = async ({ from, path, format, backing }: BlankWish): Promise<void> => {
  const header = await readImageHeader(from);
  // What a guest has written to the beginning of a raw disk says nothing about its size.
  const isRaw = format === 'raw';
  // QEMU counts in sectors, and so does the disk of a VM.
  const size = isRaw ? Math.ceil(header.fileSize / 512) * 512 : header.virtualSize;
  await createBlank({ path, size, qcow2: isRaw ? null : kindOf(header, from), backing });
  const made = await readImageHeader(path);
  const sameSize = (isRaw ? made.fileSize : made.virtualSize) === size;
  const linked = isRaw || (made.backing?.string ?? null) === (backing?.name ?? null);
  if (made.problems.length === 0 && sameSize && linked) return;
  throw new AppError('image-unreadable', `The new file ${path} does not read as it should.`);
};
