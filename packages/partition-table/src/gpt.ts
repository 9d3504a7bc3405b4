import { crc32 } from './crc32.ts';
import { guidAt, nameAt, sectorAt, viewOf } from './little-endian.ts';
import type { GptPlace, Partition, ReadDisk } from './partition-table.types.ts';
import { gptTypeName } from './type-names.ts';

export const signature = 'EFI PART';
const unused = '00000000-0000-0000-0000-000000000000';
/** 128 entries of 128 bytes are usual; more than that is read, but not without an end. */
const mostEntryBytes = 1024 ** 2;
const leastHeader = 92;

export interface GptHeader {
  readonly at: number;
  readonly alternate: number;
  readonly lastUsable: number;
  readonly place: GptPlace;
  readonly partitions: readonly Partition[];
}

const isSigned = (bytes: Uint8Array): boolean =>
  signature.split('').every((letter, index) => bytes[index] === letter.charCodeAt(0));

/** Over the header, with the field of the sum itself as zeros. */
export const headerCrc = (bytes: Uint8Array, length: number): number => {
  // A copy, whatever kind of bytes it is: slicing a Buffer of Node's copies nothing.
  const copy = new Uint8Array(bytes).subarray(0, length);
  copy.fill(0, 16, 20);
  return crc32(copy);
};

const partitionAt = (
  view: DataView,
  at: number,
  number: number,
  entryLength: number,
  sectorSize: number,
): Partition | null => {
  const type = guidAt(view, at);
  const first = sectorAt(view, at + 32);
  const last = sectorAt(view, at + 40);
  if (type === unused || first === null || last === null || last < first) return null;
  const sectors = last - first + 1;
  const attributes = view.getBigUint64(at + 48, true);
  const units = Math.min(36, Math.floor((entryLength - 56) / 2));
  return {
    ...{ number, kind: 'gpt', type, typeName: gptTypeName(type) },
    ...{ start: first, sectors, offset: first * sectorSize, size: sectors * sectorSize },
    ...{ bootable: (attributes & 4n) !== 0n, label: nameAt(view, at + 56, units) || null },
    uuid: guidAt(view, at + 16),
  };
};

/** The header in this sector with its entries; a word for what is wrong with it otherwise. */
export const readGptHeader = async (
  read: ReadDisk,
  at: number,
  sectorSize: number,
): Promise<GptHeader | 'unsigned' | 'damaged'> => {
  const sector = await read(at * sectorSize, sectorSize);
  if (sector.length < sectorSize || !isSigned(sector)) return 'unsigned';
  const view = viewOf(sector);
  const length = view.getUint32(12, true);
  if (length < leastHeader || length > sectorSize) return 'damaged';
  if (headerCrc(sector, length) !== view.getUint32(16, true)) return 'damaged';
  const [self, alternate, firstUsable, lastUsable, entriesAt] = [24, 32, 40, 48, 72].map((field) =>
    sectorAt(view, field),
  );
  if (self !== at || alternate == null || firstUsable == null || lastUsable == null || entriesAt == null)
    return 'damaged';
  const count = view.getUint32(80, true);
  const entryLength = view.getUint32(84, true);
  if (entryLength < 128 || entryLength % 8 !== 0 || count * entryLength > mostEntryBytes) return 'damaged';
  const entries = await read(entriesAt * sectorSize, count * entryLength);
  if (entries.length < count * entryLength || crc32(entries) !== view.getUint32(88, true)) return 'damaged';
  const entryView = viewOf(entries);
  const partitions = Array.from({ length: count }, (_, index) =>
    partitionAt(entryView, index * entryLength, index + 1, entryLength, sectorSize),
  ).filter((partition) => partition !== null);
  const entrySectors = Math.ceil((count * entryLength) / sectorSize);
  const place = { headerBytes: sector, entryBytes: entries, entriesAt, entrySectors, firstUsable };
  return { at, alternate, lastUsable, place, partitions };
};
