import type { ExtentList, Forest } from '@strata/backing-chain';
import { diskOf, forestWith, layerOf, snapshotOf } from '@strata/backing-chain/testing';
import { expect, it } from 'vitest';
import { createFreedSizes } from './freed-sizes.ts';
import type { StoredSnapshot } from './snapshots.types.ts';

const held: Record<string, ExtentList> = { l1: [[0, 100]], l2: [[50, 100]], leaf: [[0, 10]] };
const layer = (id: string, backing: string | null, allocatedBytes: number) =>
  layerOf(id, backing, { allocatedBytes });
const layers = [layer('base', null, 500), layer('l1', 'base', 100), layer('l2', 'l1', 100)];
const stored = (id: string, imageId: string, memoryBytes: number | null = null) =>
  ({ id, memoryBytes, disks: [{ diskId: 'd', imageId, internalTag: null }] }) as unknown as StoredSnapshot;

const sizes = (forest: Forest) => {
  let reads = 0;
  let tell: () => void = () => {};
  const learned = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const freed = createFreedSizes({
    images: {
      forest: () => forest,
      allocation: (id) => {
        reads += 1;
        return Promise.resolve(held[id] ?? []);
      },
    },
    memoryFreed: ([snapshot]) => snapshot?.memoryBytes ?? 0,
    held: ({ id }) => (id === 'unknown' ? null : 5),
    learned: tell,
  });
  return { freed, learned, reads: () => reads };
};

it('is not known before the layers have been read, and then without reading them again', async () => {
  const forest = forestWith(layers, {
    disks: [diskOf('web', 'l2')],
    snapshots: [snapshotOf('s1', 'web', 'l1')],
  });
  const { freed, learned, reads } = sizes(forest);
  expect(freed()(stored('s1', 'l1'))).toBeNull();
  expect(reads()).toBe(0);
  await learned;
  // Half of the layer is hidden by the one on it.
  expect(freed()(stored('s1', 'l1', 7))).toBe(50 + 7);
  expect(reads()).toBe(2);
});

it('is the whole layer at the end of a branch, and nothing where somebody else needs the layer', () => {
  const forest = forestWith([...layers, layer('leaf', 'l1', 33)], {
    disks: [diskOf('web', 'l2')],
    snapshots: [
      snapshotOf('end', 'web', 'leaf'),
      snapshotOf('one', 'web', 'l1'),
      snapshotOf('two', 'web', 'l1'),
    ],
  });
  const { freed } = sizes(forest);
  expect(freed()(stored('end', 'leaf'))).toBe(33);
  expect(freed()(stored('one', 'l1'))).toBe(0);
});

it('of a layer that is pulled into several counts each copy', async () => {
  const forest = forestWith([...layers, layer('leaf', 'l1', 33)], {
    disks: [diskOf('web', 'l2'), diskOf('twin', 'leaf')],
    snapshots: [snapshotOf('s1', 'web', 'l1')],
  });
  const { freed, learned } = sizes(forest);
  expect(freed()(stored('s1', 'l1'))).toBeNull();
  await learned;
  expect(freed()(stored('s1', 'l1'))).toBe(0);
});

it('of an internal one is what it holds alone and its memory, and not known while that is not', () => {
  const { freed, reads } = sizes(forestWith(layers, { disks: [diskOf('web', 'l1')] }));
  const inside = (id: string) => ({ ...stored(id, 'l1', 7), kind: 'internal' as const });
  expect(freed()(inside('tag'))).toBe(5 + 7);
  expect(freed()(inside('unknown'))).toBeNull();
  expect(reads()).toBe(0);
});
