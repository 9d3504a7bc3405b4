import { chainIds, type Forest, type LayerId, overlaysOf } from '@strata/backing-chain';
import type { StoredSnapshot } from '../snapshots.types.ts';

/** Every layer that the VM writes or shows, down to its bases. */
const layersOf = (forest: Forest, vmId: string, snapshots: readonly StoredSnapshot[]): Set<LayerId> => {
  const tops = [
    ...forest.disks.filter((disk) => disk.vmId === vmId).map(({ imageId }) => imageId),
    ...snapshots.flatMap(({ disks }) => disks.map(({ imageId }) => imageId)),
  ];
  return new Set(tops.filter((id) => forest.layers.has(id)).flatMap((id) => chainIds(forest, id)));
};

/**
 * The automatic snapshots of a VM that are more than shall be kept, oldest first. One on which a branch stands, of this
 * VM or of another, is none: merging it would multiply its data, or change what somebody has built on.
 */
export const surplusSnapshots = (
  forest: Forest,
  vmId: string,
  snapshots: readonly StoredSnapshot[],
  keep: number,
): StoredSnapshot[] => {
  const own = layersOf(forest, vmId, snapshots);
  const carriesBranch = ({ id, disks }: StoredSnapshot): boolean =>
    snapshots.filter(({ parentId }) => parentId === id).length > 1 ||
    disks.some(({ imageId }) => {
      const overlays = overlaysOf(forest, imageId);
      return overlays.length > 1 || overlays.some((overlay) => !own.has(overlay.id));
    });
  return snapshots
    .filter(({ origin }) => origin === 'schedule')
    .slice(0, -keep)
    .filter((snapshot) => !carriesBranch(snapshot));
};
