import { crc32 } from '../crc32.ts';
import { viewOf } from '../little-endian.ts';
import { type DiskWrite, relocateGpt } from '../relocate-gpt.ts';

export interface TestDisk {
  readonly size: number;
  readonly reads: { count: number; bytes: number };
  read(offset: number, length: number): Promise<Uint8Array>;
  write(writes: readonly DiskWrite[]): void;
}

const block = 512;

/** A disk that holds only what was written to it. */
export const memoryDisk = (size: number): TestDisk => {
  const blocks = new Map<number, Uint8Array>();
  const reads = { count: 0, bytes: 0 };
  return {
    size,
    reads,
    read: (offset, length) => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      reads.count += 1;
      reads.bytes += bytes.length;
      for (let at = 0; at < bytes.length; at += 1) {
        const place = offset + at;
        bytes[at] = blocks.get(Math.floor(place / block))?.[place % block] ?? 0;
      }
      return Promise.resolve(bytes);
    },
    write: (writes) => {
      for (const { offset, bytes } of writes)
        for (const [index, byte] of bytes.entries()) {
          const place = offset + index;
          const number = Math.floor(place / block);
          const held = blocks.get(number) ?? new Uint8Array(block);
          held[place % block] = byte;
          blocks.set(number, held);
        }
    },
  };
};

interface MbrWish {
  readonly type: number;
  readonly start: number;
  readonly sectors: number;
  readonly boot?: boolean;
}

/** A boot record with up to four partitions; also the record of a logical one. */
export const mbrTable = (partitions: readonly MbrWish[], at = 0): DiskWrite => {
  const bytes = new Uint8Array(512);
  const view = viewOf(bytes);
  for (const [index, { type, start, sectors, boot = false }] of partitions.entries()) {
    const entry = 446 + index * 16;
    view.setUint8(entry, boot ? 0x80 : 0);
    view.setUint8(entry + 4, type);
    view.setUint32(entry + 8, start, true);
    view.setUint32(entry + 12, sectors, true);
  }
  view.setUint16(510, 0xaa55, true);
  return { offset: at * 512, bytes };
};

interface GptWish {
  readonly type: string;
  readonly start: number;
  readonly sectors: number;
  readonly label?: string;
}

const setGuid = (view: DataView, at: number, guid: string): void => {
  const [a = '', b = '', c = '', ...rest] = guid.split('-');
  view.setUint32(at, Number.parseInt(a, 16), true);
  view.setUint16(at + 4, Number.parseInt(b, 16), true);
  view.setUint16(at + 6, Number.parseInt(c, 16), true);
  const tail = rest.join('');
  for (let index = 0; index < 8; index += 1)
    view.setUint8(at + 8 + index, Number.parseInt(tail.slice(index * 2, index * 2 + 2), 16));
};

/** What a partitioning tool writes on a disk of this size: the boot record that protects, and both tables. */
export const gptTable = (size: number, partitions: readonly GptWish[], sectorSize = 512): DiskWrite[] => {
  const entryBytes = new Uint8Array(128 * 128);
  const entries = viewOf(entryBytes);
  for (const [index, { type, start, sectors, label = '' }] of partitions.entries()) {
    const at = index * 128;
    setGuid(entries, at, type);
    setGuid(entries, at + 16, `00000000-0000-4000-8000-${String(index + 1).padStart(12, '0')}`);
    entries.setBigUint64(at + 32, BigInt(start), true);
    entries.setBigUint64(at + 40, BigInt(start + sectors - 1), true);
    for (const [unit, letter] of [...label].entries())
      entries.setUint16(at + 56 + unit * 2, letter.charCodeAt(0), true);
  }
  const entrySectors = entryBytes.length / sectorSize;
  const headerBytes = new Uint8Array(sectorSize);
  const header = viewOf(headerBytes);
  for (const [index, letter] of [...'EFI PART'].entries()) headerBytes[index] = letter.charCodeAt(0);
  header.setUint32(8, 0x10000, true);
  header.setUint32(12, 92, true);
  const firstUsable = 2 + entrySectors;
  header.setBigUint64(40, BigInt(firstUsable), true);
  setGuid(header, 56, '11111111-2222-4333-8444-555555555555');
  header.setUint32(80, 128, true);
  header.setUint32(84, 128, true);
  header.setUint32(88, crc32(entryBytes), true);
  const place = { headerBytes, entryBytes, entriesAt: 2, entrySectors, firstUsable };
  return [
    mbrTable([{ type: 0xee, start: 1, sectors: Math.min(0xffffffff, size / sectorSize - 1) }]),
    { offset: 2 * sectorSize, bytes: entryBytes },
    ...relocateGpt(place, size, sectorSize),
  ];
};
