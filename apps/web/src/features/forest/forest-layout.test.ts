import type { Image } from '@strata/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ForestLayout, layOut, nodeHeight, nodeWidth, storey } from './forest-layout.ts';
import { growTrees } from './forest-tree.ts';
import { boxOf, touches } from './forest-walk.ts';
import { image, vm } from './testing.ts';

const laidOut = (images: readonly Image[], vms: Parameters<typeof growTrees>[1] = []) =>
  layOut(growTrees(images, vms));

/** Any forest: each image stands on an earlier one or on the ground; some have VMs. */
const anyForest = fc
  .array(fc.record({ below: fc.option(fc.nat(), { freq: 4 }), hasVm: fc.boolean() }), { maxLength: 60 })
  .map((drawn) => ({
    images: drawn.map(({ below }, at) =>
      image(`i${at}`, below === null || at === 0 ? {} : { on: `i${below % at}` }),
    ),
    vms: drawn.flatMap(({ hasVm }, at) => (hasVm ? [vm(`v${at}`, [`i${at}`])] : [])),
  }));

/** From the bottom of each node to the top of what it stands on: an upright, a run across, an upright. */
const runs = ({ places }: ForestLayout) =>
  [...places.values()].flatMap((place) => {
    const parent = places.get(place.node.parentId ?? '');
    if (parent === undefined) return [];
    return [
      {
        from: Math.min(place.x, parent.x),
        to: Math.max(place.x, parent.x),
        y: parent.y,
        parent: parent.node.id,
      },
    ];
  });

describe('the layout of the forest', () => {
  test('the base is on the ground, each layer a storey above its backing, a lone chain upright', () => {
    const { places } = laidOut([image('base'), image('mid', { on: 'base' })], [vm('web', ['mid'])]);
    const [base, mid, tip] = ['base', 'mid', 'vm:web:mid'].map((id) => places.get(id));
    expect([base?.x, mid?.x, tip?.x]).toEqual([0, 0, 0]);
    expect([base, mid, tip].map((place) => (base?.y ?? 0) - (place?.y ?? 0))).toEqual([
      0,
      storey,
      2 * storey,
    ]);
  });

  test('branches are side by side, what they stand on in the middle below', () => {
    const { places } = laidOut([image('base'), ...['a', 'b', 'c'].map((id) => image(id, { on: 'base' }))]);
    const x = (id: string) => places.get(id)?.x ?? Number.NaN;
    expect(x('b') - x('a')).toBe(x('c') - x('b'));
    expect(x('base')).toBe(x('b'));
  });

  test('in any forest no two nodes touch and all are within its bounds', () => {
    fc.assert(
      fc.property(anyForest, ({ images, vms }) => {
        const { places, width, height } = laidOut(images, vms);
        expect(places.size).toBe(images.length + vms.length);
        const all = [...places.values()];
        for (const [index, place] of all.entries()) {
          expect(place.x >= 0 && place.x + nodeWidth <= width).toBe(true);
          expect(place.y >= 0 && place.y + nodeHeight <= height).toBe(true);
          for (const other of all.slice(index + 1)) expect(touches(boxOf(place), boxOf(other))).toBe(false);
        }
      }),
    );
  });

  test('in any forest edges of different trunks never meet', () => {
    fc.assert(
      fc.property(anyForest, ({ images, vms }) => {
        const all = runs(laidOut(images, vms));
        for (const run of all)
          for (const other of all)
            if (other.y === run.y && other.parent !== run.parent)
              expect(other.to < run.from || run.to < other.from).toBe(true);
      }),
    );
  });

  test('the same forest is the same picture, in whatever order it is told', () => {
    fc.assert(
      fc.property(anyForest, ({ images, vms }) => {
        const places = (layout: ForestLayout) =>
          [...layout.places.values()].map(({ node, x, y }) => [node.id, x, y]);
        expect(places(laidOut(images.toReversed(), vms.toReversed()))).toEqual(places(laidOut(images, vms)));
      }),
    );
  });

  test('a new tip moves nothing in the trees before its own', () => {
    const images = ['a', 'b', 'c'].flatMap((id) => [image(id), image(`${id}-top`, { on: id })]);
    const before = laidOut(images);
    const after = laidOut([...images, image('c-new', { on: 'c' })]);
    for (const id of ['a', 'a-top', 'b', 'b-top'])
      expect({ ...after.places.get(id), node: null }).toEqual({ ...before.places.get(id), node: null });
  });

  test('media and strays come after the chains, each under a title with their number', () => {
    const cd = image('cd', { format: 'iso', role: 'media' });
    const { titles, places } = laidOut([
      image('s1'),
      image('s2'),
      cd,
      image('base'),
      image('top', { on: 'base' }),
    ]);
    expect(titles.map(({ grove, count }) => [grove, count])).toEqual([
      ['chains', 1],
      ['media', 1],
      ['strays', 2],
    ]);
    const y = (id: string) => places.get(id)?.y ?? Number.NaN;
    expect(y('base') < y('cd') && y('cd') < y('s1')).toBe(true);
  });

  test('5,000 images are about as wide as a screen, and laid out in a moment', () => {
    const images = Array.from({ length: 5000 }, (_, at) =>
      image(`i${at}`, at % 5 === 0 ? {} : { on: `i${at - 1 - (at % 3 === 0 && at % 5 > 1 ? 1 : 0)}` }),
    );
    const started = performance.now();
    const { width, height } = laidOut(images);
    expect(performance.now() - started).toBeLessThan(2000);
    expect(width / height).toBeGreaterThan(1);
    expect(width / height).toBeLessThan(4);
  });

  test('an empty library has an empty picture', () => {
    expect(laidOut([])).toMatchObject({ grounds: [], titles: [], height: 0 });
  });
});
