import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  clip,
  type Extent,
  type ExtentList,
  intersect,
  normalize,
  subtract,
  totalLength,
  union,
  widen,
} from './extents.ts';

const size = 48;
const bitmapArb = fc.array(fc.boolean(), { minLength: size, maxLength: size });
const bitsOf = (extents: ExtentList): boolean[] =>
  Array.from({ length: size }, (_, at) =>
    extents.some(([start, length]) => start <= at && at < start + length),
  );
const extentsOf = (bits: readonly boolean[]): ExtentList =>
  normalize(bits.flatMap((bit, at): Extent[] => (bit ? [[at, 1]] : [])));
const isList = (extents: ExtentList): boolean =>
  extents.every(([start, length], index) => {
    const previous = extents[index - 1];
    return length > 0 && (previous === undefined || start > previous[0] + previous[1]);
  });

describe('extents against a bitmap', () => {
  const pairs = (
    operation: (a: ExtentList, b: ExtentList) => ExtentList,
    bit: (a: boolean, b: boolean) => boolean,
  ) =>
    fc.assert(
      fc.property(bitmapArb, bitmapArb, (a, b) => {
        const result = operation(extentsOf(a), extentsOf(b));
        expect(isList(result)).toBe(true);
        expect(bitsOf(result)).toEqual(a.map((left, at) => bit(left, b[at] ?? false)));
      }),
      { numRuns: 1000 },
    );

  test('union holds what either holds', () => pairs(union, (a, b) => a || b));
  test('intersect holds what both hold', () => pairs(intersect, (a, b) => a && b));
  test('subtract holds what only the first holds', () => pairs(subtract, (a, b) => a && !b));

  test('normalize sorts, joins and drops the empty', () => {
    const any = fc.array(fc.tuple(fc.nat(size - 9), fc.nat(9)));
    fc.assert(
      fc.property(any, (extents) => {
        const result = normalize(extents);
        expect(isList(result)).toBe(true);
        expect(bitsOf(result)).toEqual(bitsOf(extents));
      }),
    );
  });

  test('clip and total length count what lies inside', () => {
    fc.assert(
      fc.property(bitmapArb, fc.nat(size), fc.nat(size), (bits, start, end) => {
        const count = bits.filter((bit, at) => bit && at >= start && at < end).length;
        expect(totalLength(clip(extentsOf(bits), start, end))).toBe(count);
      }),
    );
  });

  test('widen covers whole blocks and no others', () => {
    fc.assert(
      fc.property(bitmapArb, (bits) => {
        const block = 4;
        const touched = bits.map((_, at) => {
          const first = at - (at % block);
          return bits.slice(first, first + block).includes(true);
        });
        expect(bitsOf(widen(extentsOf(bits), block))).toEqual(touched);
      }),
    );
  });
});
