import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { freeSpaceIn, reserveOf, spendable } from '../../space-reserve.ts';
import { demandFreeSpace, justHeader, noSpaceWords } from './free-space.ts';

const [mebi, gibi] = [1024 ** 2, 1024 ** 3];

describe('the reserve of a file system', () => {
  it('is 2 GiB, or 5 % of a large one, and given up only when somebody says so', () => {
    expect(reserveOf(10 * gibi)).toBe(2 * gibi);
    expect(reserveOf(100 * gibi)).toBe(5 * gibi);
    const space = { free: 3 * gibi, reserve: 2 * gibi };
    expect(spendable(space)).toBe(gibi);
    expect(spendable(space, true)).toBe(3 * gibi);
    expect(spendable({ ...space, free: gibi })).toBe(0);
  });
});

describe('a disk without room', () => {
  it('is told with the reserve, so that the numbers add up', () => {
    const words = noSpaceWords('/data/images', mebi, { free: 11.4 * mebi, reserve: 2 * gibi });
    expect(words).toContain('needs 1 MiB in /data/images, and 11 MiB are free there');
    expect(words).toContain('keeps 2,048 MiB as a reserve');
    expect(noSpaceWords('/data', 2 * mebi, { free: mebi, reserve: 0 })).not.toContain('reserve');
  });
  it('takes what fits into the reserve when that is allowed, and nothing that does not fit at all', async () => {
    const space = await freeSpaceIn(tmpdir());
    if (space === null) throw new Error('the file system does not say what is free');
    // Others write on this disk meanwhile: in the middle of the reserve, or far beyond the end.
    const inReserve = space.free - Math.min(space.free, space.reserve) / 2;
    await expect(demandFreeSpace(tmpdir(), inReserve)).rejects.toMatchObject({
      code: 'disk-full',
      extras: { fitsInReserve: true },
    });
    await expect(demandFreeSpace(tmpdir(), inReserve, true)).resolves.toBeUndefined();
    await expect(demandFreeSpace(tmpdir(), space.free * 2, true)).rejects.toMatchObject({
      extras: { fitsInReserve: false },
    });
    await expect(demandFreeSpace(tmpdir(), justHeader)).resolves.toBeUndefined();
  });
});
