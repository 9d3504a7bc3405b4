import { expect, it } from 'vitest';
import { firstLook } from './forest-first-look.ts';
import { layOut, nodeHeight, nodeWidth } from './forest-layout.ts';
import { growTrees } from './forest-tree.ts';
import { image } from './testing.ts';

/** One base with so many overlays, and others beside it. */
const wide = (overlays: number, others = 0) =>
  layOut(
    growTrees(
      [
        image('base'),
        ...Array.from({ length: overlays }, (_, at) => image(`o${at}`, { on: 'base' })),
        ...Array.from({ length: others }, (_, at) => image(`z${at}`)),
      ],
      [],
    ),
  );

it.each([
  [390, 2, 0],
  [390, 9, 0],
  [390, 3, 80],
  [1440, 2, 0],
  [1440, 30, 0],
])('at %i pixels a base with %i overlays beside %i others is whole in view', (width, overlays, others) => {
  const height = 420;
  const layout = wide(overlays, others);
  const base = [...layout.places.values()].find(({ node, row }) => node.level === 0 && row === 0);
  if (base === undefined) throw new Error('no base');
  const { x, y, zoom } = firstLook(layout, width, height);
  expect(base.x * zoom + x).toBeGreaterThanOrEqual(0);
  expect((base.x + nodeWidth) * zoom + x).toBeLessThanOrEqual(width);
  expect(base.y * zoom + y).toBeGreaterThanOrEqual(0);
  expect((base.y + nodeHeight) * zoom + y).toBeLessThanOrEqual(height);
});

it('shows an empty forest without complaint', () => {
  expect(firstLook(layOut(growTrees([], [])), 390, 420).zoom).toBeGreaterThan(0);
});
