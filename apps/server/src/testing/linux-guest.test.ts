import { describe, expect, it } from 'vitest';
import { cpioArchive } from './cpio.ts';
import { loadingOrder, patternBytes } from './linux-guest.ts';

describe('the ingredients of the Linux test guest', () => {
  it('loads what a driver stands on before the driver', () => {
    const modulesDep =
      'a/virtio_blk.ko: a/virtio.ko a/virtio_ring.ko\na/virtio.ko:\na/virtio_ring.ko:\na/button.ko:\n';
    expect(loadingOrder(modulesDep, ['virtio_blk', 'button', 'built_in'])).toEqual([
      'a/virtio_ring.ko',
      'a/virtio.ko',
      'a/virtio_blk.ko',
      'a/button.ko',
    ]);
  });

  it('pads every record of the archive to four bytes and ends it', () => {
    const archive = cpioArchive([{ path: 'init', content: Buffer.from('abc'), executable: true }]);
    expect(archive.length % 4).toBe(0);
    expect(archive.subarray(0, 6).toString()).toBe('070701');
    expect(archive.toString('latin1')).toContain('TRAILER!!!');
  });

  it('knows the bytes that the guest writes', () => {
    expect(patternBytes(3, 1).subarray(0, 34).toString()).toBe('strata pattern 3\nstrata pattern 3\n');
    expect(patternBytes(3, 2)).toHaveLength(8192);
  });
});
