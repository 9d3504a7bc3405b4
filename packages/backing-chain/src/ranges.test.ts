import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ColumnDrawing } from './columns.ts';
import {
  clip,
  type Extent,
  type ExtentList,
  intersect,
  normalize,
  subtract,
  totalLength,
} from './extents.ts';
import {
  countWithin,
  extentsOf,
  lengthOf,
  RangeCollector,
  type Ranges,
  rangesOf,
  split,
  within,
} from './ranges.ts';

const size = 48;
const extentsArb = fc
  .array(fc.boolean(), { minLength: size, maxLength: size })
  .map((bits) => normalize(bits.flatMap((bit, at): Extent[] => (bit ? [[at, 1]] : []))));
const rangesArb = extentsArb.map(rangesOf);

describe('ranges say what extents say', () => {
  test('there and back', () => {
    fc.assert(
      fc.property(extentsArb, (extents) => {
        expect(extentsOf(rangesOf(extents))).toEqual(extents);
        expect(lengthOf(rangesOf(extents))).toBe(totalLength(extents));
      }),
    );
  });

  test('split gives what both hold and what only the first holds', () => {
    fc.assert(
      fc.property(extentsArb, extentsArb, (a, b) => {
        const { shared, rest } = split(rangesOf(a), rangesOf(b));
        expect(extentsOf(shared)).toEqual(intersect(a, b));
        expect(extentsOf(rest)).toEqual(subtract(a, b));
      }),
      { numRuns: 1000 },
    );
  });

  test('within is clipping, and counts the same', () => {
    fc.assert(
      fc.property(extentsArb, fc.nat(size), fc.nat(size), (extents, start, end) => {
        const part = within(rangesOf(extents), start, end);
        expect(extentsOf(part)).toEqual(clip(extents, start, end));
        if (end > start) expect(countWithin(rangesOf(extents), start, end)).toBe(part.length / 2);
      }),
      { numRuns: 1000 },
    );
  });

  test('a collector joins what touches or overlaps, and drops the empty', () => {
    const collector = new RangeCollector();
    for (const [start, end] of [
      [0, 2],
      [2, 3],
      [5, 5],
      [6, 9],
      [7, 8],
    ] as const)
      collector.add(start, end);
    expect([...collector.finish()]).toEqual([0, 3, 6, 9]);
  });
});

describe('what so many columns can show', () => {
  const drawn = (ranges: Ranges, columns: number, cuts: readonly number[] = []) => {
    const drawing = new ColumnDrawing(0, size, columns);
    const places = [0, ...[...cuts].sort((a, b) => a - b), size];
    places.forEach((place, index) => {
      drawing.add(within(ranges, place, places[index + 1] ?? place));
    });
    return drawing.finish();
  };
  const columnsArb = fc.integer({ min: 1, max: 20 });

  test('covers every piece, sums exactly, and is never more than a piece a column', () => {
    fc.assert(
      fc.property(rangesArb, columnsArb, (ranges, columns) => {
        const { extents, held } = drawn(ranges, columns);
        expect(extents.length).toBeLessThanOrEqual(columns);
        expect(subtract(extentsOf(ranges), extents)).toEqual([]);
        expect((held ?? extents.map(([, length]) => length)).reduce((sum, bytes) => sum + bytes, 0)).toBe(
          lengthOf(ranges),
        );
        for (const [index, [start, length]] of extents.entries())
          expect(held?.[index] ?? length).toBe(totalLength(clip(extentsOf(ranges), start, start + length)));
      }),
    );
  });

  test('tells the pieces themselves where there are not more than columns', () => {
    const few: ExtentList = [
      [1, 1],
      [3, 1],
      [40, 2],
    ];
    expect(drawn(rangesOf(few), 3)).toEqual({ extents: few, held: null });
    expect(drawn(rangesOf(few), 2)).toEqual({
      extents: [
        [1, 3],
        [40, 2],
      ],
      held: [2, 2],
    });
  });

  test('is the same in whatever parts the disk was walked', () => {
    fc.assert(
      fc.property(rangesArb, columnsArb, fc.array(fc.nat(size)), (ranges, columns, cuts) => {
        expect(drawn(ranges, columns, cuts)).toEqual(drawn(ranges, columns));
      }),
    );
  });

  test('a small piece among large ones is still there', () => {
    const extents: ExtentList = [
      [0, 9],
      [20, 1],
      [30, 9],
      [44, 1],
      [46, 1],
    ];
    expect(drawn(rangesOf(extents), 4).extents).toContainEqual([20, 1]);
  });
});
