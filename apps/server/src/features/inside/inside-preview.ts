import type { InsidePreview } from '@strata/contract';

export const previewBytes = 64 * 1024;
const dumpedBytes = 4096;
const perLine = 16;
/** The longest character of UTF-8, less one: so much of a last one may be cut off. */
const cutBytes = 3;

/** Text is UTF-8 without the zero byte; where the end is cut off, its last character may be. */
const textIn = (bytes: Buffer, truncated: boolean): string | null => {
  if (bytes.includes(0)) return null;
  for (let cut = 0; cut <= (truncated ? Math.min(cutBytes, bytes.length) : 0); cut++) {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, bytes.length - cut));
    } catch {
      // Perhaps in the middle of a character.
    }
  }
  return null;
};

const lineOf = (bytes: Buffer, offset: number): string => {
  const part = bytes.subarray(offset, offset + perLine);
  const digits = [...part].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const letters = part.toString('latin1').replace(/[^\x20-\x7e]/g, '.');
  return `${offset.toString(16).padStart(8, '0')}  ${digits.padEnd(perLine * 3 - 1)}  ${letters}`;
};

const dump = (bytes: Buffer): string =>
  Array.from({ length: Math.ceil(bytes.length / perLine) }, (_, line) => lineOf(bytes, line * perLine)).join(
    '\n',
  );

export const previewOf = (bytes: Buffer, size: number): InsidePreview => {
  const truncated = size > bytes.length;
  const text = textIn(bytes, truncated);
  return text === null
    ? {
        ...{ kind: 'binary', text: null, size },
        hex: dump(bytes.subarray(0, dumpedBytes)),
        truncated: size > Math.min(bytes.length, dumpedBytes),
      }
    : { kind: 'text', text, hex: null, size, truncated };
};
