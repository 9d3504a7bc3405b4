import type { Forest } from '@strata/backing-chain';
import type { Image } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { lockHolder, openWords } from '../../qemu/lock-holder.ts';

/** An ISO in a drive is only read, and so is what is exported read-only. */
const isJustRead = ({ media, exports }: Forest, { id, format }: Pick<Image, 'id' | 'format'>): boolean => {
  const served = exports.filter(({ imageId }) => imageId === id);
  const isInserted = format === 'iso' && media.some(({ imageId }) => imageId === id);
  return isInserted || (served.length > 0 && served.every(({ writes }) => !writes));
};

/**
 * The tables of a file lag behind what a QEMU that writes it has in memory. A frozen layer below a running VM is read
 * like any other. `advice`: what a person can do about the VM that writes it.
 */
export const demandUnwritten = async (
  forest: Forest,
  image: Pick<Image, 'id' | 'name' | 'path' | 'format'>,
  advice: string,
): Promise<void> => {
  const writer = forest.disks.find((disk) => disk.running && disk.imageId === image.id);
  if (writer !== undefined)
    throw new AppError(
      'image-in-use',
      `The running VM “${writer.vmName}” writes “${image.name}”. ${advice}`,
      {
        usedBy: [{ kind: 'vm', id: writer.vmId, name: writer.vmName }],
      },
    );
  const hasOverlay = [...forest.layers.values()].some(({ backingId }) => backingId === image.id);
  const isFrozen = hasOverlay || isJustRead(forest, image);
  const holder = isFrozen ? null : await lockHolder(image.path);
  if (holder !== null) throw new AppError('image-locked', openWords(holder, image));
};
