import type { EfiFolders } from './boot-ways.ts';
import type { DiskPartition, FileSystem, FileSystemKind, SystemGuess } from './file-systems.types.ts';

/** Names of folders that installers make in an EFI partition. */
const byFolder: Readonly<Record<string, string>> = {
  MICROSOFT: 'Windows',
  UBUNTU: 'Ubuntu',
  DEBIAN: 'Debian',
  FEDORA: 'Fedora',
  REDHAT: 'Red Hat Enterprise Linux',
  CENTOS: 'CentOS',
  ROCKY: 'Rocky Linux',
  ALMALINUX: 'AlmaLinux',
  OPENSUSE: 'openSUSE',
  SUSE: 'SUSE Linux',
  ARCH: 'Arch Linux',
  ALPINE: 'Alpine Linux',
  KALI: 'Kali Linux',
  FREEBSD: 'FreeBSD',
  APPLE: 'macOS',
};

/** Labels that images for clouds have, and that no person gives. */
const byLabel: readonly (readonly [RegExp, string])[] = [
  [/^cloudimg-rootfs$/, 'Ubuntu (cloud image)'],
  [/^fedora(-cloud.*)?$/i, 'Fedora'],
  [/^alpine/i, 'Alpine Linux'],
  [/^nixos$/i, 'NixOS'],
  [/^freebsd/i, 'FreeBSD'],
];

const windowsMedium = /^(CCCOMA|CPBA|CENA|CPRA|SSS|ESD-ISO|GRMC|IR\d|J_CCSA|DV\d)[A-Z0-9_-]*/;

const linuxKinds: readonly FileSystemKind[] = [
  ...(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs', 'swap'] as const),
  ...(['luks1', 'luks2', 'lvm2', 'linux-raid'] as const),
];

const ofMedium = ({ kind, label }: FileSystem): SystemGuess | null => {
  if ((kind !== 'iso9660' && kind !== 'udf') || label === null) return null;
  const name = windowsMedium.test(label) ? 'Windows, setup medium' : `medium “${label}”`;
  return { name, why: `its volume is called ${label}` };
};

const ofTypes = (partitions: readonly DiskPartition[]): SystemGuess | null => {
  const typed = (word: RegExp): DiskPartition | undefined =>
    partitions.find(({ typeName }) => typeName !== null && word.test(typeName));
  for (const [word, name] of [
    [/^FreeBSD/, 'FreeBSD'],
    [/^OpenBSD/, 'OpenBSD'],
    [/^NetBSD/, 'NetBSD'],
    [/^(APFS|HFS\+|macOS)/, 'macOS'],
    [/^(Microsoft reserved|Windows)/, 'Windows'],
  ] as const) {
    const found = typed(word);
    if (found !== undefined)
      return { name, why: `partition ${found.number} is of the type ${found.typeName ?? ''}` };
  }
  return null;
};

const ofFileSystems = (found: readonly FileSystem[]): SystemGuess | null => {
  for (const { label } of found)
    for (const [pattern, name] of byLabel)
      if (label !== null && pattern.test(label)) return { name, why: `a file system is called ${label}` };
  const kind = (wanted: readonly FileSystemKind[]): FileSystem | undefined =>
    found.find((fileSystem) => wanted.includes(fileSystem.kind));
  const windows = kind(['ntfs', 'bitlocker']);
  const linux = kind(linuxKinds);
  if (linux !== undefined) return { name: 'Linux', why: `it has ${linux.kind}` };
  if (windows !== undefined) return { name: 'Windows', why: `it has ${windows.kind}` };
  return kind(['apfs', 'hfsplus']) === undefined
    ? null
    : { name: 'macOS', why: 'it has file systems of Apple' };
};

/** A guess from what can be seen without looking into files. The strongest hint counts: what an installer has named. */
export const guessSystem = (
  partitions: readonly DiskPartition[],
  whole: FileSystem | null,
  efi: EfiFolders,
): SystemGuess | null => {
  const medium = whole === null ? null : ofMedium(whole);
  if (medium !== null) return medium;
  const folder = efi.systems.find((name) => name in byFolder);
  if (folder !== undefined)
    return { name: byFolder[folder] ?? folder, why: `its EFI partition has a folder EFI/${folder}` };
  const found = [whole, ...partitions.map(({ fileSystem }) => fileSystem)].filter((one) => one !== null);
  return ofTypes(partitions) ?? ofFileSystems(found);
};
