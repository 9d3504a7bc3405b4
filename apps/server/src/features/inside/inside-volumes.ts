import type { InsideVolume } from '@strata/contract';
import { type DiskDescription, type DiskPartition, describeDisk } from '@strata/file-systems';
import { readServed, type ServedContent } from '../../qemu/tools/guestfs/disk-content.ts';
import type { GuestDisk, GuestVolume } from '../../qemu/tools/guestfs/guest-disk.ts';

/** What holds no files itself, and what it is instead. */
const withoutFiles: Readonly<Record<string, string>> = {
  swap: 'It is swap: pages of memory, and no files.',
  LVM2_member: 'It is a part of a volume group; the volumes in it are listed by themselves.',
  linux_raid_member: 'It is a part of an array; the array is listed by itself.',
  crypto_LUKS: 'It is encrypted (LUKS).',
  BitLocker: 'It is encrypted (BitLocker).',
  zfs_member: 'It is a part of a ZFS pool, which the appliance cannot read.',
};
const unknown = 'Nothing that is known begins here.';

/** The disk as its own tables say, by our own reader. */
const describe = (content: ServedContent): Promise<DiskDescription> =>
  readServed(content, (reader) => describeDisk((offset, length) => reader.read(offset, length), reader.size));

const reasonOf = (fileSystem: string | null): string | null =>
  fileSystem === null ? unknown : (withoutFiles[fileSystem] ?? null);

const partitionVolume = (
  partition: DiskPartition,
  device: string,
  found: GuestVolume | undefined,
): InsideVolume => {
  const { number, kind, type, typeName, start, offset, size } = partition;
  const fileSystem = found?.fileSystem ?? partition.fileSystem?.kind ?? null;
  const reason =
    kind === 'extended'
      ? 'The logical partitions lie in it.'
      : found === undefined && fileSystem !== null
        ? (reasonOf(fileSystem) ?? 'The appliance does not find it.')
        : reasonOf(found?.fileSystem ?? null);
  return {
    ...{ device, partition: number, type, typeName, startSector: start, offset, size, fileSystem },
    label: partition.fileSystem?.label ?? partition.label,
    uuid: partition.fileSystem?.uuid ?? null,
    ...{ mountable: reason === null, reason },
  };
};

const otherVolume = async (disk: GuestDisk, { device, fileSystem }: GuestVolume): Promise<InsideVolume> => {
  const reason = reasonOf(fileSystem);
  // A subvolume of btrfs is no device.
  const isDevice = device.startsWith('/dev/');
  const facts = isDevice ? await disk.facts(device) : { label: null, uuid: null, size: null };
  return {
    ...{ device, partition: null, type: null, typeName: null, startSector: null, fileSystem },
    offset: device === '/dev/sda' ? 0 : null,
    ...facts,
    ...{ mountable: reason === null, reason },
  };
};

/** Every partition of the table, and whatever else the appliance has found: volumes, arrays, a disk without a table. */
export const listVolumes = async (disk: GuestDisk, content: ServedContent): Promise<InsideVolume[]> => {
  const { partitions } = await describe(content);
  const found = new Map((await disk.volumes()).map((volume) => [volume.device, volume]));
  const volumes: InsideVolume[] = [];
  for (const partition of partitions) {
    const device = `/dev/sda${partition.number}`;
    volumes.push(partitionVolume(partition, device, found.get(device)));
    found.delete(device);
  }
  for (const volume of found.values()) volumes.push(await otherVolume(disk, volume));
  return volumes;
};
