import { apfs, hfsPlus } from './apple-file-systems.ts';
import { bitLocker, linuxRaid, luks, lvm2, zfsMember } from './containers.ts';
import { fat } from './fat.ts';
import type { FileSystem } from './file-systems.types.ts';
import { btrfs, ext, f2fs, squashfs, swap, xfs } from './linux-file-systems.ts';
import { optical } from './optical-file-systems.ts';
import type { Region } from './region.ts';
import { exfat, ntfs } from './windows-file-systems.ts';

type Probe = (region: Region) => FileSystem | null | Promise<FileSystem | null>;

/**
 * What wraps others comes first, for what is inside may show through; FAT, which has no magic word, and ZFS, whose
 * labels outlive other file systems made in their place, come last.
 */
const probes: readonly Probe[] = [
  ...[luks, bitLocker, linuxRaid, lvm2, swap],
  ...[xfs, btrfs, squashfs, apfs, ntfs, exfat, ext, f2fs, hfsPlus],
  ...[optical, fat, zfsMember],
];

export const recognizeRegion = async (region: Region): Promise<FileSystem | null> => {
  for (const probe of probes) {
    const found = await probe(region);
    if (found !== null) return found;
  }
  return null;
};
