/** Numbers of a structure on a disk. Reading beyond its end is a mistake of the reader, who has checked the length. */
export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Null: more than JavaScript counts exactly, and more than any disk has. */
export const sectorAt = (view: DataView, at: number): number | null => {
  const value = view.getBigUint64(at, true);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : null;
};

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0').toUpperCase();

/** The first three parts of a GUID are little-endian, the others are bytes. */
export const guidAt = (view: DataView, at: number): string => {
  const bytes = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_, index) => hex(view.getUint8(at + from + index), 2)).join('');
  const head = [hex(view.getUint32(at, true), 8), hex(view.getUint16(at + 4, true), 4)];
  return [...head, hex(view.getUint16(at + 6, true), 4), bytes(8, 10), bytes(10, 16)].join('-');
};

/** Control characters, bidirectional overrides and halves of pairs would lie where the name is shown. */
const unshowable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu;

/** Text of strangers as it can be shown. */
export const showable = (text: string): string => text.replace(unshowable, '\ufffd');

/** UTF-16 as a GPT writes names, cut at its first NUL. */
export const nameAt = (view: DataView, at: number, units: number): string => {
  const codes: number[] = [];
  for (let unit = 0; unit < units; unit += 1) {
    const code = view.getUint16(at + unit * 2, true);
    if (code === 0) break;
    codes.push(code);
  }
  return showable(String.fromCharCode(...codes));
};
