import { expect, test } from 'vitest';
import { findNodes, nextOf } from './forest-search.ts';
import { growTrees, nodesOf } from './forest-tree.ts';
import { image, vm } from './testing.ts';

const nodes = [
  ...nodesOf(
    growTrees(
      [
        image('debian', {
          internalSnapshots: [{ id: '1', tag: 'before update', createdAt: null, vmStateSize: 0 }],
        }),
        image('web', { on: 'debian', usedBy: [{ kind: 'overlay', id: 'x', name: 'secret' }] }),
      ],
      [vm('Shop', ['web'])],
    ).chains,
  ),
];

test('finds images by name, path, format and snapshots, VMs by name; all words must be there', () => {
  expect(findNodes(nodes, 'WEB qcow2')).toEqual(['web']);
  expect(findNodes(nodes, '/images/')).toEqual(['debian', 'web']);
  expect(findNodes(nodes, 'before update')).toEqual(['debian']);
  expect(findNodes(nodes, 'shop')).toEqual(['vm:Shop:web']);
  expect(findNodes(nodes, 'secret')).toEqual([]);
  expect(findNodes(nodes, '  ')).toBeNull();
});

test('goes through what was found round and round', () => {
  expect(nextOf(['a', 'b', 'c'], 'c', 1)).toBe('a');
  expect(nextOf(['a', 'b', 'c'], 'a', -1)).toBe('c');
  expect(nextOf(['a', 'b', 'c'], 'elsewhere', 1)).toBe('a');
  expect(nextOf(['a', 'b', 'c'], null, -1)).toBe('c');
  expect(nextOf([], null, 1)).toBeNull();
});
