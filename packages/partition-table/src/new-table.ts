import { crc32 } from './crc32.ts';
import { headerCrc, signature } from './gpt.ts';
import { viewOf } from './little-endian.ts';
import { type DiskWrite, relocateGpt } from './relocate-gpt.ts';

/** A table with one partition, for a new disk. */
export interface NewTable {
  readonly scheme: 'mbr' | 'gpt';
  /** Of the disk, in bytes. */
  readonly size: number;
  /** Where the partition begins and how long it is, in bytes: whole sectors. */
  readonly offset: number;
  readonly length: number;
  /** As it is read back: of an MBR two hexadecimal digits, of a GPT the GUID of the type. */
  readonly type: string;
  /** In a GPT only. */
  readonly name: string;
  /** So many bytes that nobody else has: disks and partitions are told apart by them. */
  random(count: number): Uint8Array;
}

const sector = 512;
const entryCount = 128;
const entryLength = 128;
const entrySectors = (entryCount * entryLength) / sector;
const mostSectors = 0xffff_ffff;

/** What a GPT takes at the end of the disk. */
export const gptTail = (entrySectors + 1) * sector;

const mbr = (type: number, first: number, sectors: number, disk: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(sector);
  const view = viewOf(bytes);
  bytes.set(disk, 440);
  bytes[450] = type;
  // Cylinders, heads and sectors that no disk has any more: "look at the numbers of sectors".
  bytes.set([0xfe, 0xff, 0xff], 447);
  bytes.set([0xfe, 0xff, 0xff], 451);
  view.setUint32(454, first, true);
  view.setUint32(458, Math.min(sectors, mostSectors), true);
  bytes.set([0x55, 0xaa], 510);
  return bytes;
};

const guidBytes = (guid: string): Uint8Array => {
  const digits = guid.replaceAll('-', '');
  const straight = Array.from({ length: 16 }, (_, at) =>
    Number.parseInt(digits.slice(at * 2, at * 2 + 2), 16),
  );
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  return Uint8Array.from(order, (at) => straight[at] ?? 0);
};

/** Version 4: nothing but random. */
const newGuid = (random: NewTable['random']): Uint8Array => {
  const bytes = new Uint8Array(random(16));
  bytes[7] = ((bytes[7] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes;
};

const gptEntries = ({ offset, length, type, name, random }: NewTable): Uint8Array => {
  const bytes = new Uint8Array(entryCount * entryLength);
  const view = viewOf(bytes);
  bytes.set(guidBytes(type), 0);
  bytes.set(newGuid(random), 16);
  view.setBigUint64(32, BigInt(offset / sector), true);
  view.setBigUint64(40, BigInt((offset + length) / sector - 1), true);
  for (let at = 0; at < Math.min(name.length, 35); at += 1)
    view.setUint16(56 + at * 2, name.charCodeAt(at), true);
  return bytes;
};

const gptHeader = (entries: Uint8Array, random: NewTable['random']): Uint8Array => {
  const bytes = new Uint8Array(sector);
  const view = viewOf(bytes);
  for (const [at, letter] of signature.split('').entries()) bytes[at] = letter.charCodeAt(0);
  view.setUint32(8, 0x0001_0000, true);
  view.setUint32(12, 92, true);
  view.setBigUint64(40, BigInt(2 + entrySectors), true);
  bytes.set(newGuid(random), 56);
  view.setUint32(80, entryCount, true);
  view.setUint32(84, entryLength, true);
  view.setUint32(88, crc32(entries), true);
  view.setUint32(16, headerCrc(bytes, 92), true);
  return bytes;
};

/** What is to be written into an empty disk. Throws for a partition that does not lie in it, or that the table cannot tell. */
export const newPartitionTable = (table: NewTable): readonly DiskWrite[] => {
  const { scheme, size, offset, length, type, random } = table;
  const [before, behind] = scheme === 'gpt' ? [(2 + entrySectors) * sector, gptTail] : [sector, 0];
  const isWhole = [offset, length, size].every((bytes) => bytes % sector === 0);
  if (!isWhole || length <= 0 || offset < before || offset + length > size - behind)
    throw new RangeError('the partition does not lie in the disk');
  if (scheme === 'mbr') {
    if ((offset + length) / sector > mostSectors) throw new RangeError('an MBR ends at 2 TiB');
    const disk = mbr(Number.parseInt(type, 16), offset / sector, length / sector, random(4));
    return [{ offset: 0, bytes: disk }];
  }
  const entryBytes = gptEntries(table);
  const headerBytes = gptHeader(entryBytes, random);
  const place = { headerBytes, entryBytes, entriesAt: 2, entrySectors, firstUsable: 2 + entrySectors };
  return [
    { offset: 0, bytes: mbr(0xee, 1, size / sector - 1, new Uint8Array(4)) },
    { offset: 2 * sector, bytes: entryBytes },
    ...relocateGpt(place, size, sector),
  ];
};
