import { expect, test } from 'vitest';
import { type ChainPlan, isRefusal, type Refusal } from '../plan.ts';
import { diskOf, forestWith, layerOf, snapshotOf } from '../testing/index.ts';
import { planFlatten, planPull } from './pull.ts';

const chain = () => [
  layerOf('base', null),
  layerOf('s1', 'base'),
  layerOf('s2', 's1'),
  layerOf('active', 's2'),
];
const codes = (plan: ChainPlan | Refusal) =>
  isRefusal(plan) ? plan.code : plan.blockers.map((blocker) => blocker.code);

test('a partial pull: only the link of the layer changes, what is passed over is unused', () => {
  const forest = forestWith(chain(), { disks: [diskOf('web', 'active', { running: true })] });
  const allocation = new Map([
    ['active', [[0, 10]] as const],
    ['s2', [[5, 10]] as const],
    ['s1', [[0, 30]] as const],
  ]);
  expect(planPull(forest, allocation, { into: 'active', from: 's1' })).toEqual({
    operation: 'pull',
    liveVm: { vmId: 'web', vmName: 'web', diskId: 'web-disk' },
    before: [['active', 's2', 's1', 'base']],
    after: [['active', 'base']],
    moves: [
      { from: 's2', to: 'active', bytes: 5 },
      { from: 's1', to: 'active', bytes: 15 },
    ],
    bytesToMove: 20,
    course: [
      [10, 0],
      [30, 20],
    ],
    grows: { layer: 'active', bytes: 20 },
    deletes: [],
    losesSnapshots: [],
    repointsSnapshots: [],
    relinks: [{ layer: 'active', from: 's2', to: 'base' }],
    switches: [],
    nowUnused: ['s2', 's1'],
    blockers: [],
  });
});

test('a layer passed over stays in use under a snapshot or a sibling, and so does what is below it', () => {
  const unused = (forest: ReturnType<typeof forestWith>) => {
    const plan = planPull(forest, new Map(), { into: 'active', deleteUnused: true });
    return isRefusal(plan) ? plan : plan.deletes;
  };
  expect(unused(forestWith(chain()))).toEqual(['s2', 's1', 'base']);
  expect(unused(forestWith(chain(), { snapshots: [snapshotOf('x', 'web', 's1')] }))).toEqual(['s2']);
  expect(unused(forestWith([...chain(), layerOf('clone', 's2')]))).toEqual([]);
  expect(unused(forestWith(chain(), { complete: false }))).toEqual([]);
});

test('flatten makes a base', () => {
  const plan = planFlatten(forestWith(chain()), new Map(), 's2');
  expect(isRefusal(plan) ? plan : plan.after).toEqual([['active', 's2']]);
  expect(codes(planFlatten(forestWith(chain()), new Map(), 'base'))).toBe('nothing-below');
});

test('refuses to pull into a layer whose internal snapshots read through its backing', () => {
  const forest = forestWith([
    ...chain().slice(0, 3),
    layerOf('active', 's2', { internalSnapshots: [{ id: '1', tag: 'clean' }] }),
  ]);
  expect(codes(planFlatten(forest, new Map(), 'active'))).toEqual(['internal-snapshots']);
});

test('refuses a partial pull over a direct backing that ends early: QEMU copies nothing behind its end', () => {
  const forest = forestWith([
    ...chain().slice(0, 2),
    layerOf('s2', 's1', { virtualSize: 512 }),
    layerOf('active', 's2'),
  ]);
  expect(codes(planPull(forest, new Map(), { into: 'active', from: 's2' }))).toEqual(['size-differs']);
  expect(codes(planFlatten(forest, new Map(), 'active'))).toEqual([]);
});

test('refuses to pull while two running VMs share the layer, or while one writes what would be read', () => {
  const shared = forestWith([...chain(), layerOf('clone', 's2')], {
    disks: [diskOf('web', 'active', { running: true }), diskOf('twin', 'clone', { running: true })],
  });
  expect(codes(planFlatten(shared, new Map(), 's2'))).toEqual(['held-by-running-vm']);
  expect(codes(planFlatten(shared, new Map(), 'clone'))).toEqual([]);
  const written = forestWith(chain(), { disks: [diskOf('web', 's1', { running: true })] });
  expect(codes(planFlatten(written, new Map(), 'active'))).toEqual(['written-by-running-vm']);
});

test('refuses to pull into anything but qcow2', () => {
  const forest = forestWith([layerOf('base', null), layerOf('disk', 'base', { format: 'vmdk' })]);
  expect(codes(planFlatten(forest, new Map(), 'disk'))).toBe('wrong-format');
});

test('layers that others only read are read together; changed they are waited for, on either side', () => {
  const layers = [...chain(), layerOf('other', 's1')];
  const use = (imageId: string, changes: boolean) => ({ operationId: 'op', title: 'Pull', imageId, changes });
  const planned = (...operations: ReturnType<typeof use>[]) =>
    codes(planPull(forestWith(layers, { operations }), new Map(), { into: 's2', from: 's1' }));
  expect(planned(use('other', true), use('s1', false), use('base', false))).toEqual([]);
  expect(planned(use('base', true))).toEqual(['operation-unfinished']);
  expect(planned(use('s2', false))).toEqual(['operation-unfinished']);
  expect(planned(use('active', false))).toEqual(['operation-unfinished']);
});
