import { describe, expect, test } from 'vitest';
import { layOut } from './forest-layout.ts';
import { growTrees } from './forest-tree.ts';
import { drift, placeAt, type Step, walk } from './forest-walk.ts';
import { image, vm } from './testing.ts';

const images = [
  image('a'),
  image('a1', { on: 'a' }),
  image('a2', { on: 'a' }),
  image('b'),
  image('b1', { on: 'b' }),
];
const layout = layOut(growTrees(images, [vm('web', ['a2'])]));
const steps = (from: string | null, ...wanted: Step[]) =>
  wanted.reduce<string | null>((at, step) => walk(layout, at, step), from);

describe('walking the forest by keys', () => {
  test('up goes to what stands on a layer, down to its backing', () => {
    expect(steps('a', 'overlay')).toBe('a1');
    expect(steps('a2', 'overlay')).toBe('vm:web:a2');
    expect(steps('a2', 'overlay', 'backing', 'backing')).toBe('a');
  });

  test('aside goes to siblings, then on to the same height of the next tree', () => {
    expect(steps('a1', 'right')).toBe('a2');
    expect(steps('a1', 'right', 'right')).toBe('b1');
    expect(steps('b1', 'left', 'left')).toBe('a1');
  });

  test('stays where nothing is, and begins at the first base', () => {
    expect(steps('b1', 'overlay')).toBe('b1');
    expect(steps('a', 'backing', 'left')).toBe('a');
    expect(steps(null, 'overlay')).toBe('a');
    expect(steps('gone', 'right')).toBe('a');
    expect(steps('a', 'last')).toBe('b');
    expect(steps('b1', 'first')).toBe('a');
  });

  test('past the end of a row it goes on at the next one', () => {
    const strays = layOut(growTrees([...images, image('stray')], []));
    expect(walk(strays, 'b', 'right')).toBe('stray');
    expect(walk(strays, 'stray', 'left')).toBe('b');
  });
});

test('finds the node under a point, and none beside it', () => {
  const { x, y } = layout.places.get('a2') ?? { x: 0, y: 0 };
  expect(placeAt(layout, x + 5, y + 5)?.node.id).toBe('a2');
  expect(placeAt(layout, x - 5, y + 5)).toBeUndefined();
});

describe('the view stays when the library changes', () => {
  const after = layOut(growTrees([...images, image('a0', { on: 'a' })], []));
  const view = { x: 0, y: 0, width: 4000, height: 2000 };
  const moved = (id: string) => (after.places.get(id)?.x ?? 0) - (layout.places.get(id)?.x ?? 0);

  test('with the current node, when it is in view', () => {
    expect(moved('a1')).not.toBe(0);
    expect(drift(layout, after, view, 'a1').x).toBe(moved('a1'));
  });

  test('with what is nearest to the middle otherwise', () => {
    const b1 = layout.places.get('b1');
    const aroundB1 = { x: (b1?.x ?? 0) - 50, y: (b1?.y ?? 0) - 50, width: 300, height: 162 };
    expect(drift(layout, after, aroundB1, 'a1').x).toBe(moved('b1'));
    expect(drift(layout, layout, view, null)).toEqual({ x: 0, y: 0 });
  });
});
