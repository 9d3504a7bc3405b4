import type { Vm } from '@strata/contract';
import { isUnchangedSince } from '@strata/disk-image';
import type { ImagesService } from '../images/images.types.ts';
import type { StoredSnapshot, StoredSnapshotDisk } from './snapshots.types.ts';

type Images = Pick<ImagesService, 'facts' | 'allocation'>;

/** What cannot be read now may well have changed. */
const isTagUnchanged = async (
  images: Images,
  imageId: string,
  shown: StoredSnapshotDisk,
): Promise<boolean> => {
  if (imageId !== shown.imageId) return false;
  const unchanged = await isUnchangedSince(images.facts(imageId).path, shown.internalTag ?? '').catch(
    () => null,
  );
  return unchanged === true;
};

const isLayerEmpty = async (images: Images, imageId: string): Promise<boolean> => {
  const extents = await images.allocation(imageId).catch(() => null);
  return extents?.length === 0;
};

/**
 * Whether the active layers are anything but what the snapshot shows: empty overlays on its layers, or the layers that
 * hold its tag, with nothing written since.
 */
export const changedSince = async (
  images: Images,
  vm: Pick<Vm, 'disks'>,
  snapshot: StoredSnapshot | null,
): Promise<boolean> => {
  for (const { id, imageId } of vm.disks) {
    const shown = snapshot?.disks.find((disk) => disk.diskId === id);
    if (snapshot !== null && shown === undefined) continue;
    if (shown !== undefined && shown.internalTag !== null) {
      if (!(await isTagUnchanged(images, imageId, shown))) return true;
      continue;
    }
    if (shown !== undefined && images.facts(imageId).backingId !== shown.imageId) return true;
    if (!(await isLayerEmpty(images, imageId))) return true;
  }
  return false;
};
