import { stat } from 'node:fs/promises';
import { glance, mapImage } from './qemu/qemu-img.ts';

/** A part of a file; `zero`: a hole, of which it is known what it reads. */
export interface FileRange {
  readonly start: number;
  readonly end: number;
  readonly zero: boolean;
}

/** Below that, looking for holes costs more than reading them. */
const worthwhile = 64 * 1024 ** 2;

/**
 * Data and holes of a file, in order and without gaps, by `qemu-img map` of the file as it is (Node has no SEEK_HOLE): 2 TiB
 * of hole need not be fetched.
 */
export const fileRanges = async (path: string): Promise<readonly FileRange[]> => {
  const { size, blocks } = await stat(path);
  const whole = [{ start: 0, end: size, zero: false }];
  if (size - blocks * 512 < worthwhile) return whole;
  try {
    const entries = await mapImage({ path, format: 'raw' }, true, glance);
    const ranges = entries.map(({ start, length, data }) => ({
      start,
      end: Math.min(start + length, size),
      zero: !data,
    }));
    const isGapless = ranges.every(({ start }, index) => start === (ranges[index - 1]?.end ?? 0));
    return isGapless && ranges.at(-1)?.end === size ? ranges : whole;
  } catch {
    // A file in too many parts to tell: it can be read all the same.
    return whole;
  }
};

const dataOf = (ranges: readonly FileRange[]): FileRange[] => ranges.filter(({ zero }) => !zero);

/** Where either of two files of one size has data, in order. */
export const dataOfEither = (one: readonly FileRange[], other: readonly FileRange[]): FileRange[] => {
  const found: { start: number; end: number; zero: boolean }[] = [];
  for (const { start, end } of [...dataOf(one), ...dataOf(other)].sort((a, b) => a.start - b.start)) {
    const last = found.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else found.push({ start, end, zero: false });
  }
  return found;
};
