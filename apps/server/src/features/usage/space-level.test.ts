import { describe, expect, it } from 'vitest';
import { nextLevel } from './space-level.ts';

const gibi = 1024 ** 3;
const disk = (free: number, fullInSeconds: number | null = null) => ({
  total: 1000 * gibi,
  free: free * gibi,
  fullInSeconds,
});

describe('a warning before a disk runs full', () => {
  it('comes at 10 GiB, and is urgent at 2 GiB, whatever it was before', () => {
    expect(nextLevel('ok', disk(11))).toBe('ok');
    expect(nextLevel('ok', disk(9.9))).toBe('warn');
    expect(nextLevel('ok', disk(1.9))).toBe('urgent');
    expect(nextLevel('warn', disk(1.9))).toBe('urgent');
  });
  it('of a small disk comes at a tenth of it, and is urgent at a twentieth', () => {
    const small = (free: number) => ({ total: 1000, free, fullInSeconds: null });
    expect(nextLevel('ok', small(101))).toBe('ok');
    expect(nextLevel('ok', small(99))).toBe('warn');
    expect(nextLevel('ok', small(49))).toBe('urgent');
  });
  it('goes only when it is clearly better, so that it does not come and go', () => {
    expect(nextLevel('warn', disk(11))).toBe('warn');
    expect(nextLevel('warn', disk(13))).toBe('ok');
    expect(nextLevel('urgent', disk(2.1))).toBe('urgent');
    expect(nextLevel('urgent', disk(3))).toBe('warn');
    expect(nextLevel('urgent', disk(13))).toBe('ok');
  });
  it('comes early when guests fill the disk quickly', () => {
    expect(nextLevel('ok', disk(100, 3 * 3600))).toBe('ok');
    expect(nextLevel('ok', disk(100, 3600))).toBe('warn');
    expect(nextLevel('ok', disk(100, 600))).toBe('urgent');
    expect(nextLevel('urgent', disk(100))).toBe('ok');
  });
});
