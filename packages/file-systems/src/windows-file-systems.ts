import type { FileSystem } from './file-systems.types.ts';
import { type Region, sizeOf } from './region.ts';

const isSector = (bytes: number): boolean => [256, 512, 1024, 2048, 4096].includes(bytes);

/** A count of clusters; as a negative number of a byte the power of two that it is in bytes. */
const sizeByByte = (value: number, unit: number): number =>
  value < 128 ? value * unit : 2 ** Math.min(24, 256 - value);

const volumeRecord = 3;
const nameAttribute = 0x60;

/** Attribute $VOLUME_NAME of the fourth record of the master file table. */
const ntfsLabel = async (region: Region, sector: number): Promise<string | null> => {
  const { head } = region;
  const cluster = sizeByByte(head.u8(13), 1) * sector;
  const recordSize = sizeByByte(head.u8(64), cluster);
  const record = await region.read((head.u64(48) ?? 0) * cluster + volumeRecord * recordSize, recordSize);
  if (!record.has(0, 'FILE')) return null;
  let at = record.u16(20);
  for (let count = 0; count < 16; count += 1) {
    const type = record.u32(at);
    const length = record.u32(at + 4);
    if (type === nameAttribute && record.u8(at + 8) === 0)
      return record.wide(at + record.u16(at + 20), record.u32(at + 16) / 2);
    if (type === 0xffffffff || length < 16) return null;
    at += length;
  }
  return null;
};

export const ntfs = async (region: Region): Promise<FileSystem | null> => {
  const { head } = region;
  const sector = head.u16(11);
  if (!head.has(3, 'NTFS    ') || !isSector(sector)) return null;
  const serial = [...head.bytes.subarray(72, 80)].reverse();
  const id = serial.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return {
    kind: 'ntfs',
    label: await ntfsLabel(region, sector),
    uuid: /^0*$/.test(id) ? null : id.toUpperCase(),
    size: sizeOf(head.u64(40), sector),
    notes: [],
  };
};

const labelEntry = 0x83;

export const exfat = async (region: Region): Promise<FileSystem | null> => {
  const { head } = region;
  const logSector = head.u8(108);
  const logCluster = head.u8(109);
  if (!head.has(3, 'EXFAT   ') || logSector < 9 || logSector > 12 || logCluster > 25 - logSector) return null;
  const sector = 2 ** logSector;
  const rootAt = head.u32(88) * sector + (head.u32(96) - 2) * 2 ** logCluster * sector;
  const root = await region.read(rootAt, 4096);
  const at = Array.from({ length: 128 }, (_, index) => index * 32).find(
    (place) => root.u8(place) === labelEntry,
  );
  const serial = head.u32(100).toString(16).padStart(8, '0').toUpperCase();
  return {
    kind: 'exfat',
    label: at === undefined ? null : root.wide(at + 2, Math.min(11, root.u8(at + 1))),
    uuid: serial === '00000000' ? null : serial.replace(/^(.{4})/, '$1-'),
    size: sizeOf(head.u64(72), sector),
    notes: [],
  };
};
