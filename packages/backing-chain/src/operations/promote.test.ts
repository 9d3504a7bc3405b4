import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chainIds } from '../forest.ts';
import { isRefusal, newOverlayId, type PromotePlan, type PromoteRequest, type Refusal } from '../plan.ts';
import {
  applyRevert,
  arbitraryModel,
  arbitraryStep,
  brokenPromises,
  diskOf,
  forestOf,
  forestWith,
  layerOf,
  promoteRequestOf,
  readingsOf,
  snapshotOf,
  writableActives,
} from '../testing/index.ts';
import { planPromote, promoteRefusal } from './promote.ts';

/*
 *    active   tip
 *    mid ●A   side ●B
 *      └──┬────┘
 *        base ●O
 */
const layers = [
  layerOf('base', null),
  layerOf('mid', 'base'),
  layerOf('active', 'mid'),
  layerOf('side', 'base'),
  layerOf('tip', 'side'),
];
const snapshots = [
  snapshotOf('O', 'web', 'base'),
  snapshotOf('A', 'web', 'mid'),
  snapshotOf('B', 'web', 'side'),
];
const forest = (state = {}, differs = {}) =>
  forestWith(layers, { disks: [diskOf('web', 'active', state)], snapshots, ...differs });
const onto = (imageId: string, differs: Partial<PromoteRequest> = {}): PromoteRequest => ({
  vmId: 'web',
  disks: [{ diskId: 'web-disk', imageId }],
  overlay: false,
  keepCurrent: false,
  powerOff: false,
  ...differs,
});
const codes = (plan: PromotePlan | Refusal) =>
  isRefusal(plan) ? plan.code : plan.blockers.map((blocker) => blocker.code);

describe('a VM continues on another branch', () => {
  test('on its tip itself where nothing stands on that; it is then at the nearest snapshot below', () => {
    expect(planPromote(forest(), onto('tip'))).toMatchObject({
      switches: [{ diskId: 'web-disk', from: 'active', to: 'tip' }],
      overlays: [],
      keeps: [],
      deletes: [],
      before: [['active', 'mid', 'base']],
      after: [['tip', 'side', 'base']],
      snapshotId: 'B',
      leavesSnapshots: [{ id: 'A', name: 'A' }],
      blockers: [],
    });
  });

  test('on a new overlay where something does, and where that is wished', () => {
    const plan = planPromote(forest(), onto('side', { keepCurrent: true }));
    expect(plan).toMatchObject({
      switches: [],
      overlays: [{ diskId: 'web-disk', from: 'active', backing: 'side' }],
      keeps: [{ diskId: 'web-disk', imageId: 'active' }],
      after: [[newOverlayId('web-disk'), 'side', 'base']],
      snapshotId: 'B',
    });
    expect(planPromote(forest(), onto('tip', { overlay: true }))).toMatchObject({
      overlays: [{ backing: 'tip' }],
    });
    const readOnly = layers.map((layer) => (layer.id === 'tip' ? { ...layer, writable: false } : layer));
    const plain = forestWith(readOnly, { disks: [diskOf('web', 'active')] });
    expect(planPromote(plain, onto('tip'))).toMatchObject({
      overlays: [{ backing: 'tip' }],
      snapshotId: null,
    });
    const trashed = { trashed: [{ trashId: 't', name: 't', imageId: 'tip' }] };
    expect(planPromote(forest({}, trashed), onto('tip'))).toMatchObject({ overlays: [{ backing: 'tip' }] });
  });

  test('only while it is off, unless it may be powered off; never while it is suspended', () => {
    expect(codes(planPromote(forest({ running: true }), onto('tip')))).toEqual(['vm-running']);
    expect(codes(planPromote(forest({ running: true }), onto('tip', { powerOff: true })))).toEqual([]);
    expect(codes(planPromote(forest({ suspended: true }), onto('tip', { powerOff: true })))).toEqual([
      'vm-suspended',
    ]);
  });

  test('not on a layer that another disk writes, nor above one', () => {
    const disks = [diskOf('web', 'active'), diskOf('db', 'side')];
    const other = forestWith(layers, { disks });
    expect(codes(planPromote(other, onto('side')))).toEqual(['disk-stands']);
    expect(codes(planPromote(other, onto('tip')))).toEqual(['backing-is-active']);
    expect(promoteRefusal(other, onto('base'))).toBeNull();
  });

  test('not on a layer that an operation works on, nor while a folder cannot be read', () => {
    const operations = [{ operationId: 'o', title: 'Pull', imageId: 'tip', changes: true }];
    expect(codes(planPromote(forest({}, { operations }), onto('tip')))).toEqual(['operation-unfinished']);
    expect(codes(planPromote(forest({}, { complete: false }), onto('tip')))).toEqual(['forest-incomplete']);
    expect(codes(planPromote(forest({}, { complete: false }), onto('side')))).toEqual([]);
  });

  test.each([
    ['active', 'nothing-to-do'],
    ['gone', 'unknown-layer'],
  ])('onto %s is refused: %s', (target, code) => {
    expect(codes(planPromote(forest(), onto(target)))).toBe(code);
  });

  test('a chain that is broken, a VM or disk that is not there, and one layer for two disks are refused', () => {
    const broken = layers.map((layer) =>
      layer.id === 'side' ? { ...layer, backingState: 'missing' as const } : layer,
    );
    const disks = [diskOf('web', 'active'), { ...diskOf('web', 'mid'), diskId: 'second' }];
    expect(codes(planPromote(forestWith(broken, { disks }), onto('tip')))).toBe('broken-chain');
    expect(codes(planPromote(forest(), { ...onto('tip'), vmId: 'nobody' }))).toBe('unknown-vm');
    expect(codes(planPromote(forest(), onto('tip', { disks: [] })))).toBe('unknown-disk');
    const both = [
      { diskId: 'web-disk', imageId: 'tip' },
      { diskId: 'second', imageId: 'tip' },
    ];
    expect(codes(planPromote(forestWith(layers, { disks }), onto('tip', { disks: both })))).toBe(
      'same-layer',
    );
  });
});

test('only the disk that is promoted reads otherwise, it reads what the layer reads, and may be written', () => {
  const done = { switch: 0, overlay: 0 };
  fc.assert(
    fc.property(arbitraryModel({ trash: true }), arbitraryStep, (model, step) => {
      const request = promoteRequestOf(model, step);
      if (
        request === null ||
        model.images.some(({ id, trashed }) => trashed && id === request.disks[0]?.imageId)
      )
        return;
      const plan = planPromote(forestOf(model), request);
      expect(promoteRefusal(forestOf(model), request) ?? []).toEqual(isRefusal(plan) ? plan : plan.blockers);
      if (isRefusal(plan) || plan.blockers.length > 0) return;
      const how = plan.overlays.length > 0 ? 'overlay' : 'switch';
      done[how] += 1;
      const after = applyRevert(model, plan, 'kept', (diskId) => `new-${diskId}`);
      const [before, now] = [readingsOf(model), readingsOf(after)];
      const broken = brokenPromises(before, now, { images: [], snapshots: [] });
      for (const { diskId, imageId } of request.disks) {
        const reader = `disk ${request.vmId} ${diskId}`;
        expect(broken.filter((other) => other !== reader)).toEqual([]);
        expect(now.get(reader)).toEqual(before.get(`image ${imageId}`));
        if (request.keepCurrent) expect(now.get(`snapshot kept ${diskId}`)).toEqual(before.get(reader));
        const writes = after.vms
          .find(({ id }) => id === request.vmId)
          ?.disks.find((d) => d.diskId === diskId);
        expect(writableActives(after)).toContain(writes?.imageId);
        expect(chainIds(forestOf(after), writes?.imageId ?? '').slice(how === 'overlay' ? 1 : 0)).toEqual(
          plan.after[0]?.slice(how === 'overlay' ? 1 : 0),
        );
      }
    }),
    { numRuns: 3000 },
  );
  expect(done.switch).toBeGreaterThan(20);
  expect(done.overlay).toBeGreaterThan(100);
});
