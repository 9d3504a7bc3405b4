import type { InsideVolume } from '@strata/contract';
import { visibleName } from '../../lib/visible-text.ts';
import { words } from '../../lib/words.ts';
import { kindName } from '../library/contents-text.ts';

const { volumes, fileSystems } = words.inside;

const isWholeDisk = ({ device, partition }: Pick<InsideVolume, 'device' | 'partition'>): boolean =>
  partition === null && /^\/dev\/[hsv]d[a-z]$/.test(device);

/** `partition 2`, `the disk`, or the name of a logical volume. */
export const volumeName = (volume: Pick<InsideVolume, 'device' | 'partition'>): string => {
  if (volume.partition !== null) return volumes.partition(volume.partition);
  return isWholeDisk(volume) ? volumes.whole : visibleName(volume.device);
};

/** `ext4 “root”`. */
export const holdsOf = ({ fileSystem, label }: Pick<InsideVolume, 'fileSystem' | 'label'>): string => {
  const kind =
    fileSystem === null ? volumes.unknown : visibleName(fileSystems[fileSystem] ?? kindName(fileSystem));
  return label === null || label === '' ? kind : `${kind} ${volumes.label(visibleName(label))}`;
};

export interface Segment {
  readonly volume: InsideVolume;
  /** Percent of the disk. */
  readonly start: number;
  readonly width: number;
}

/** Where the partitions lie, the larger first: a logical partition is drawn over the extended one around it. */
export const segmentsOf = (listed: readonly InsideVolume[], diskSize: number): Segment[] =>
  listed
    .flatMap((volume) => {
      const offset = volume.offset ?? (isWholeDisk(volume) ? 0 : null);
      if (offset === null || volume.size === null || diskSize <= 0 || offset >= diskSize) return [];
      const width = share(Math.min(volume.size, diskSize - offset), diskSize);
      return [{ volume, start: share(offset, diskSize), width }];
    })
    .sort((a, b) => b.width - a.width);

const share = (bytes: number, all: number) => (100 * bytes) / all;
