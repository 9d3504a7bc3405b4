import type { Image, ImageUse, Snapshot } from '@strata/contract';
import { expect, it } from 'vitest';
import { vmDeletion } from './vm-deletion.ts';

const use = (kind: ImageUse['kind'], id: string): ImageUse => ({ kind, id, name: id });
const image = (id: string, backingId: string | null, ...usedBy: ImageUse[]) =>
  ({ id, name: id, backingId, usedBy }) as Image;
const vm = { id: 'vm', disks: [{ id: 'disk', imageId: 'active' }] } as Parameters<typeof vmDeletion>[0];
const snapshot = (id: string, imageId: string, ...children: Snapshot[]) =>
  ({ id, disks: [{ diskId: 'disk', imageId }], children }) as unknown as Snapshot;

/*
 *     active   branch (another snapshot of this VM)
 *        b ────┘
 *        a (snapshot) ── other (the overlay of somebody else)
 *       base
 */
const library = [
  image('active', 'b', use('vm', 'vm')),
  image('branch', 'b', use('snapshot', 's3')),
  image('b', 'a', use('snapshot', 's2'), use('overlay', 'active'), use('overlay', 'branch')),
  image('a', 'base', use('snapshot', 's1'), use('overlay', 'b'), use('overlay', 'other')),
  image('other', 'a', use('vm', 'another VM')),
  image('base', null, use('overlay', 'a')),
];
const tree = [snapshot('s1', 'a', snapshot('s2', 'b', snapshot('s3', 'branch')))];

it('names the layers that go with a VM, and what stays with the reason', () => {
  const { goes, stays } = vmDeletion(vm, tree, library);
  expect(goes.map(({ id }) => id)).toEqual(['active', 'branch', 'b']);
  expect(stays.map(({ image: { id }, because }) => [id, because])).toEqual([
    ['a', ['other']],
    ['base', ['a']],
  ]);
});

it('leaves what the VM was made from, although nothing else stands on it then', () => {
  const { goes, stays } = vmDeletion(
    vm,
    [],
    [image('active', 'base', use('vm', 'vm')), image('base', null, use('overlay', 'active'))],
  );
  expect(goes.map(({ id }) => id)).toEqual(['active']);
  expect(stays).toMatchObject([{ image: { id: 'base' }, because: [] }]);
});
