import { expect, test } from 'vitest';
import { isRefusal } from '../plan.ts';
import { diskOf, forestWith, layerOf, snapshotOf } from '../testing/index.ts';
import { planRevert } from './revert.ts';

const layers = [layerOf('s1', null), layerOf('s2', 's1'), layerOf('active', 's2')];
const request = {
  vmId: 'web',
  snapshotId: 'clean',
  disks: [{ diskId: 'web-disk', imageId: 's1' }],
  keepCurrent: true,
};
const world = (differs: object = {}) =>
  forestWith(layers, {
    disks: [diskOf('web', 'active', { running: true })],
    snapshots: [snapshotOf('clean', 'web', 's1')],
    ...differs,
  });

test('a revert goes on in a new overlay and keeps the current state as a branch', () => {
  expect(planRevert(world(), request)).toEqual({
    operation: 'revert',
    vm: { vmId: 'web', vmName: 'web', running: true },
    snapshotId: 'clean',
    before: [['active', 's2', 's1']],
    after: [['new:web-disk', 's1']],
    overlays: [{ diskId: 'web-disk', from: 'active', backing: 's1', virtualSize: 1024 ** 2 }],
    switches: [],
    leaves: [],
    keeps: [{ diskId: 'web-disk', imageId: 'active' }],
    deletes: [],
    losesSnapshots: [],
    nowUnused: [],
    blockers: [],
  });
});

test('without keeping, the active layer goes to the trash and what it stood on is unused', () => {
  const plan = planRevert(world(), { ...request, keepCurrent: false });
  expect(plan).toMatchObject({ keeps: [], deletes: ['active'], nowUnused: ['s2'], blockers: [] });
});

test('an active layer that something else stands on is not trashed', () => {
  const forest = forestWith([...layers, layerOf('clone', 'active')], {
    disks: [diskOf('web', 'active')],
    snapshots: [snapshotOf('clean', 'web', 's1')],
  });
  expect(planRevert(forest, { ...request, keepCurrent: false })).toMatchObject({
    deletes: [],
    nowUnused: [],
  });
});

test('leaves the layers of a suspended VM as they are: nothing of them is written', () => {
  const suspended = world({ disks: [diskOf('web', 'active', { suspended: true })] });
  expect(planRevert(suspended, request)).toMatchObject({ blockers: [], vm: { running: false } });
});

test('refuses while an operation works, or the snapshot is not what was asked for', () => {
  const busy = world({ operations: [{ operationId: 'op', title: 'Commit', imageId: 's2', changes: true }] });
  expect(planRevert(busy, request)).toMatchObject({ blockers: [{ code: 'operation-unfinished' }] });
  const code = (differs: object) => {
    const plan = planRevert(world(), { ...request, ...differs });
    return isRefusal(plan) ? plan.code : null;
  };
  expect(code({ snapshotId: 'x' })).toBe('unknown-snapshot');
  expect(code({ vmId: 'x' })).toBe('unknown-vm');
  expect(code({ disks: [{ diskId: 'gone', imageId: 's1' }] })).toBe('unknown-disk');
  expect(code({ disks: [{ diskId: 'web-disk', imageId: 's2' }] })).toBe('unknown-snapshot');
});

const grown = () =>
  world({
    disks: [{ ...diskOf('web', 'active'), diskId: 'web-new' }],
  });

test('with the hardware of then, a disk that was removed comes back and one that was added leaves', () => {
  const restored = { ...request, hardware: { leaves: ['web-new'] } };
  expect(planRevert(grown(), request)).toMatchObject({ code: 'unknown-disk' });
  expect(planRevert(grown(), restored)).toMatchObject({
    before: [['active', 's2', 's1']],
    after: [['new:web-disk', 's1']],
    overlays: [{ diskId: 'web-disk', from: null, backing: 's1' }],
    leaves: [{ diskId: 'web-new', imageId: 'active' }],
    keeps: [{ diskId: 'web-new', imageId: 'active' }],
    deletes: [],
  });
});

test('a disk that leaves is never thrown away, kept or not', () => {
  const plan = planRevert(grown(), { ...request, keepCurrent: false, hardware: { leaves: ['web-new'] } });
  expect(plan).toMatchObject({ deletes: [], keeps: [], nowUnused: ['active'] });
});

test('a VM that has lost all its disks gets them back', () => {
  const forest = forestWith(layers, { snapshots: [snapshotOf('clean', 'web', 's1')] });
  expect(planRevert(forest, { ...request, hardware: { leaves: [] } })).toMatchObject({
    vm: { vmId: 'web', running: false },
    overlays: [{ from: null, backing: 's1' }],
  });
});
