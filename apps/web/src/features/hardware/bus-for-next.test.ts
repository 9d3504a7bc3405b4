import { expect, it } from 'vitest';
import type { DiskDraft } from '../vm-form/definition.ts';
import { busForNext } from './bus-for-next.ts';

const disk = (bus: DiskDraft['bus']): DiskDraft => ({
  imageId: 'image01',
  bus,
  cache: 'writeback',
  discard: true,
});

it('gives a second disk the bus on which the guest has its first', () => {
  expect(busForNext({ machine: 'pc-i440fx-7.2', disks: [disk('ide')] })).toBe('ide');
  expect(busForNext({ machine: 'pc-q35-7.2', disks: [disk('virtio'), disk('sata')] })).toBe('sata');
});

it.each([
  ['pc', 'ide'],
  ['pc-i440fx-7.2', 'ide'],
  ['isapc', 'ide'],
  ['q35', 'virtio'],
  ['pc-q35-7.2', 'virtio'],
  ['virt', 'virtio'],
  ['', 'virtio'],
])('gives the first disk of a machine %j the bus %s', (machine, bus) => {
  expect(busForNext({ machine, disks: [] })).toBe(bus);
});
