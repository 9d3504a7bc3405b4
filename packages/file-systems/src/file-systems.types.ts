import type { Partition, PartitionTable } from '@strata/partition-table';

export type FileSystemKind =
  | 'ext2'
  | 'ext3'
  | 'ext4'
  | 'xfs'
  | 'btrfs'
  | 'f2fs'
  | 'squashfs'
  | 'swap'
  | 'ntfs'
  | 'exfat'
  | 'fat12'
  | 'fat16'
  | 'fat32'
  | 'bitlocker'
  | 'hfsplus'
  | 'apfs'
  | 'iso9660'
  | 'udf'
  | 'luks1'
  | 'luks2'
  | 'lvm2'
  | 'zfs'
  | 'linux-raid';

/** What begins at a place of a disk. All text in it was written by strangers, and is made safe to show. */
export interface FileSystem {
  readonly kind: FileSystemKind;
  /** Of LVM the volume group, of ZFS the pool: what a person calls it. */
  readonly label: string | null;
  /** As its own tools write it; of FAT and NTFS the serial number. */
  readonly uuid: string | null;
  /** Bytes, as it says itself: may differ from those of its partition. */
  readonly size: number | null;
  /** What else is worth knowing: “Joliet”, “last mounted at /”. */
  readonly notes: readonly string[];
}

export interface DiskPartition extends Partition {
  /** Null: nothing that is known here. */
  readonly fileSystem: FileSystem | null;
}

export interface BootWay {
  readonly firmware: 'bios' | 'uefi';
  /** What speaks for it, in words. */
  readonly by: string;
}

export interface SystemGuess {
  readonly name: string;
  /** What it was guessed from. */
  readonly why: string;
}

/** What a disk holds, as far as it can be told from its first sectors and those of its partitions. */
export interface DiskDescription {
  readonly table: PartitionTable;
  readonly partitions: readonly DiskPartition[];
  /** What begins with the first byte of the disk: without a table, or an ISO that has one as well. */
  readonly whole: FileSystem | null;
  readonly boot: readonly BootWay[];
  readonly system: SystemGuess | null;
  /** Every byte that was looked at is zero: nobody has written to it yet. */
  readonly isBlank: boolean;
}
