import type { Vm } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { readQcow2Header } from '../../../qemu/read-header.ts';
import type { ImagesService } from '../../images/images.types.ts';

/** Strata reads no table with more (it would be a file that wants to wear it out). */
const mostTags = 256;

/** Why this layer has no room for a snapshot inside it; null: it has. */
export const noRoomInside = async (
  images: Pick<ImagesService, 'facts'>,
  imageId: string,
): Promise<string | null> => {
  const { name, path, format } = images.facts(imageId);
  if (format !== 'qcow2') return `“${name}” is ${format}, and only a qcow2 file can hold snapshots inside it`;
  const { qcow2 } = await readQcow2Header(path);
  if (qcow2 === undefined) return `“${name}” cannot be read`;
  if (qcow2.dataFile !== null) return `“${name}” keeps its data in another file, which cannot hold snapshots`;
  if (qcow2.refcountBits < 2) return `“${name}” was made so that no cluster can be shared (refcount_bits=1)`;
  if (qcow2.snapshots.length >= mostTags - 1)
    return `“${name}” holds ${qcow2.snapshots.length} internal snapshots already`;
  return null;
};

/** Throws, saying which kinds there are instead. */
export const demandRoomInside = async (
  images: Pick<ImagesService, 'facts'>,
  disks: Vm['disks'],
  chosen: ReadonlySet<string>,
): Promise<void> => {
  const reasons: string[] = [];
  for (const { id, imageId } of disks) {
    const reason = chosen.has(id) ? await noRoomInside(images, imageId) : null;
    if (reason !== null) reasons.push(reason);
  }
  if (reasons.length === 0) return;
  const others =
    reasons.length < chosen.size
      ? ' or, without memory, an internal one of the other disks alone: this one is then no part of it'
      : '';
  throw new AppError(
    'not-possible',
    `${reasons.join('; ')}. Take an external snapshot, which is possible on every format${others}.`,
  );
};
