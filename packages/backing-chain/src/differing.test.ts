import fc from 'fast-check';
import { expect, test } from 'vitest';
import { apart, differingExtents } from './differing.ts';
import { allocationOf, arbitraryModel, forestOf, forestWith, layerOf, readAll } from './testing/index.ts';

test('only what is above the common layer can differ', () => {
  const forest = forestWith([
    layerOf('base', null),
    layerOf('common', 'base'),
    layerOf('s1', 'common'),
    layerOf('one', 's1'),
    layerOf('other', 'common'),
  ]);
  expect(apart(forest, 'one', 'other')).toEqual([['one', 's1'], ['other']]);
  expect(apart(forest, 'one', 's1')).toEqual([['one'], []]);
  const allocation = new Map([
    ['base', [[0, 1000]] as const],
    ['s1', [[0, 10]] as const],
    ['one', [[5, 10]] as const],
    ['other', [[100, 10]] as const],
  ]);
  expect(differingExtents(forest, allocation, 'one', 'other')).toEqual([
    [0, 15],
    [100, 10],
  ]);
  expect(differingExtents(forest, allocation, 'one', 'one')).toEqual([]);
});

test('two layers read the same wherever they are not said to differ, over random forests', () => {
  let differing = 0;
  fc.assert(
    fc.property(arbitraryModel(), fc.nat(100), fc.nat(100), (model, first, second) => {
      const [one, other] = [first, second].map((at) => model.images[at % model.images.length]?.id ?? '');
      if (one === undefined || other === undefined) return;
      const said = differingExtents(forestOf(model), allocationOf(model), one, other);
      const [left, right] = [readAll(model, one), readAll(model, other)];
      for (let cluster = 0; cluster < Math.max(left.length, right.length); cluster += 1) {
        const at = cluster * model.clusterSize;
        const isSaid = said.some(([start, length]) => at >= start && at < start + length);
        if (left[cluster] === right[cluster]) continue;
        differing += 1;
        if (!isSaid) throw new Error(`cluster ${cluster} of ${one} and ${other} differs`);
      }
      if (one === other) expect(said).toEqual([]);
    }),
    { numRuns: 1500 },
  );
  expect(differing).toBeGreaterThan(500);
});
