import type { Forest, Layer } from '@strata/backing-chain';
import { expect, it } from 'vitest';
import { foundPoints } from './found-points.ts';

type Tag = { id: string; tag: string; createdAt: string; vmStateSize: number };
const at = (seconds: number): string => new Date(1_700_000_000_000 + seconds * 1000).toISOString();
const tagOf = (id: string, seconds: number, vmStateSize = 0): Tag => ({
  ...{ id, tag: 'then', createdAt: at(seconds), vmStateSize },
});

const find = (layers: Record<string, { on: string | null; tags: readonly Tag[] }>) => {
  const entries = Object.entries(layers).map(([id, { on, tags }]): [string, Layer] => [
    id,
    {
      ...{ id, name: id, path: `/${id}`, format: 'qcow2', virtualSize: 1, allocatedBytes: 1 },
      ...{ backingId: on, backingState: on === null ? 'none' : 'ok', internalSnapshots: tags, present: true },
    } as unknown as Layer,
  ]);
  const none = { disks: [], media: [], snapshots: [], operations: [], trashed: [] };
  const forest = { layers: new Map(entries), complete: true, ...none } as unknown as Forest;
  const vm = {
    disks: [
      { id: 'd0', imageId: 'a' },
      { id: 'd1', imageId: 'b' },
    ],
  };
  const found = foundPoints(forest, vm as unknown as Parameters<typeof foundPoints>[1], (id) => ({
    ...{ name: id, modifiedAt: at(0) },
    internalSnapshots: [...(layers[id]?.tags ?? [])],
  }));
  return found
    .filter(({ kind }) => kind === 'internal')
    .map(({ disks }) => disks.map(({ imageId }) => imageId));
};

it('tags of one name and one moment are one restore point, at whatever depth they lie', () => {
  expect(
    find({
      a: { on: 'base', tags: [tagOf('1', 5000)] },
      base: { on: null, tags: [tagOf('1', 0)] },
      b: { on: null, tags: [tagOf('1', 3)] },
    }),
  ).toEqual([['a'], ['base', 'b']]);
  expect(find({ a: { on: null, tags: [tagOf('1', 0, 9)] }, b: { on: null, tags: [tagOf('1', 0)] } })).toEqual(
    [['a', 'b']],
  );
});

it('memory belongs to disks of the very same time; another time is another restore point', () => {
  expect(find({ a: { on: null, tags: [tagOf('1', 0, 9)] }, b: { on: null, tags: [tagOf('1', 3)] } })).toEqual(
    [['a'], ['b']],
  );
});

it('what was read while it was written is no restore point', () => {
  const torn = { ...tagOf('', 0), tag: '' };
  expect(find({ a: { on: null, tags: [torn] }, b: { on: null, tags: [] } })).toEqual([]);
});
