import { describe, expect, it } from 'vitest';
import { mountPointIn, mountPointOf } from './mount-point.ts';

const mounts = [
  '22 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
  '30 22 8:1 / /mnt/my\\040disk rw - ext4 /dev/sda1 rw',
  '31 22 8:2 / /mnt rw - ext4 /dev/sdb1 rw',
  '32 31 0:40 / /mnt/a rw - tmpfs tmpfs rw',
].join('\n');

describe('the mount point of a path', () => {
  it.each([
    ['/home/me/disk.qcow2', '/'],
    ['/mnt/my disk/base.qcow2', '/mnt/my disk'],
    ['/mnt/other/base.qcow2', '/mnt'],
    ['/mnt/a/x', '/mnt/a'],
    ['/mnt/ab/x', '/mnt'],
    ['/mnt/a', '/mnt/a'],
  ])('%s lies below %s', (path, point) => {
    expect(mountPointIn(mounts, path)).toBe(point);
  });

  it('is found on this machine', async () => {
    expect(await mountPointOf('/proc/self/mountinfo')).toBe('/proc');
  });
});
