import type { Unreadable, UnreadableRange } from '@strata/contract';

/** So many are told one by one. */
const mostTold = 1000;

/** What could not be read of a device, from its beginning on; neighbours are one range. */
export class UnreadableRanges {
  readonly #ranges: UnreadableRange[];

  constructor(ranges: readonly UnreadableRange[] = []) {
    this.#ranges = ranges.map((range) => ({ ...range }));
  }

  add(offset: number, length: number): void {
    const last = this.#ranges.at(-1);
    if (last !== undefined && last.offset + last.length === offset) last.length += length;
    else this.#ranges.push({ offset, length });
  }

  /** All of them, to go on with after a crash. */
  all(): UnreadableRange[] {
    return this.#ranges.map((range) => ({ ...range }));
  }

  /** What lies behind the end of what matters is not missed: there the last range is cut off. */
  endAt(end: number): void {
    const kept = this.#ranges
      .filter(({ offset }) => offset < end)
      .map(({ offset, length }) => ({ offset, length: Math.min(length, end - offset) }));
    this.#ranges.splice(0, this.#ranges.length, ...kept);
  }

  get bytes(): number {
    return this.#ranges.reduce((sum, { length }) => sum + length, 0);
  }

  told(): Unreadable | null {
    if (this.#ranges.length === 0) return null;
    return { bytes: this.bytes, count: this.#ranges.length, ranges: this.all().slice(0, mostTold) };
  }
}

const fewTold = 4;
const plural = (count: number, one: string, many: string): string =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`;

/** For a person: how much, where, and what stands there instead. */
export const unreadableWords = ({ bytes, count, ranges }: Unreadable): string => {
  const few = ranges.slice(0, fewTold).map(({ offset, length }) => `${length} bytes at ${offset}`);
  const more = count > few.length ? ` and ${plural(count - few.length, 'more place', 'more places')}` : '';
  return `${plural(bytes, 'byte', 'bytes')} in ${plural(count, 'place', 'places')} could not be read (${few.join(', ')}${more}). Zeros stand there.`;
};
