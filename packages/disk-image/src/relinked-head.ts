import { qcow2Magic } from './qcow2-header.ts';

export interface HeaderLink {
  /** Goes into the header as it is. */
  readonly string: string;
  readonly format: string;
}

/** Bytes of the header, to be written at once. */
export interface HeaderPatch {
  readonly offset: number;
  readonly bytes: Buffer;
}

const backingFormatExtension = 0xe2792aca;
const mostNameBytes = 1023;
/** What a disk or a page writes whole: a link that crosses the end of one could be torn. */
export const headBytes = 4096;

/** Where the extension lies that tells the format of the backing file, and how long its place is; null: there is none. */
const formatPlace = (head: Buffer, start: number, end: number) => {
  for (let at = start; at + 8 <= end; ) {
    const kind = head.readUInt32BE(at);
    const room = Math.ceil(head.readUInt32BE(at + 4) / 8) * 8;
    if (kind === 0 || at + 8 + room > end) return null;
    if (kind === backingFormatExtension) return { at, room };
    at += 8 + room;
  }
  return null;
};

const isZero = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);

/** The text at its place, and zeros after it as far as something stood there before. False when it does not fit. */
const put = (
  head: Buffer,
  at: number,
  text: Buffer,
  { was, room }: { was: number; room: number },
): boolean => {
  if (text.length > room || !isZero(head.subarray(at + was, at + Math.max(was, text.length)))) return false;
  head.fill(0, at, at + was);
  text.copy(head, at);
  return true;
};

/**
 * Another backing file in the header of a qcow2 that has one: the bytes that change, all within the first 4 KiB. `head`: these,
 * of a header that was read and is sound. Null when the new link does not fit where the old one is; then the header is to be
 * laid out anew, which is qemu-img's work.
 */
export const relinkedHead = (head: Buffer, { string, format }: HeaderLink): HeaderPatch | null => {
  if (head.length < headBytes || head.readUInt32BE(0) !== qcow2Magic) return null;
  const after = Buffer.from(head);
  const nameAt = Number(head.readBigUInt64BE(8));
  const nameWas = head.readUInt32BE(16);
  const end = Math.min(headBytes, 2 ** head.readUInt32BE(20));
  const start = head.readUInt32BE(4) === 2 ? 72 : head.readUInt32BE(100);
  if (nameAt < start || nameAt + nameWas > end) return null;
  const place = formatPlace(head, start, nameAt);
  const [name, driver] = [Buffer.from(string), Buffer.from(format)];
  if (place === null || name.length === 0) return null;
  const formatWas = head.readUInt32BE(place.at + 4);
  // Of another length the extension would end elsewhere only beyond its padding, which `room` excludes.
  if (Math.ceil(driver.length / 8) * 8 !== place.room) return null;
  if (!put(after, place.at + 8, driver, { was: formatWas, room: place.room })) return null;
  after.writeUInt32BE(driver.length, place.at + 4);
  if (!put(after, nameAt, name, { was: nameWas, room: Math.min(mostNameBytes, end - nameAt) })) return null;
  after.writeUInt32BE(name.length, 16);
  const first = after.findIndex((byte, at) => byte !== head[at]);
  const last = after.findLastIndex((byte, at) => byte !== head[at]);
  return { offset: Math.max(0, first), bytes: first < 0 ? Buffer.alloc(0) : after.subarray(first, last + 1) };
};
