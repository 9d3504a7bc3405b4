import { describe, expect, it } from 'vitest';
import { voidReason } from './remembered-checksum.ts';

const file = {
  device: '1',
  inode: '2',
  size: 512,
  mtimeNs: '1700000000000000000',
  changedNs: '1700000000000000000',
};
const record = (change: Partial<typeof file> = {}, present = true) => {
  const { changedNs, ...identity } = { ...file, ...change };
  return { identity, facts: { changedNs }, present };
};

describe('a checksum of a file', () => {
  it('holds as long as nothing of the file has changed, also when its disk was mounted anew', () => {
    expect(voidReason(file, record())).toBeNull();
    expect(voidReason(file, record({ device: '77' }))).toBeNull();
  });

  it.each([
    [{ inode: '3' }, /replaced/],
    [{ size: 1024 }, /512 bytes long then, and is 1,024 bytes now/],
    [{ mtimeNs: '1800000000000000000' }, /written on 2027-01-15.*Starting a VM/],
    [{ changedNs: '1800000000000000000' }, /renamed, linked.*cannot be told/],
  ])('is void, with the reason: %j', (change, reason) => {
    expect(voidReason(file, record(change))).toMatch(reason);
  });

  it('is void while the file is gone', () => {
    expect(voidReason(file, record({}, false))).toMatch(/gone/);
  });
});
