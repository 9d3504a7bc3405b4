import type { Compare, Vm } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import type { StoredSnapshot } from '../snapshots.types.ts';

/** One side of a comparison: the layer at the top of what it shows, or a tag inside that layer. */
export interface Point {
  readonly name: string;
  readonly imageId: string;
  readonly tag: string | null;
}
export interface Points {
  readonly diskId: string;
  readonly from: Point;
  readonly to: Point;
}
type Wish = Pick<Compare, 'from' | 'to' | 'disk'>;

interface Side {
  readonly name: string;
  readonly disks: readonly { diskId: string; imageId: string; internalTag: string | null }[];
}

/** Which two layers a request means. Throws `not-found`, and `not-possible` with the reason. */
export const pointsOf = (vm: Vm, find: (snapshotId: string) => StoredSnapshot, wish: Wish): Points => {
  const sideOf = (point: string): Side =>
    point === 'current'
      ? {
          name: 'what is now',
          disks: vm.disks.map(({ id, imageId }) => ({ diskId: id, imageId, internalTag: null })),
        }
      : find(point);
  const [from, to] = [sideOf(wish.from), sideOf(wish.to)];
  const has = (side: Side, diskId: string) => side.disks.find((disk) => disk.diskId === diskId);
  const diskId = wish.disk ?? from.disks.find((disk) => has(to, disk.diskId) !== undefined)?.diskId;
  if (diskId === undefined)
    throw new AppError('not-possible', `“${from.name}” and “${to.name}” show no disk in common.`);
  const layer = (side: Side): Point => {
    const disk = has(side, diskId);
    if (disk === undefined)
      throw new AppError('not-found', `“${side.name}” does not show the disk ${diskId}.`);
    return { name: side.name, imageId: disk.imageId, tag: disk.internalTag };
  };
  return { diskId, from: layer(from), to: layer(to) };
};
