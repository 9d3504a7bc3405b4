import type { BigIntStats } from 'node:fs';
import { mapImage } from '../../../qemu/qemu-img.ts';
import { allocatedOf } from '../image-record.ts';
import type { Piece } from './hash-thread.ts';

/** Small enough that a pause or a cancel is felt at once, large enough that the messages cost nothing. */
const pieceBytes = 8 * 1024 ** 2;
/** Below that, looking for holes costs more than reading them. */
const worthwhile = 64 * 1024 ** 2;

type Range = { readonly start: number; readonly end: number; readonly zero: boolean };

/**
 * Holes of a file, by `qemu-img map` of the file as it is (Node has no SEEK_HOLE). A digest has to be fed its zeros one by
 * one, but they need not be fetched from the disk: 2 TiB of hole then take as long as the processor takes.
 */
const rangesOf = async (path: string, stat: BigIntStats): Promise<readonly Range[]> => {
  const size = Number(stat.size);
  const whole = [{ start: 0, end: size, zero: false }];
  if (size - allocatedOf(stat) < worthwhile) return whole;
  try {
    const entries = await mapImage({ path, format: 'raw' });
    const ranges = entries.map(({ start, length, data }) => ({
      start,
      end: Math.min(start + length, size),
      zero: !data,
    }));
    const isGapless = ranges.every(({ start }, index) => start === (ranges[index - 1]?.end ?? 0));
    return isGapless && ranges.at(-1)?.end === size ? ranges : whole;
  } catch {
    // A file in too many parts to tell, or one that is locked: it can be read all the same.
    return whole;
  }
};

/** The whole file, in order. */
export const filePieces = async (path: string, stat: BigIntStats): Promise<Iterable<Piece>> => {
  const ranges = await rangesOf(path, stat);
  return (function* () {
    for (const { start, end, zero } of ranges)
      for (let offset = start; offset < end; offset += pieceBytes)
        yield { offset, length: Math.min(pieceBytes, end - offset), zero };
  })();
};
