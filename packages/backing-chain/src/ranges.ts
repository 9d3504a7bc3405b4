import type { ExtentList } from './extents.ts';

/**
 * What an {@link ExtentList} says, as a flat row of numbers: start, end, start, end … A map of a large disk has
 * hundreds of thousands of extents, and as objects of their own these take ten times the memory and the time.
 */
export type Ranges = Float64Array;

export const noRanges: Ranges = new Float64Array(0);

/** Takes ranges in rising order, joins those that touch or overlap, and drops the empty. */
export class RangeCollector {
  private numbers: Ranges;
  private used = 0;

  constructor(expected = 64) {
    this.numbers = new Float64Array(Math.max(2, expected) * 2);
  }

  get count(): number {
    return this.used / 2;
  }

  add(start: number, end: number): void {
    if (end <= start) return;
    const lastEnd = this.used === 0 ? -1 : (this.numbers[this.used - 1] ?? -1);
    if (start <= lastEnd) {
      if (end > lastEnd) this.numbers[this.used - 1] = end;
      return;
    }
    if (this.used === this.numbers.length) {
      const wider = new Float64Array(this.used * 2);
      wider.set(this.numbers);
      this.numbers = wider;
    }
    this.numbers[this.used] = start;
    this.numbers[this.used + 1] = end;
    this.used += 2;
  }

  finish(): Ranges {
    return this.numbers.slice(0, this.used);
  }
}

export function rangesOf(extents: ExtentList): Ranges {
  const found = new RangeCollector(extents.length);
  for (const [start, length] of extents) found.add(start, start + length);
  return found.finish();
}

export function extentsOf(ranges: Ranges): ExtentList {
  const extents: [number, number][] = [];
  for (let at = 0; at < ranges.length; at += 2) {
    const start = ranges[at] ?? 0;
    extents.push([start, (ranges[at + 1] ?? 0) - start]);
  }
  return extents;
}

/** Bytes. */
export function lengthOf(ranges: Ranges): number {
  let sum = 0;
  for (let at = 0; at < ranges.length; at += 2) sum += (ranges[at + 1] ?? 0) - (ranges[at] ?? 0);
  return sum;
}

/** The index of the first range that ends behind `place`; found by halving. */
function firstEndingBehind(ranges: Ranges, place: number): number {
  let low = 0;
  let high = ranges.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle * 2 + 1] ?? 0) <= place) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What lies in [start, end). Looks only at that part. */
export function within(ranges: Ranges, start: number, end: number): Ranges {
  if (end <= start) return noRanges;
  const first = firstEndingBehind(ranges, start);
  let last = firstEndingBehind(ranges, end);
  if ((ranges[last * 2] ?? end) < end) last += 1;
  const part = ranges.slice(first * 2, last * 2);
  if (part.length === 0) return part;
  part[0] = Math.max(part[0] ?? 0, start);
  part[part.length - 1] = Math.min(part.at(-1) ?? 0, end);
  return part;
}

/** How many ranges lie in [start, end), whole or in part. */
export function countWithin(ranges: Ranges, start: number, end: number): number {
  const last = firstEndingBehind(ranges, end);
  return last - firstEndingBehind(ranges, start) + ((ranges[last * 2] ?? end) < end ? 1 : 0);
}

/** What both hold, and what only the first holds: two answers of one walk. */
export function split(own: Ranges, other: Ranges): { readonly shared: Ranges; readonly rest: Ranges } {
  const shared = new RangeCollector(own.length / 2);
  const rest = new RangeCollector(own.length / 2);
  let next = 0;
  for (let at = 0; at < own.length; at += 2) {
    let start = own[at] ?? 0;
    const end = own[at + 1] ?? 0;
    while (next < other.length && (other[next + 1] ?? 0) <= start) next += 2;
    for (let hole = next; start < end && hole < other.length; hole += 2) {
      const holeStart = other[hole] ?? 0;
      if (holeStart >= end) break;
      const holeEnd = Math.min(other[hole + 1] ?? 0, end);
      rest.add(start, holeStart);
      shared.add(Math.max(start, holeStart), holeEnd);
      start = holeEnd;
    }
    rest.add(start, end);
  }
  return { shared: shared.finish(), rest: rest.finish() };
}
