import { expect, it } from 'vitest';
import { diskName } from './disk-name.ts';

it('counts disks as a guest does, per kind of bus', () => {
  const disks = [
    { bus: 'virtio' },
    { bus: 'sata' },
    { bus: 'virtio' },
    { bus: 'scsi' },
    { bus: 'nvme' },
  ] as const;
  expect(disks.map((_, index) => diskName([...disks], index))).toEqual([
    'vda',
    'sda',
    'vdb',
    'sdb',
    'nvme0n1',
  ]);
});
