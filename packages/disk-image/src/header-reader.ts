import type { HeaderProblemCode } from './image-header.types.ts';

/** Ends the reading of a header at its first flaw; caught in `readImageHeader`, never seen outside. */
export class HeaderFlaw extends Error {
  override readonly name = 'HeaderFlaw';
  readonly code: HeaderProblemCode;

  constructor(code: HeaderProblemCode, message: string) {
    super(message);
    this.code = code;
  }
}

export function demand(condition: boolean, code: HeaderProblemCode, message: string): asserts condition {
  if (!condition) throw new HeaderFlaw(code, message);
}

/** However much a header claims to hold, no more than this is read of one file (security.md, 2.3). */
const budget = 1024 ** 2;
const headBytes = 68 * 1024;
/** Enough for most: a library of a thousand images is read in one go, and memory is what that costs. */
const firstBytes = 4096;

/**
 * The understanding of a header, without the reading: it yields which bytes of the file it needs next and is given as
 * many of them as there are. Whoever drives it may wait for the disk, or not (drive-reading.ts).
 */
export type Reading<Result> = Generator<readonly [offset: number, length: number], Result, Buffer>;

/** Reads parts of one file, within bounds and within the budget. The first 4 KiB are read at once, or 68 when that is too little. */
export interface HeaderReader {
  readonly size: number;
  /** Exactly these bytes; a flaw when the file is too short. */
  bytes(offset: number, length: number): Reading<Buffer>;
  /** As many of these bytes as the file has. */
  upTo(offset: number, length: number): Reading<Buffer>;
}

export const headerReader = (size: number): HeaderReader => {
  let head: Buffer = Buffer.alloc(0);
  let left = budget - headBytes;
  function* upTo(offset: number, length: number): Reading<Buffer> {
    if (offset >= size) return Buffer.alloc(0);
    const end = Math.min(offset + length, size);
    if (end > head.length && end <= headBytes)
      head = yield [0, Math.min(size, end <= firstBytes ? firstBytes : headBytes)];
    if (end <= head.length) return head.subarray(offset, end);
    const wanted = Math.min(length, size - offset);
    demand(wanted <= left, 'damaged-header', 'The header is larger than 1 MiB.');
    left -= wanted;
    return yield [offset, wanted];
  }
  function* bytes(offset: number, length: number): Reading<Buffer> {
    const found = yield* upTo(offset, length);
    demand(found.length === length, 'truncated', 'The file ends before its header does.');
    return found;
  }
  return { size, bytes, upTo };
};

/** A 64-bit number that must fit what JavaScript counts exactly. */
export const safeNumber = (value: bigint, what: string): number => {
  const fits = value <= BigInt(Number.MAX_SAFE_INTEGER);
  demand(fits, 'damaged-header', `${what} is impossibly large (${value}).`);
  return Number(value);
};

/** The largest virtual disk Strata takes: 64 TiB (security.md, 2.3). */
export const maxVirtualSize = 64 * 1024 ** 4;

export const checkedVirtualSize = (size: bigint): number => {
  demand(size > 0n, 'bad-size', 'The virtual size is 0.');
  const limit = `The virtual size (${size} bytes) is beyond the limit of 64 TiB.`;
  demand(size <= BigInt(maxVirtualSize), 'bad-size', limit);
  demand(size % 512n === 0n, 'bad-size', `The virtual size (${size} bytes) is not a multiple of 512.`);
  return Number(size);
};

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Text of a header, cut at its first NUL as C does; null when it is no UTF-8. */
export const headerText = (buffer: Buffer): string | null => {
  const end = buffer.indexOf(0);
  try {
    return utf8.decode(end < 0 ? buffer : buffer.subarray(0, end));
  } catch {
    return null;
  }
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
export const hasControlCharacters = (text: string): boolean => controls.test(text);

/** The name of the program that made a file: of strangers, so without controls and not longer than a line. */
export const creatorText = (text: string): string | undefined => {
  const [before = ''] = text.split('\0');
  const line = before
    .replace(/[\r\n\t]+/g, ' ')
    .trim()
    .slice(0, 120);
  return line === '' || hasControlCharacters(line) ? undefined : line;
};
