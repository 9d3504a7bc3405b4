import type { InsideVolume } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { holdsOf, segmentsOf, volumeName } from './volume-facts.ts';

const volume = (more: Partial<InsideVolume>): InsideVolume => ({
  ...{ device: '/dev/sda1', partition: 1, type: null, typeName: null, startSector: 0, offset: 0, size: 0 },
  ...{ fileSystem: null, label: null, uuid: null, mountable: true, reason: null },
  ...more,
});

describe('a volume', () => {
  it('is called by its number, as the disk, or by its name', () => {
    expect(volumeName(volume({ partition: 3 }))).toBe('partition 3');
    expect(volumeName(volume({ partition: null, device: '/dev/sda' }))).toBe('the disk');
    expect(volumeName(volume({ partition: null, device: '/dev/vg/ro\u202eot' }))).toBe(
      '/dev/vg/ro‹U+202E›ot',
    );
  });

  it('says what it holds, with a label that is only text', () => {
    expect(holdsOf({ fileSystem: 'ext4', label: 'ro\not' })).toBe('ext4 “ro‹U+000A›ot”');
    expect(holdsOf({ fileSystem: 'vfat', label: '' })).toBe('FAT');
    expect(holdsOf({ fileSystem: null, label: null })).toBe('not known');
  });
});

describe('the bar of a disk', () => {
  it('shows partitions where they lie, an extended one below those in it', () => {
    const logical = volume({ partition: 5, offset: 60, size: 20 });
    const extended = volume({ partition: 2, offset: 50, size: 50 });
    expect(segmentsOf([logical, extended], 100)).toEqual([
      { volume: extended, start: 50, width: 50 },
      { volume: logical, start: 60, width: 20 },
    ]);
  });

  it('draws nothing beyond the end of the disk, nor what is no place on it', () => {
    expect(segmentsOf([volume({ offset: 80, size: 900 })], 100)[0]).toMatchObject({ start: 80, width: 20 });
    expect(segmentsOf([volume({ offset: 100, size: 1 })], 100)).toEqual([]);
    expect(segmentsOf([volume({ partition: null, device: '/dev/vg/a', offset: null, size: 5 })], 9)).toEqual(
      [],
    );
    const whole = volume({ partition: null, device: '/dev/sda', offset: null, size: 100 });
    expect(segmentsOf([whole], 100)).toEqual([{ volume: whole, start: 0, width: 100 }]);
  });
});
