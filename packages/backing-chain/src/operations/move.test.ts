import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { totalLength } from '../extents.ts';
import { type ChainPlan, isRefusal, type MoveTarget, type Refusal } from '../plan.ts';
import { allocationOf, arbitraryModel, diskOf, forestOf, forestWith, layerOf } from '../testing/index.ts';
import { planMove } from './move.ts';

const target: MoveTarget = {
  folder: '/fast',
  path: '/fast/active.qcow2',
  taken: false,
  writable: true,
  removable: true,
  sameDisk: false,
};
const request = { layer: 'active', target, bitmaps: 0 };
const codes = (plan: ChainPlan | Refusal) =>
  isRefusal(plan) ? plan.code : plan.blockers.map((blocker) => blocker.code);
const layers = (active = {}) => [
  layerOf('base', null),
  layerOf('mid', 'base'),
  layerOf('active', 'mid', { allocatedBytes: 700_000, ...active }),
];
const running = { disks: [diskOf('web', 'active', { running: true })] };
const allocation = new Map([
  ['active', [[0, 65_536] as const, [262_144, 131_072] as const]],
  ['mid', [[0, 1024 ** 2] as const]],
]);

describe('moving the layer that a running VM writes', () => {
  test('is done by the VM, and costs exactly the clusters of that one layer', () => {
    expect(planMove(forestWith(layers(), running), allocation, request)).toMatchObject({
      method: 'mirror',
      liveVm: { vmId: 'web', diskId: 'web-disk' },
      bytesToMove: 196_608,
      relocates: { layer: 'active', from: '/images/active.qcow2', to: '/fast/active.qcow2' },
      before: [['active', 'mid', 'base']],
      after: [['active', 'mid', 'base']],
      losesSnapshots: [],
      blockers: [],
    });
  });

  test('needs room for the tables of the new file too', () => {
    const plan = planMove(forestWith(layers(), running), allocation, request);
    expect(isRefusal(plan) ? 0 : plan.grows.bytes).toBeGreaterThan(196_608);
  });

  test('is refused where it would leave something behind, or break a link', () => {
    const tagged = layers({ internalSnapshots: [{ id: '1', tag: 'one' }] });
    expect(codes(planMove(forestWith(tagged, running), allocation, request))).toEqual(['internal-snapshots']);
    expect(codes(planMove(forestWith(layers(), running), allocation, { ...request, bitmaps: 1 }))).toEqual([
      'dirty-bitmaps',
    ]);
    const overlaid = [...layers(), layerOf('stray', 'active')];
    expect(codes(planMove(forestWith(overlaid, running), allocation, request))).toEqual(['overlay-stands']);
    const trashed = [{ trashId: 't', name: 'old', imageId: 'active' }];
    expect(codes(planMove(forestWith(layers(), { ...running, trashed }), allocation, request))).toEqual([
      'trash-stands',
    ]);
  });

  test('is refused for the layers below, which stay open under their names', () => {
    const mid = { ...request, layer: 'mid', target: { ...target, path: '/fast/mid.qcow2' } };
    expect(codes(planMove(forestWith(layers(), running), allocation, mid))).toEqual(['held-by-running-vm']);
  });
});

describe('moving a layer that no running VM holds', () => {
  test('gives the file another name on the same disk, and copies it to another one', () => {
    const forest = forestWith(layers(), { disks: [diskOf('web', 'active')] });
    const same = { ...request, target: { ...target, sameDisk: true } };
    expect(planMove(forest, allocation, same)).toMatchObject({
      method: 'link',
      liveVm: null,
      bytesToMove: 0,
    });
    expect(planMove(forest, allocation, request)).toMatchObject({ method: 'copy', bytesToMove: 700_000 });
  });

  test('rewrites every link to it', () => {
    const forest = forestWith([...layers(), layerOf('branch', 'mid')]);
    const mid = { ...request, layer: 'mid', target: { ...target, path: '/fast/mid.qcow2' } };
    expect(planMove(forest, allocation, mid)).toMatchObject({
      relinks: [
        { layer: 'active', from: 'mid', to: 'mid' },
        { layer: 'branch', from: 'mid', to: 'mid' },
      ],
      blockers: [],
    });
    const readOnly = forestWith([...layers({ writable: false })]);
    expect(codes(planMove(readOnly, allocation, mid))).toEqual(['not-writable']);
    expect(codes(planMove(forestWith(layers(), { complete: false }), allocation, mid))).toEqual([
      'forest-incomplete',
    ]);
  });
});

test('a name that is taken, a folder that cannot be written, and its own place are refused', () => {
  const forest = forestWith(layers(), running);
  const at = (differs: Partial<MoveTarget>) => ({ ...request, target: { ...target, ...differs } });
  expect(codes(planMove(forest, allocation, at({ taken: true })))).toEqual(['image-exists']);
  expect(codes(planMove(forest, allocation, at({ writable: false })))).toEqual(['not-writable']);
  expect(codes(planMove(forest, allocation, at({ removable: false })))).toEqual(['not-writable']);
  expect(codes(planMove(forest, allocation, at({ path: '/images/active.qcow2' })))).toBe('nothing-to-do');
  expect(codes(planMove(forest, allocation, { ...request, layer: 'gone' }))).toBe('unknown-layer');
});

test('no move changes a chain, loses a snapshot or deletes a layer, and none passes over a running VM', () => {
  fc.assert(
    fc.property(arbitraryModel(), fc.nat(), fc.boolean(), (model, pick, sameDisk) => {
      const forest = forestOf(model);
      const ids = [...forest.layers.keys()];
      const layer = ids[pick % ids.length] ?? '';
      const moved = { layer, bitmaps: 0, target: { ...target, path: '/fast/x', sameDisk } };
      const plan = planMove(forest, allocationOf(model), moved);
      if (isRefusal(plan)) return;
      expect(plan.after).toEqual(plan.before);
      expect([...plan.deletes, ...plan.losesSnapshots, ...plan.switches]).toEqual([]);
      const holders = forest.disks.filter(
        (disk) => disk.running && plan.before.some((chain) => chain[0] === disk.imageId),
      );
      const writes = holders.some(({ imageId }) => imageId === layer);
      expect(plan.liveVm !== null).toBe(writes);
      if (plan.liveVm === null && holders.length > 0) expect(codes(plan)).toContain('held-by-running-vm');
      if (plan.liveVm !== null)
        expect(plan.bytesToMove).toBe(totalLength(allocationOf(model).get(layer) ?? []));
    }),
    { numRuns: 300 },
  );
});
