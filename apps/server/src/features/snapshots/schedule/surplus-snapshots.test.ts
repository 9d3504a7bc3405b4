import { diskOf, forestWith, layerOf, snapshotOf } from '@strata/backing-chain/testing';
import { expect, it } from 'vitest';
import type { StoredSnapshot } from '../snapshots.types.ts';
import { surplusSnapshots } from './surplus-snapshots.ts';

const stored = (
  id: string,
  parentId: string | null,
  origin: StoredSnapshot['origin'] = 'schedule',
): StoredSnapshot =>
  ({
    ...{ id, vmId: 'web', parentId, name: id, origin },
    disks: [{ diskId: 'd', imageId: `layer-${id}`, internalTag: null }],
  }) as unknown as StoredSnapshot;

/** base ← a ← b ← mine ← c ← d ← active */
const chain = ['a', 'b', 'mine', 'c', 'd'];
const snapshots = chain.map((id, index) =>
  stored(id, chain[index - 1] ?? null, id === 'mine' ? 'taken' : 'schedule'),
);
const layers = [
  ...chain.map((id, index) =>
    layerOf(`layer-${id}`, index === 0 ? 'layer-base' : `layer-${chain[index - 1]}`),
  ),
  layerOf('layer-base', null),
  layerOf('active', 'layer-d'),
];
const uses = {
  disks: [diskOf('web', 'active')],
  snapshots: chain.map((id) => snapshotOf(id, 'web', `layer-${id}`)),
};
const namesOf = (found: readonly StoredSnapshot[]): string[] => found.map(({ name }) => name);

it('is what is older than the last ones, of the automatic ones alone', () => {
  const forest = forestWith(layers, uses);
  const surplus = (keep: number) => namesOf(surplusSnapshots(forest, 'web', snapshots, keep));
  expect(surplus(4)).toEqual([]);
  expect(surplus(3)).toEqual(['a']);
  expect(surplus(1)).toEqual(['a', 'b', 'c']);
  expect(surplus(100)).toEqual([]);
});

it('leaves one on which a branch of the VM stands', () => {
  const side = stored('side', 'b', 'taken');
  const forest = forestWith([...layers, layerOf('layer-side', 'layer-b')], uses);
  expect(namesOf(surplusSnapshots(forest, 'web', [...snapshots, side], 1))).toEqual(['a', 'c']);
});

it('leaves one on which another VM stands, also when nothing else does any more', () => {
  const branch = layerOf('other', 'layer-c');
  const both = forestWith([...layers, branch], {
    ...uses,
    disks: [...uses.disks, diskOf('clone', 'other')],
  });
  expect(namesOf(surplusSnapshots(both, 'web', snapshots, 1))).toEqual(['a', 'b']);
  const left = forestWith([...layers.filter(({ id }) => !['active', 'layer-d'].includes(id)), branch], {
    disks: [diskOf('clone', 'other')],
    snapshots: uses.snapshots.filter(({ snapshotId }) => snapshotId !== 'd'),
  });
  expect(namesOf(surplusSnapshots(left, 'web', [...snapshots, stored('e', null)], 1))).toEqual([
    'a',
    'b',
    'd',
  ]);
});
