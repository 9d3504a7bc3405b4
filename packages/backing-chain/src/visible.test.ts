import fc from 'fast-check';
import { expect, test } from 'vitest';
import { totalLength, union } from './extents.ts';
import { chainIds } from './forest.ts';
import { allocationOf, arbitraryModel, forestOf, imageOf } from './testing/index.ts';
import { visibleMap } from './visible.ts';

test('a shorter layer in the middle hides what lies below beyond its end', () => {
  const map = visibleMap(
    ['top', 'middle', 'base'],
    new Map([
      ['top', [[0, 2]]],
      ['middle', [[0, 4]]],
      ['base', [[0, 10]]],
    ]),
    new Map([
      ['top', 8],
      ['middle', 5],
      ['base', 10],
    ]),
  );
  expect(map.map(({ visible, shadowed, endZeros }) => ({ visible, shadowed, endZeros }))).toEqual([
    { visible: [[0, 2]], shadowed: [], endZeros: [] },
    { visible: [[2, 2]], shadowed: [[0, 2]], endZeros: [[5, 3]] },
    {
      visible: [[4, 1]],
      shadowed: [
        [0, 4],
        [5, 5],
      ],
      endZeros: [],
    },
  ]);
});

test('each cluster is visible in exactly the layer that a reader gets it from', () => {
  fc.assert(
    fc.property(arbitraryModel(), fc.nat(), (model, pick) => {
      const top = model.images[pick % model.images.length];
      if (top === undefined) return;
      const chain = chainIds(forestOf(model), top.id);
      const sizes = new Map(chain.map((id) => [id, imageOf(model, id).length * model.clusterSize]));
      const map = visibleMap(chain, allocationOf(model), sizes);
      for (let cluster = 0; cluster < top.length; cluster += 1) {
        const cut = chain.findIndex((id) => cluster >= imageOf(model, id).length);
        const seen = cut < 0 ? chain : chain.slice(0, cut);
        const provider = seen.find((id) => imageOf(model, id).clusters[cluster] !== undefined);
        const at = cluster * model.clusterSize;
        const holders = map.filter((entry) => entry.visible.some(([s, l]) => s <= at && at < s + l));
        expect(holders.map((entry) => entry.layer)).toEqual(provider === undefined ? [] : [provider]);
      }
      for (const entry of map) {
        const own = allocationOf(model).get(entry.layer) ?? [];
        expect(union(entry.visible, entry.shadowed)).toEqual(own);
        expect(entry.visibleBytes).toBe(totalLength(entry.visible));
        expect(entry.allocatedBytes).toBe(totalLength(own));
      }
    }),
    { numRuns: 1000 },
  );
});
