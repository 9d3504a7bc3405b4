import type { PartitionTable } from '@strata/partition-table';
import { fatFolder, fatPlaces } from './fat.ts';
import type { BootWay, DiskPartition, FileSystem } from './file-systems.types.ts';
import type { Region } from './region.ts';

const efiTypes = ['C12A7328-F81F-11D2-BA4B-00A0C93EC93B', 'ef'];
const biosBootType = '21686148-6449-6E6F-744E-656564454649';

export const isEfiPartition = ({ type }: Pick<DiskPartition, 'type'>): boolean => efiTypes.includes(type);

const machines: Readonly<Record<string, string>> = {
  'BOOTX64.EFI': 'x86-64',
  'BOOTIA32.EFI': 'x86',
  'BOOTAA64.EFI': 'ARM64',
  'BOOTARM.EFI': 'ARM',
  'BOOTRISCV64.EFI': 'RISC-V',
};

/** Folders of systems in an EFI partition, in capitals: `DEBIAN`, `MICROSOFT`. */
export interface EfiFolders {
  readonly systems: readonly string[];
  /** Loaders that a firmware starts without having been told of them. */
  readonly fallbacks: readonly string[];
}

const mostFolders = 32;

export const efiFolders = async (region: Region): Promise<EfiFolders> => {
  const places = fatPlaces(region);
  if (places === null) return { systems: [], fallbacks: [] };
  const inside = await fatFolder(region, places, ['EFI']);
  const systems = inside
    .filter(
      ({ isFolder, name }) =>
        isFolder && /^[A-Z0-9_.~ -]{1,64}$/.test(name) && !['BOOT', '.', '..'].includes(name),
    )
    .map(({ name }) => name)
    .slice(0, mostFolders);
  const boot = await fatFolder(region, places, ['EFI', 'BOOT']);
  return { systems, fallbacks: boot.map(({ name }) => name).filter((name) => name in machines) };
};

export const uefiWay = ({ systems, fallbacks }: EfiFolders, where: string): BootWay[] => {
  const [first] = fallbacks;
  if (first !== undefined) {
    const known = fallbacks.map((name) => machines[name] ?? name).join(', ');
    return [{ firmware: 'uefi', by: `EFI/BOOT/${first} ${where} (${known})` }];
  }
  if (systems.length === 0) return [];
  const by = `a loader ${where}, which the variables of its firmware must name: EFI/BOOT is missing`;
  return [{ firmware: 'uefi', by }];
};

/** Words that boot loaders leave in their first sector. */
const loaders: readonly (readonly [string, string])[] = [
  ['GRUB', 'GRUB'],
  ['LILO', 'LILO'],
  ['isolinux', 'ISOLINUX'],
  ['SYSLINUX', 'SYSLINUX'],
  ['BOOTMGR', 'the Windows boot manager'],
  ['NTLDR', 'the Windows NT loader'],
];
const codeBytes = 440;

/** A boot record that is nothing but a table has no code; one with code may still need a partition to go on with. */
export const biosWay = (region: Region, table: PartitionTable, whole: FileSystem | null): BootWay[] => {
  const { head } = region;
  const hasCode = head.bytes.subarray(0, codeBytes).some((byte) => byte !== 0);
  if (head.u16(510) !== 0xaa55 || !hasCode) return [];
  const code = head.raw(0, 512);
  if (code.includes('not a bootable disk')) return [];
  const loader = loaders.find(([word]) => code.includes(word))?.[1];
  const by = `boot code in the first sector${loader === undefined ? '' : ` (${loader})`}`;
  if (table.partitions.length === 0) {
    // Every FAT and NTFS begins with code; only a loader that is known goes further than to a message.
    return whole === null || loader !== undefined ? [{ firmware: 'bios', by }] : [];
  }
  const active = table.partitions.find(({ bootable }) => bootable);
  const hasRoom = table.partitions.some(({ type }) => type === biosBootType);
  if (active === undefined && loader === undefined && !hasRoom) return [];
  const rest = active === undefined || loader !== undefined ? '' : `, active partition ${active.number}`;
  return [{ firmware: 'bios', by: `${by}${rest}` }];
};
