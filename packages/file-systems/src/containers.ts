import type { FileSystem } from './file-systems.types.ts';
import { type Fields, type Region, sizeOf } from './region.ts';

export const luks = ({ head }: Region): FileSystem | null => {
  const version = head.u16be(6);
  if (!head.has(0, 'LUKS\xba\xbe') || (version !== 1 && version !== 2)) return null;
  return {
    kind: version === 1 ? 'luks1' : 'luks2',
    label: version === 1 ? null : head.text(24, 48),
    uuid: head.text(168, 40),
    size: null,
    notes: ['encrypted'],
  };
};

/** The GUIDs that BitLocker writes into its first sector: of a fixed disk, and of a removable one. */
const bitLockerMarks = [160, 424] as const;
const bitLockerGuid = '4967D63B-2E29-4AD8-8399-F6A339E3D001';

export const bitLocker = ({ head }: Region): FileSystem | null =>
  head.has(3, '-FVE-FS-') || bitLockerMarks.some((at) => head.guid(at) === bitLockerGuid)
    ? { kind: 'bitlocker', label: null, uuid: null, size: null, notes: ['encrypted'] }
    : null;

const metadataMagic = ' LVM2 x[5A%r0N*>';
const metadataAt = 4096;

/** Its metadata are text that begins with the name of the group. */
const volumeGroup = async (region: Region): Promise<string | null> => {
  const { head } = region;
  const place = head.u64(metadataAt + 40);
  if (!head.has(metadataAt + 4, metadataMagic) || place === null) return null;
  const metadata = await region.read(metadataAt + place, 256);
  return /^([A-Za-z0-9+_.-]{1,127}) \{/.exec(metadata.raw(0, 256))?.[1] ?? null;
};

export const lvm2 = async (region: Region): Promise<FileSystem | null> => {
  const { head } = region;
  const label = [0, 512, 1024, 1536].find((at) => head.has(at, 'LABELONE') && head.has(at + 24, 'LVM2 001'));
  if (label === undefined) return null;
  const header = label + head.u32(label + 20);
  const id = head.raw(header, 32);
  const group = await volumeGroup(region);
  return {
    kind: 'lvm2',
    label: group,
    uuid: /^[A-Za-z0-9]{32}$/.test(id)
      ? id.replace(/^(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-$5-$6-')
      : null,
    size: sizeOf(head.u64(header + 32), 1),
    notes: group === null ? [] : [`volume group ${group}`],
  };
};

export const linuxRaid = ({ head }: Region): FileSystem | null => {
  const at = [0, 4096].find((place) => head.u32(place) === 0xa92b4efc && head.u32(place + 4) === 1);
  if (at === undefined) return null;
  return {
    kind: 'linux-raid',
    label: head.text(at + 32, 32),
    uuid: head.uuid(at + 16),
    size: null,
    notes: [],
  };
};

const zfs = { pairs: 16 * 1024, pairBytes: 112 * 1024, uberblocks: 128 * 1024, magic: 0x00bab10c };

/** An XDR string pair of the label: length of the name, the name, the type of a string, one of it, its length. */
const poolName = (pairs: Fields): string | null => {
  const mark = '\0\0\0\x04name\0\0\0\x09\0\0\0\x01';
  const at = pairs.raw(0, 4096).indexOf(mark);
  return at < 0 ? null : pairs.text(at + mark.length + 4, Math.min(255, pairs.u32be(at + mark.length)));
};

export const zfsMember = async (region: Region): Promise<FileSystem | null> => {
  if (region.size < 64 * 1024 ** 2) return null;
  const uberblocks = await region.read(zfs.uberblocks, 128 * 1024);
  const isUberblock = (at: number): boolean =>
    (uberblocks.u32(at) === zfs.magic && uberblocks.u32(at + 4) === 0) ||
    (uberblocks.u32be(at + 4) === zfs.magic && uberblocks.u32be(at) === 0);
  if (!Array.from({ length: 128 }, (_, index) => index * 1024).some(isUberblock)) return null;
  const label = poolName(await region.read(zfs.pairs, zfs.pairBytes));
  return { kind: 'zfs', label, uuid: null, size: null, notes: label === null ? [] : [`pool ${label}`] };
};
