import { describe, expect, it } from 'vitest';
import { formRefusal } from './form-refusal.ts';

const gibibyte = 1024 ** 3;

describe('a form in which an image cannot be written', () => {
  it.each([
    [{ format: 'raw', subformat: 'fixed' }, /knows no subformat/],
    [{ format: 'vpc', subformat: 'streamOptimized' }, /but dynamic and fixed/],
    [{ format: 'vdi', compression: 'zlib' }, /Only qcow2 is compressed/],
    [{ format: 'vmdk', compression: 'zstd' }, /streamOptimized/],
    [{ format: 'raw', clusterSize: 65_536 }, /cluster size/],
    [{ format: 'raw', preallocation: 'metadata' }, /falloc or full/],
    [{ format: 'vhdx', preallocation: 'full' }, /“fixed” takes all space/],
    [{ format: 'qcow2', compression: 'zstd', preallocation: 'falloc' }, /cannot be allocated before/],
    [{ format: 'qcow2', forceSize: true }, /Only VHD/],
  ] as const)('is refused in words: %j', (form, words) => {
    expect(formRefusal(form, gibibyte)).toMatch(words);
  });

  it('is refused for a disk that it cannot hold', () => {
    expect(formRefusal({ format: 'vpc' }, 2041 * gibibyte)).toMatch(/2,040 GiB/);
    expect(formRefusal({ format: 'vmdk' }, 2049 * gibibyte)).toMatch(/2,048 GiB/);
    expect(formRefusal({ format: 'vhdx' }, 4096 * gibibyte)).toBeNull();
  });

  it('is none of those that exist', () => {
    for (const form of [
      { format: 'qcow2', compression: 'zstd', clusterSize: 2 * 1024 ** 2 },
      { format: 'qcow2', preallocation: 'full' },
      { format: 'raw', preallocation: 'falloc' },
      { format: 'vpc', subformat: 'fixed', forceSize: false },
      { format: 'vmdk', subformat: 'streamOptimized', compression: null },
      { format: 'vdi', subformat: 'fixed', preallocation: 'off' },
    ] as const)
      expect(formRefusal(form, gibibyte)).toBeNull();
  });
});
