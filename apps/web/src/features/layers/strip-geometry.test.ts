import { describe, expect, it } from 'vitest';
import { guestBars, indexWithin, rulerTicks, shadedBars, stripBars } from './strip-geometry.ts';
import { wholeDisk } from './zoom.ts';

const GiB = 1024 ** 3;
const told = (extents: [number, number][]) => ({ extents, held: undefined });

describe('the bars of a strip', () => {
  it('stand where the extents are, on the scale of the whole disk', () => {
    expect(
      stripBars(
        [
          [0, 25],
          [50, 50],
        ],
        wholeDisk(100),
        200,
      ),
    ).toEqual([
      { x: 0, width: 50 },
      { x: 100, width: 100 },
    ]);
  });

  it('show an extent of one cluster on a huge disk as one pixel', () => {
    expect(stripBars([[10 * GiB, 65_536]], wholeDisk(20 * GiB), 1000)).toEqual([{ x: 500, width: 1 }]);
  });

  it('show the very last cluster inside the strip', () => {
    expect(stripBars([[20 * GiB - 512, 512]], wholeDisk(20 * GiB), 1000)).toEqual([{ x: 999, width: 1 }]);
  });

  it('join extents that fall together', () => {
    const extents = Array.from({ length: 1000 }, (_, index) => [index * 2, 1] as const);
    expect(stripBars(extents, wholeDisk(2000), 100)).toEqual([{ x: 0, width: 100 }]);
  });

  it('are none for an empty disk', () => {
    expect(stripBars([[0, 1]], wholeDisk(0), 100)).toEqual([]);
  });
});

describe('the sum line', () => {
  it('gives each pixel to the layer that provides most of it', () => {
    expect(guestBars([told([[0, 10]]), told([[10, 50]]), told([])], wholeDisk(100), 10)).toEqual([
      { x: 0, width: 1, layer: 0 },
      { x: 1, width: 5, layer: 1 },
    ]);
  });

  it('does not let a stray cluster take over a pixel of another layer', () => {
    expect(
      guestBars(
        [
          told([[40, 1]]),
          told([
            [0, 40],
            [41, 59],
          ]),
        ],
        wholeDisk(100),
        10,
      ),
    ).toEqual([{ x: 0, width: 10, layer: 1 }]);
  });

  it('leaves holes of the whole chain empty', () => {
    expect(guestBars([told([]), told([[90, 10]])], wholeDisk(100), 10)).toEqual([
      { x: 9, width: 1, layer: 1 },
    ]);
  });
});

describe('what lies under the pointer', () => {
  const extents = [
    [0, 10],
    [20, 10],
    [40, 10],
  ] as const;
  it('is the extent that overlaps the pixel', () => {
    expect(indexWithin(extents, 25, 26)).toBe(1);
    expect(indexWithin(extents, 35, 41)).toBe(2);
  });
  it('is nothing over a hole, before the first and behind the last', () => {
    expect(indexWithin(extents, 10, 20)).toBe(-1);
    expect(indexWithin(extents, 50, 60)).toBe(-1);
    expect(indexWithin([], 0, 1)).toBe(-1);
  });
});

describe('a part of the disk', () => {
  const near = { start: 40, length: 20 };
  it('cuts what reaches out of it, and leaves out what lies elsewhere', () => {
    expect(
      stripBars(
        [
          [0, 10],
          [30, 15],
          [50, 1],
          [58, 90],
        ],
        near,
        20,
      ),
    ).toEqual([
      { x: 0, width: 5 },
      { x: 10, width: 1 },
      { x: 18, width: 2 },
    ]);
    expect(guestBars([told([[30, 15]]), told([[0, 100]])], near, 20)).toEqual([
      { x: 0, width: 5, layer: 0 },
      { x: 5, width: 15, layer: 1 },
    ]);
  });
});

describe('pieces that are told as one', () => {
  it('are paler the less of them is held, and never gone', () => {
    const layer = {
      extents: [
        [0, 40],
        [50, 10],
        [90, 1],
      ] as [number, number][],
      held: [10, 10, 1],
    };
    expect(shadedBars(layer, wholeDisk(100), 10)).toEqual([
      { x: 0, width: 4, quarters: 1 },
      { x: 5, width: 1, quarters: 4 },
      { x: 9, width: 1, quarters: 1 },
    ]);
  });
  it('do not take the sum line over from a layer that holds all the rest', () => {
    const top = { extents: [[0, 100]] as [number, number][], held: [10] };
    const base = { extents: [[0, 100]] as [number, number][], held: [90] };
    expect(guestBars([top, base], wholeDisk(100), 10)).toEqual([{ x: 0, width: 10, layer: 1 }]);
  });
});

describe('the ruler', () => {
  it('has round places and ends at the end of the disk', () => {
    expect(rulerTicks(wholeDisk(20 * GiB)).map((tick) => tick / GiB)).toEqual([0, 5, 10, 15, 20]);
  });
  it('keeps a last round place off the label of the end', () => {
    expect(rulerTicks(wholeDisk(10.2 * GiB)).at(-1)).toBe(10.2 * GiB);
    expect(rulerTicks(wholeDisk(10.2 * GiB)).filter((tick) => tick > 9.5 * GiB)).toHaveLength(1);
  });
  it('works for a floppy and for the largest disk', () => {
    expect(rulerTicks(wholeDisk(1_474_560)).length).toBeLessThanOrEqual(6);
    expect(rulerTicks(wholeDisk(64 * 1024 * GiB)).map((tick) => tick / GiB / 1024)).toEqual([
      0, 16, 32, 48, 64,
    ]);
  });
  it('has round places of a part as well, between its two ends', () => {
    expect(rulerTicks({ start: 10.5 * GiB, length: 10 * GiB }).map((tick) => tick / GiB)).toEqual([
      10.5, 12, 16, 20.5,
    ]);
  });
});
