import type { Image, Vm } from '@strata/contract';
import { describe, expect, test } from 'vitest';
import { type ForestNode, growTrees, nodesOf } from './forest-tree.ts';
import { image, vm } from './testing.ts';

/** `base(layer(vm:web:0))`: a tree in a line. */
const line = ({ id, children }: ForestNode): string =>
  children.length === 0 ? id : `${id}(${children.map(line).join(' ')})`;
const lines = (images: readonly Image[], vms: readonly Vm[] = []) => {
  const { chains, media, strays } = growTrees(images, vms);
  return { chains: chains.map(line), media: media.map(line), strays: strays.map(line) };
};

describe('the trees of the library', () => {
  test('layers stand on their backing, and VMs are the tips of their disks', () => {
    const images = [image('top', { on: 'base' }), image('base'), image('side', { on: 'base' })];
    expect(lines(images, [vm('web', ['top'])]).chains).toEqual(['base(side top(vm:web:top))']);
  });

  test('a VM of two disks is a tip of both and ties no trees together', () => {
    const { chains } = lines([image('a'), image('b')], [vm('web', ['a', 'b'])]);
    expect(chains).toEqual(['a(vm:web:a)', 'b(vm:web:b)']);
  });

  test('strays and media stand apart from chains; what a VM or a snapshot uses does not', () => {
    const used = image('used', { usedBy: [{ kind: 'snapshot', id: 's', name: 'clean' }] });
    const trees = lines([image('stray'), used, image('cd', { format: 'iso', role: 'media' })]);
    expect(trees).toEqual({ chains: ['used'], media: ['cd'], strays: ['stray'] });
  });

  test('images that miss the same backing stand on one gap', () => {
    const backing = { path: '/old/lost.qcow2', format: 'qcow2', state: 'missing' as const };
    const { chains } = growTrees([image('a', { backing }), image('b', { backing })], []);
    expect(chains.map(line)).toEqual(['gap:missing:/old/lost.qcow2(a b)']);
    expect(chains[0]).toMatchObject({ name: 'lost.qcow2', subject: { kind: 'gap', state: 'missing' } });
  });

  test('a cycle is cut open at a gap, with every image in it drawn once', () => {
    const { chains } = growTrees(
      [image('a', { on: 'c' }), image('b', { on: 'a' }), image('c', { on: 'b' })],
      [],
    );
    const nodes = [...nodesOf(chains)];
    expect(nodes.map(({ id }) => id)).toEqual(['gap:cycle:/images/b', 'c', 'a', 'b']);
    expect(nodes.map(({ level }) => level)).toEqual([0, 1, 2, 3]);
  });

  test('names are in the order of people, and the same library in another order is the same forest', () => {
    const images = [image('disk-10'), image('disk-2', { on: 'disk-10' }), image('disk-9', { on: 'disk-10' })];
    expect(lines(images)).toEqual(lines(images.toReversed()));
    expect(lines(images).chains).toEqual(['disk-10(disk-2 disk-9)']);
  });

  test('a chain of 5,000 layers is no deeper than the stack', () => {
    const images = Array.from({ length: 5000 }, (_, at) =>
      image(`l${at}`, at === 0 ? {} : { on: `l${at - 1}` }),
    );
    expect([...nodesOf(growTrees(images, []).chains)].at(-1)?.level).toBe(4999);
  });
});
