import { describe, expect, it } from 'vitest';
import { extentWithin, guestBars, rulerTicks, stripBars } from './strip-geometry.ts';

const GiB = 1024 ** 3;

describe('the bars of a strip', () => {
  it('stand where the extents are, on the scale of the whole disk', () => {
    expect(
      stripBars(
        [
          [0, 25],
          [50, 50],
        ],
        100,
        200,
      ),
    ).toEqual([
      { x: 0, width: 50 },
      { x: 100, width: 100 },
    ]);
  });

  it('show an extent of one cluster on a huge disk as one pixel', () => {
    expect(stripBars([[10 * GiB, 65_536]], 20 * GiB, 1000)).toEqual([{ x: 500, width: 1 }]);
  });

  it('show the very last cluster inside the strip', () => {
    expect(stripBars([[20 * GiB - 512, 512]], 20 * GiB, 1000)).toEqual([{ x: 999, width: 1 }]);
  });

  it('join extents that fall together', () => {
    const extents = Array.from({ length: 1000 }, (_, index) => [index * 2, 1] as const);
    expect(stripBars(extents, 2000, 100)).toEqual([{ x: 0, width: 100 }]);
  });

  it('are none for an empty disk', () => {
    expect(stripBars([[0, 1]], 0, 100)).toEqual([]);
  });
});

describe('the sum line', () => {
  it('gives each pixel to the layer that provides most of it', () => {
    expect(guestBars([[[0, 10]], [[10, 50]], []], 100, 10)).toEqual([
      { x: 0, width: 1, layer: 0 },
      { x: 1, width: 5, layer: 1 },
    ]);
  });

  it('does not let a stray cluster take over a pixel of another layer', () => {
    expect(
      guestBars(
        [
          [[40, 1]],
          [
            [0, 40],
            [41, 59],
          ],
        ],
        100,
        10,
      ),
    ).toEqual([{ x: 0, width: 10, layer: 1 }]);
  });

  it('leaves holes of the whole chain empty', () => {
    expect(guestBars([[], [[90, 10]]], 100, 10)).toEqual([{ x: 9, width: 1, layer: 1 }]);
  });
});

describe('what lies under the pointer', () => {
  const extents = [
    [0, 10],
    [20, 10],
    [40, 10],
  ] as const;
  it('is the extent that overlaps the pixel', () => {
    expect(extentWithin(extents, 25, 26)).toEqual([20, 10]);
    expect(extentWithin(extents, 35, 41)).toEqual([40, 10]);
  });
  it('is nothing over a hole, before the first and behind the last', () => {
    expect(extentWithin(extents, 10, 20)).toBeUndefined();
    expect(extentWithin(extents, 50, 60)).toBeUndefined();
    expect(extentWithin([], 0, 1)).toBeUndefined();
  });
});

describe('the ruler', () => {
  it('has round places and ends at the end of the disk', () => {
    expect(rulerTicks(20 * GiB).map((tick) => tick / GiB)).toEqual([0, 5, 10, 15, 20]);
  });
  it('keeps a last round place off the label of the end', () => {
    expect(rulerTicks(10.2 * GiB).at(-1)).toBe(10.2 * GiB);
    expect(rulerTicks(10.2 * GiB).filter((tick) => tick > 9.5 * GiB)).toHaveLength(1);
  });
  it('works for a floppy and for the largest disk', () => {
    expect(rulerTicks(1_474_560).length).toBeLessThanOrEqual(6);
    expect(rulerTicks(64 * 1024 * GiB).map((tick) => tick / GiB / 1024)).toEqual([0, 16, 32, 48, 64]);
  });
});
