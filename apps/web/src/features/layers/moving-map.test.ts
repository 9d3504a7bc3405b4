import type { ImageMap } from '@strata/contract';
import { expect, it } from 'vitest';
import { movingMap } from './moving-map.ts';

type Extents = [number, number][];
const layer = (imageId: string, visible: Extents, shadowed: Extents = []) => ({
  imageId,
  visible,
  shadowed,
  allocatedBytes: 0,
  visibleBytes: visible.reduce((sum, [, length]) => sum + length, 0),
});
const map: ImageMap = {
  virtualSize: 100,
  start: 0,
  length: 100,
  approximate: false,
  layers: [
    layer('active', [[0, 10]]),
    layer('b', [[10, 20]], [[0, 5]]),
    layer('a', [[60, 20]]),
    layer('base', [[40, 10]], [[10, 20]]),
  ],
};
const progress = (done: number, total: number) => ({
  progress: { done, total, unit: 'bytes' as const, bytesPerSecond: null, etaSeconds: null },
});
const drawn = (moving: ImageMap) =>
  Object.fromEntries(moving.layers.map(({ imageId, visible, shadowed }) => [imageId, { visible, shadowed }]));

it('a commit of two layers: what the job has passed is solid below, and hatched where it came from', () => {
  const moves = [
    { from: 'b', to: 'base' },
    { from: 'a', to: 'base' },
  ];
  // At byte 70 of the disk, 30 of the 40 bytes have moved.
  const front = { into: 'base', at: 70 };
  expect(drawn(movingMap(map, { moves, front, ...progress(30, 40) }))).toEqual({
    active: { visible: [[0, 10]], shadowed: [] },
    b: {
      visible: [],
      shadowed: [
        [0, 5],
        [10, 20],
      ],
    },
    a: { visible: [[70, 10]], shadowed: [[60, 10]] },
    base: {
      visible: [
        [10, 20],
        [40, 10],
        [60, 10],
      ],
      shadowed: [],
    },
  });
});

it('a job that tells only how many bytes it has copied', () => {
  const moving = movingMap(map, { moves: [{ from: 'b', to: 'active' }], ...progress(5, 20 + 2) });
  const [active, b] = moving.layers;
  expect(active?.visible).toEqual([[0, 14]]);
  expect(active?.visibleBytes).toBe(14);
  expect(b?.visible[0]?.[0]).toBe(14);
  const sum = (layers: ImageMap['layers']) =>
    layers.reduce((bytes, { visibleBytes }) => bytes + visibleBytes, 0);
  expect(sum(moving.layers)).toBeCloseTo(sum(map.layers));
});

it('nothing is drawn otherwise before it begins, or when nothing moves here', () => {
  expect(movingMap(map, { moves: [{ from: 'b', to: 'a' }], ...progress(0, 20) })).toBe(map);
  expect(movingMap(map, progress(5, 20))).toBe(map);
  const other = { moves: [{ from: 'b', to: 'active' }], front: { into: 'branch', at: 50 } };
  expect(movingMap(map, { ...other, ...progress(5, 20) })).toBe(map);
  expect(movingMap(map, { moves: [{ from: 'b', to: 'elsewhere' }], ...progress(5, 20) })).toBe(map);
});

it('what is told coarsely keeps how much it holds, and a closer look follows the same job', () => {
  const coarse: ImageMap = {
    ...map,
    layers: [
      layer('active', []),
      {
        ...layer('b', [
          [0, 10],
          [20, 10],
        ]),
        visibleHeld: [4, 6],
        visibleBytes: 10,
      },
    ],
  };
  const moves = [{ from: 'b', to: 'active' }];
  const [active, b] = movingMap(coarse, {
    moves,
    front: { into: 'active', at: 25 },
    ...progress(7, 10),
  }).layers;
  expect(active).toMatchObject({
    visible: [
      [0, 10],
      [20, 5],
    ],
    visibleHeld: [4, 3],
    visibleBytes: 7,
  });
  expect(b).toMatchObject({
    visible: [[25, 5]],
    visibleHeld: [3],
    shadowed: [
      [0, 10],
      [20, 5],
    ],
  });
  const closer = { ...map, start: 50, length: 50 };
  expect(movingMap(closer, { moves, ...progress(5, 20) })).toBe(closer);
  const seen = { ...map, start: 10, length: 30 };
  const part = drawn(movingMap(seen, { moves, front: { into: 'active', at: 25 }, ...progress(5, 20) }));
  expect(part.b?.visible).toEqual([[25, 5]]);
});
