import type { Extent } from './extents.ts';
import { extentsOf, RangeCollector, type Ranges } from './ranges.ts';

export interface Drawing {
  readonly extents: readonly Extent[];
  /** Bytes that each of `extents` really holds, where pieces were joined; null when all are told as they are. */
  readonly held: readonly number[] | null;
}

/**
 * What a screen of so many columns can show of [start, start + length): the pieces themselves as long as there is
 * at most one a column; beyond that, pieces that begin in the same column are told as one, with the sum of what
 * they hold. So however small, a piece never vanishes, a large one keeps its edges, and there is at most one a column.
 */
export class ColumnDrawing {
  private readonly start: number;
  private readonly width: number;
  private readonly columns: number;
  private readonly exact = new RangeCollector();
  private readonly joined: { start: number; end: number; column: number; held: number }[] = [];

  constructor(start: number, length: number, columns: number) {
    this.start = start;
    this.width = length / columns;
    this.columns = columns;
  }

  /** In rising order; a piece may come in parts that touch. */
  add(ranges: Ranges): void {
    for (let at = 0; at < ranges.length; at += 2) this.addPiece(ranges[at] ?? 0, ranges[at + 1] ?? 0);
  }

  private addPiece(start: number, end: number): void {
    if (this.exact.count <= this.columns) this.exact.add(start, end);
    const column = Math.floor((start - this.start) / this.width);
    const last = this.joined.at(-1);
    if (last !== undefined && (column === last.column || start === last.end)) {
      last.end = end;
      last.held += end - start;
    } else this.joined.push({ start, end, column, held: end - start });
  }

  finish(): Drawing {
    if (this.exact.count <= this.columns) return { extents: extentsOf(this.exact.finish()), held: null };
    return {
      extents: this.joined.map(({ start, end }): Extent => [start, end - start]),
      held: this.joined.map(({ held }) => held),
    };
  }
}
