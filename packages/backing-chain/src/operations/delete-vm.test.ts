import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  arbitraryModel,
  brokenPromises,
  diskOf,
  forestOf,
  forestWith,
  layerOf,
  type Model,
  readingsOf,
  snapshotOf,
} from '../testing/index.ts';
import { planDeleteVm } from './delete-vm.ts';

/*
 *     active   branch (another snapshot of this VM)
 *        b ────┘
 *        a (snapshot) ── other (the disk of somebody else)
 *       base
 */
test('names the layers that go with a VM, and what stays with the reason', () => {
  const forest = forestWith(
    [
      layerOf('base', null),
      layerOf('a', 'base'),
      layerOf('b', 'a'),
      layerOf('active', 'b'),
      layerOf('branch', 'b'),
      layerOf('other', 'a'),
    ],
    {
      disks: [diskOf('web', 'active'), diskOf('twin', 'other')],
      snapshots: [
        snapshotOf('s1', 'web', 'a'),
        snapshotOf('s2', 'web', 'b'),
        snapshotOf('s3', 'web', 'branch'),
      ],
    },
  );
  const { goes, stays, snapshots } = planDeleteVm(forest, 'web');
  expect(goes).toEqual(['active', 'branch', 'b']);
  expect(stays).toEqual([
    { layer: 'a', because: ['other.qcow2'] },
    { layer: 'base', because: ['a.qcow2'] },
  ]);
  expect(snapshots.map(({ id }) => id)).toEqual(['s1', 's2', 's3']);
});

test('leaves what the VM was made from, although nothing else stands on it then', () => {
  const forest = forestWith([layerOf('base', null), layerOf('active', 'base')], {
    disks: [diskOf('web', 'active')],
  });
  expect(planDeleteVm(forest, 'web')).toMatchObject({
    goes: ['active'],
    stays: [{ layer: 'base', because: [] }],
  });
});

test('a VM that goes takes nothing that anybody else reads, over random forests', () => {
  let gone = 0;
  fc.assert(
    fc.property(arbitraryModel({ trash: true }), fc.nat(5), (model, which) => {
      const vm = model.vms[which % model.vms.length];
      if (vm === undefined) return;
      const { goes, stays } = planDeleteVm(forestOf(model), vm.id);
      gone += goes.length;
      const left: Model = {
        ...model,
        vms: model.vms.filter(({ id }) => id !== vm.id),
        snapshots: model.snapshots.filter(({ vmId }) => vmId !== vm.id),
      };
      const after: Model = {
        ...left,
        images: model.images.map((image) => (goes.includes(image.id) ? { ...image, trashed: true } : image)),
      };
      expect(brokenPromises(readingsOf(left), readingsOf(after), { images: goes, snapshots: [] })).toEqual(
        [],
      );
      // In the trash each still stands on what it stood on: nothing that goes lies under something that stays.
      for (const image of after.images) if (image.trashed !== true) expect(goes).not.toContain(image.backing);
      expect(stays.some(({ layer }) => goes.includes(layer))).toBe(false);
    }),
    { numRuns: 2000 },
  );
  expect(gone).toBeGreaterThan(200);
});
