import type { FileHandle } from 'node:fs/promises';

/** A piece of a file. */
export type HostRange = readonly [offset: number, length: number];

export interface ZeroScan {
  /** Bytes that were read, and those of them that lie in grains of nothing but zeros. */
  readonly scannedBytes: number;
  readonly zeroBytes: number;
  /** All that there is to read; more than was scanned when that was too much. */
  readonly totalBytes: number;
}

const chunkBytes = 1024 ** 2;
const zeros = Buffer.alloc(chunkBytes);

/** Whole grains within pieces of at most a chunk, in the order of the file. */
export const chunksOf = (ranges: readonly HostRange[], grain: number): HostRange[] => {
  const most = Math.max(grain, Math.floor(chunkBytes / grain) * grain);
  return ranges.flatMap(([offset, length]) => {
    const chunks: HostRange[] = [];
    for (let at = 0; at < length; at += most) chunks.push([offset + at, Math.min(most, length - at)]);
    return chunks;
  });
};

/** The ranges of nothing but zeros, in whole grains from the start of the piece; its last grain may be short. */
export const zeroRanges = (bytes: Buffer, at: number, grain: number): HostRange[] => {
  const found: [number, number][] = [];
  for (let start = 0; start < bytes.length; start += grain) {
    const piece = bytes.subarray(start, start + grain);
    if (!piece.equals(zeros.subarray(0, piece.length)) && !isZero(piece)) continue;
    const last = found.at(-1);
    if (last !== undefined && last[0] + last[1] === at + start) last[1] += piece.length;
    else found.push([at + start, piece.length]);
  }
  return found;
};

/** For grains longer than the constant (clusters of 2 MiB). */
const isZero = (piece: Buffer): boolean => {
  if (piece.length <= zeros.length) return false;
  for (let at = 0; at < piece.length; at += zeros.length) {
    const part = piece.subarray(at, at + zeros.length);
    if (!part.equals(zeros.subarray(0, part.length))) return false;
  }
  return true;
};

export const readPiece = async (handle: FileHandle, [offset, length]: HostRange): Promise<Buffer> => {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled);
    // Behind the end of the file there are zeros, as QEMU reads them.
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer;
};

/**
 * How much of these ranges is zeros, grain by grain. When they are more than `budget`, pieces evenly spread over all
 * of them are read instead.
 */
export const scanZeros = async (
  handle: FileHandle,
  ranges: readonly HostRange[],
  { grain, budget }: { readonly grain: number; readonly budget: number },
): Promise<ZeroScan> => {
  const chunks = chunksOf(ranges, grain);
  const totalBytes = ranges.reduce((sum, [, length]) => sum + length, 0);
  const every = Math.max(1, totalBytes / budget);
  let scannedBytes = 0;
  let zeroBytes = 0;
  for (let next = 0; next < chunks.length; next += every) {
    const chunk = chunks[Math.floor(next)];
    if (chunk === undefined) break;
    const bytes = await readPiece(handle, chunk);
    scannedBytes += bytes.length;
    for (const [, length] of zeroRanges(bytes, chunk[0], grain)) zeroBytes += length;
  }
  return { scannedBytes, zeroBytes, totalBytes };
};
