import { describe, expect, it } from 'vitest';
import { isClosest, isWhole, kept, moved, wholeDisk, zoomByKey, zoomed } from './zoom.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const disk = 100 * GiB;

describe('looking closer at the disk', () => {
  it('keeps the place under the pointer where it is', () => {
    const near = zoomed(wholeDisk(disk), disk, 2, 0.25);
    expect(near).toEqual({ start: 12.5 * GiB, length: 50 * GiB });
    expect(near.start + near.length * 0.25).toBe(25 * GiB);
  });
  it('ends at a MiB, and at the whole disk', () => {
    let range = wholeDisk(disk);
    for (let step = 0; step < 40; step += 1) range = zoomed(range, disk, 2, 1);
    expect(range).toEqual({ start: disk - MiB, length: MiB });
    expect(isClosest(range)).toBe(true);
    for (let step = 0; step < 40; step += 1) range = zoomed(range, disk, 0.5, 0.3);
    expect(range).toEqual(wholeDisk(disk));
    expect(isWhole(range, disk)).toBe(true);
  });
  it('shows a floppy and a tiny disk whole', () => {
    expect(zoomed(wholeDisk(512), 512, 2)).toEqual(wholeDisk(512));
  });
  it('begins at whole sectors', () => {
    expect(zoomed(wholeDisk(disk), disk, 3, 0.123).start % 512).toBe(0);
  });
});

describe('moving sideways', () => {
  it('stops at both ends', () => {
    const near = zoomed(wholeDisk(disk), disk, 4);
    expect(moved(near, disk, -9)).toEqual({ start: 0, length: 25 * GiB });
    expect(moved(near, disk, 9)).toEqual({ start: 75 * GiB, length: 25 * GiB });
  });
  it('comes back into a disk that became shorter', () => {
    expect(kept({ start: 75 * GiB, length: 25 * GiB }, 50 * GiB)).toEqual({
      start: 25 * GiB,
      length: 25 * GiB,
    });
  });
});

it('every key has its opposite, and others mean nothing', () => {
  const range = { start: 20 * GiB, length: 10 * GiB };
  expect(zoomByKey(zoomByKey(range, disk, '+') ?? range, disk, '-')).toEqual(range);
  expect(zoomByKey(zoomByKey(range, disk, 'ArrowLeft') ?? range, disk, 'ArrowRight')).toEqual(range);
  expect(zoomByKey(range, disk, '0')).toEqual(wholeDisk(disk));
  expect(zoomByKey(range, disk, 'a')).toBeUndefined();
});
