import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bytesBefore, courseOf } from './course.ts';
import { clip, type ExtentList, normalize, totalLength } from './extents.ts';

const extents = (most: number) =>
  fc
    .array(fc.tuple(fc.nat(100_000), fc.integer({ min: 1, max: 500 })), { maxLength: most })
    .map((list) => normalize(list));

it('holes count nothing: between two pieces of data it stands still', () => {
  const course = courseOf([
    [100, 50],
    [1000, 200],
  ]);
  expect([0, 100, 125, 150, 600, 1000, 1100, 1200, 9999].map((place) => bytesBefore(course, place))).toEqual([
    0, 0, 25, 50, 50, 50, 150, 250, 250,
  ]);
});

it('nothing that moves is nothing everywhere', () => {
  expect(bytesBefore(courseOf([]), 7)).toBe(0);
});

it('is exact to the byte at every place of a disk in a few pieces', () => {
  fc.assert(
    fc.property(extents(200), fc.nat(101_000), (moved: ExtentList, place) => {
      expect(bytesBefore(courseOf(moved), place)).toBe(totalLength(clip(moved, 0, place)));
    }),
  );
});

it('of a disk in many pieces stays short, never goes back and ends at all of it', () => {
  fc.assert(
    fc.property(extents(2000), (moved) => {
      const course = courseOf(moved);
      expect(course.length).toBeLessThanOrEqual(512);
      const shown = Array.from({ length: 202 }, (_, index) => bytesBefore(course, index * 500));
      expect(shown).toEqual([...shown].sort((a, b) => a - b));
      expect(shown.at(-1)).toBe(totalLength(moved));
    }),
  );
});
