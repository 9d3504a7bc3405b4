import { type ReadDisk, readPartitionTable } from '@strata/partition-table';
import { biosWay, type EfiFolders, efiFolders, isEfiPartition, uefiWay } from './boot-ways.ts';
import type { BootWay, DiskDescription, DiskPartition, FileSystem } from './file-systems.types.ts';
import { guessSystem } from './guess-system.ts';
import { elTorito, optical } from './optical-file-systems.ts';
import { recognizeRegion } from './recognize.ts';
import { type Region, regionOf } from './region.ts';

/** A table can name more; nobody makes that many, and each costs reads. */
const mostPartitions = 128;

const noFolders: EfiFolders = { systems: [], fallbacks: [] };

const within =
  (read: ReadDisk, size: number): ReadDisk =>
  (offset, length) =>
    offset >= size || length <= 0
      ? Promise.resolve(new Uint8Array(0))
      : read(offset, Math.min(length, size - offset));

/** Whatever begins there: the file system of a partition, or of a disk without any. */
export const recognizeFileSystem = async (read: ReadDisk, size: number): Promise<FileSystem | null> =>
  recognizeRegion(await regionOf(within(read, size), 0, size));

const joined = (all: readonly EfiFolders[]): EfiFolders => ({
  systems: all.flatMap(({ systems }) => systems),
  fallbacks: all.flatMap(({ fallbacks }) => fallbacks),
});

/**
 * What a disk of so many bytes holds. It is input from strangers: everything is bounded, nothing throws but `read`, and
 * all text can be shown.
 */
export const describeDisk = async (readAll: ReadDisk, size: number): Promise<DiskDescription> => {
  const read = within(readAll, size);
  const table = await readPartitionTable(read, size);
  const disk: Region = await regionOf(read, 0, size);
  // A disk with a table can be an ISO as well, made for sticks and drives; any other leftover at its beginning is none.
  const hasPartitions = table.partitions.length > 0;
  const whole = hasPartitions ? await optical(disk) : await recognizeRegion(disk);
  const partitions: DiskPartition[] = [];
  const efi: EfiFolders[] = [];
  const ways: BootWay[] = [];
  for (const partition of table.partitions.slice(0, mostPartitions)) {
    const region = await regionOf(read, partition.offset, Math.min(partition.size, size - partition.offset));
    const fileSystem = partition.kind === 'extended' ? null : await recognizeRegion(region);
    partitions.push({ ...partition, fileSystem });
    if (!isEfiPartition(partition)) continue;
    const folders = await efiFolders(region);
    efi.push(folders);
    ways.push(...uefiWay(folders, `in partition ${partition.number}`));
  }
  const onWhole = hasPartitions ? noFolders : await efiFolders(disk);
  const boot = [
    ...biosWay(disk, table, whole),
    ...(await elTorito(disk)),
    ...ways,
    ...uefiWay(onWhole, 'on the disk'),
  ];
  const isBlank = table.scheme === 'none' && whole === null && disk.head.bytes.every((byte) => byte === 0);
  return {
    ...{ table, partitions, whole, boot, isBlank },
    system: guessSystem(partitions, whole, joined([...efi, onWhole])),
  };
};
