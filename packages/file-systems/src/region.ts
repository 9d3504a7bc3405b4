import { guidAt, type ReadDisk, showable, viewOf } from '@strata/partition-table';

/** Superblocks lie in the first 68 KiB, with few exceptions. */
const headBytes = 68 * 1024;
const mostRead = 256 * 1024;
const mostReads = 64;

/** A part of a disk that something may lie in. Reads beyond its end, or beyond what may be read, give fewer bytes. */
export interface Region {
  readonly size: number;
  readonly head: Fields;
  read(offset: number, length: number): Promise<Fields>;
}

/** Numbers and text of a structure. What lies beyond its end is 0: it is compared with magic words first. */
export interface Fields {
  readonly bytes: Uint8Array;
  u8(at: number): number;
  u16(at: number): number;
  u32(at: number): number;
  /** Null: more than JavaScript counts exactly, and more than any disk has. */
  u64(at: number): number | null;
  u16be(at: number): number;
  u32be(at: number): number;
  u64be(at: number): number | null;
  /** The bytes as they are, one a letter: to compare with. */
  raw(at: number, length: number): string;
  hex(at: number, length: number): string;
  has(at: number, magic: string): boolean;
  /** UTF-8 up to the first NUL, safe to show; null when nothing is left. */
  text(at: number, length: number): string | null;
  /** UTF-16 up to the first NUL. */
  wide(at: number, units: number, isBigEndian?: boolean): string | null;
  /** 16 bytes as UUIDs are written. */
  uuid(at: number): string | null;
  /** The first three parts little-endian, as Microsoft writes them. */
  guid(at: number): string;
}

const utf8 = new TextDecoder('utf-8');

const shown = (text: string): string | null => {
  const [before = ''] = text.split('\0');
  return showable(before).trim().slice(0, 255) || null;
};

export const fieldsOf = (bytes: Uint8Array): Fields => {
  const view = viewOf(bytes);
  const within = (at: number, length: number): boolean => at >= 0 && at + length <= bytes.length;
  const safe = (value: bigint): number | null =>
    value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : null;
  const part = (at: number, length: number): Uint8Array =>
    bytes.subarray(Math.max(0, at), Math.max(0, Math.min(bytes.length, at + length)));
  const raw = (at: number, length: number): string => String.fromCharCode(...part(at, length));
  const hex = (at: number, length: number): string =>
    [...part(at, length)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return {
    bytes,
    u8: (at) => (within(at, 1) ? view.getUint8(at) : 0),
    u16: (at) => (within(at, 2) ? view.getUint16(at, true) : 0),
    u32: (at) => (within(at, 4) ? view.getUint32(at, true) : 0),
    u64: (at) => (within(at, 8) ? safe(view.getBigUint64(at, true)) : 0),
    u16be: (at) => (within(at, 2) ? view.getUint16(at) : 0),
    u32be: (at) => (within(at, 4) ? view.getUint32(at) : 0),
    u64be: (at) => (within(at, 8) ? safe(view.getBigUint64(at)) : 0),
    raw,
    hex,
    has: (at, magic) => raw(at, magic.length) === magic,
    text: (at, length) => shown(utf8.decode(part(at, length))),
    wide: (at, units, isBigEndian = false) => {
      const codes = Array.from({ length: Math.min(units, 512) }, (_, unit) => at + unit * 2)
        .filter((place) => within(place, 2))
        .map((place) => view.getUint16(place, !isBigEndian));
      return shown(String.fromCharCode(...codes));
    },
    uuid: (at) => {
      const digits = hex(at, 16);
      if (digits.length < 32 || /^0+$/.test(digits)) return null;
      return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    },
    guid: (at) => (within(at, 16) ? guidAt(view, at) : ''),
  };
};

/** The disk from `offset` on, `size` bytes of it. However hostile its contents: 64 reads of at most 256 KiB. */
export const regionOf = async (read: ReadDisk, offset: number, size: number): Promise<Region> => {
  let reads = 0;
  const readPart = async (at: number, length: number): Promise<Fields> => {
    const there = Math.min(length, mostRead, size - at);
    reads += 1;
    const isSane = Number.isSafeInteger(at) && at >= 0 && there > 0 && reads <= mostReads;
    return fieldsOf(isSane ? await read(offset + at, there) : new Uint8Array(0));
  };
  return { size, head: await readPart(0, headBytes), read: readPart };
};

/** Bytes of so many units; null when that is no size of a disk. */
export const sizeOf = (units: number | null, unitBytes: number): number | null => {
  const size = (units ?? 0) * unitBytes;
  return size > 0 && Number.isSafeInteger(size) ? size : null;
};
