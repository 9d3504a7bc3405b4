import { expect, test } from 'vitest';
import { madeBy } from './made-by.ts';

test('a branch and a duplicate have made a VM, a copy or an extraction an image', () => {
  const result = { vmId: 'vm1', imageId: 'image1' };
  for (const kind of ['vm-branch', 'vm-duplicate'] as const)
    expect(madeBy({ kind, state: 'done', result })).toEqual({ kind: 'vm', id: 'vm1' });
  expect(madeBy({ kind: 'image-copy', state: 'done', result })).toEqual({ kind: 'image', id: 'image1' });
});

test('what was taken in is an image, or the VM that was described with it', () => {
  const imported = { kind: 'image-import', state: 'done' } as const;
  expect(madeBy({ ...imported, result: { imageId: 'i' } })).toEqual({ kind: 'image', id: 'i' });
  expect(madeBy({ ...imported, result: { imageId: 'i', vmId: 'v' } })).toEqual({ kind: 'vm', id: 'v' });
});

test('nothing was made by what has not ended well, nor by what names a VM that was there before', () => {
  const result = { vmId: 'vm1' };
  expect(madeBy({ kind: 'vm-branch', state: 'failed', result })).toBeNull();
  expect(madeBy({ kind: 'vm-branch', state: 'running' })).toBeNull();
  expect(madeBy({ kind: 'vm-suspend', state: 'done', result })).toBeNull();
});
