import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chainIds } from '../forest.ts';
import { type ChainPlan, type CompactUsage, isRefusal, type Refusal } from '../plan.ts';
import {
  applyPlan,
  arbitraryModel,
  brokenPromises,
  diskOf,
  forestOf,
  forestWith,
  layerOf,
  readingsOf,
} from '../testing/index.ts';
import { planCompact } from './compact.ts';

const MiB = 1024 ** 2;
const usage: CompactUsage = {
  storedBytes: 10 * MiB,
  dataBytes: 9 * MiB,
  zeroBytes: 4 * MiB,
  neededBytes: 6 * MiB,
  exact: true,
  scannedBytes: 9 * MiB,
  compressed: false,
  bitmaps: 0,
  otherNames: 0,
};
const codes = (plan: ChainPlan | Refusal) =>
  isRefusal(plan) ? plan.code : plan.blockers.map((blocker) => blocker.code);
const layers = [layerOf('base', null), layerOf('mid', 'base'), layerOf('active', 'mid')];

describe('compacting a layer', () => {
  test('is priced: what comes back, what is written, and the space for the new file beside the old one', () => {
    const forest = forestWith(layers, { disks: [diskOf('web', 'active')] });
    expect(planCompact(forest, usage, { layer: 'mid' })).toMatchObject({
      method: 'rewrite',
      gain: { bytes: 4 * MiB, exact: true },
      bytesToMove: 5 * MiB,
      grows: { layer: 'mid', bytes: 6 * MiB },
      before: [['active', 'mid', 'base']],
      after: [['active', 'mid', 'base']],
      blockers: [],
    });
  });

  test('of which only a part was read needs space for all of it', () => {
    const sampled = { ...usage, exact: false, scannedBytes: MiB };
    const plan = planCompact(forestWith(layers), sampled, { layer: 'mid' });
    expect(plan).toMatchObject({ gain: { bytes: 4 * MiB, exact: false }, grows: { bytes: 10 * MiB } });
  });

  test('of a raw image punches holes and needs no space', () => {
    const raw = forestWith([layerOf('disk', null, { format: 'raw' })]);
    const plan = planCompact(raw, usage, { layer: 'disk' });
    expect(plan).toMatchObject({ method: 'punch', bytesToMove: 9 * MiB, grows: { bytes: 0 } });
  });

  test('waits for every VM that runs on it, over however many overlays', () => {
    const running = forestWith(layers, { disks: [diskOf('web', 'active', { running: true })] });
    expect(codes(planCompact(running, usage, { layer: 'base' }))).toEqual(['held-by-running-vm']);
    const below = forestWith(layers, { disks: [diskOf('web', 'base', { running: true })] });
    expect(codes(planCompact(below, usage, { layer: 'mid' }))).toEqual(['written-by-running-vm']);
    const asleep = forestWith(layers, { disks: [diskOf('web', 'active', { suspended: true })] });
    expect(codes(planCompact(asleep, usage, { layer: 'mid' }))).toEqual(['vm-suspended']);
  });

  test.each([
    ['compressed', { compressed: true }],
    ['bitmaps', { bitmaps: 2 }],
    ['hard-linked', { otherNames: 1 }],
  ])('is refused for what a new file would not keep: %s', (code, differs) => {
    expect(codes(planCompact(forestWith(layers), { ...usage, ...differs }, { layer: 'mid' }))).toEqual([
      code,
    ]);
  });

  test('is refused for internal snapshots, for a file that may not be written, and where nothing comes back', () => {
    const tagged = forestWith([layerOf('mid', null, { internalSnapshots: [{ id: '1', tag: 'a' }] })]);
    expect(codes(planCompact(tagged, usage, { layer: 'mid' }))).toEqual(['internal-snapshots']);
    const locked = forestWith([layerOf('mid', null, { writable: false })]);
    expect(codes(planCompact(locked, usage, { layer: 'mid' }))).toEqual(['not-writable']);
    const full = { ...usage, neededBytes: 10 * MiB - 1000 };
    expect(codes(planCompact(forestWith(layers), full, { layer: 'mid' }))).toBe('nothing-to-do');
    const vmdk = forestWith([layerOf('disk', null, { format: 'vmdk' })]);
    expect(codes(planCompact(vmdk, usage, { layer: 'disk' }))).toBe('wrong-format');
  });
});

test('nothing that runs or sleeps holds a layer that may be compacted, and every reader reads the same', () => {
  let allowed = 0;
  let blocked = 0;
  fc.assert(
    fc.property(arbitraryModel(), fc.nat(), (model, number) => {
      const image = model.images[number % model.images.length];
      if (image === undefined) return;
      const forest = forestOf(model);
      const plan = planCompact(forest, usage, { layer: image.id });
      if (isRefusal(plan)) throw new Error(plan.message);
      const held = forest.disks.some(
        (disk) => (disk.running || disk.suspended) && chainIds(forest, disk.imageId).includes(image.id),
      );
      if (held) {
        blocked += 1;
        expect(plan.blockers).not.toEqual([]);
      }
      if (plan.blockers.length > 0) return;
      allowed += 1;
      const after = applyPlan(model, plan).model;
      const nothing = { images: [], snapshots: [] };
      expect(brokenPromises(readingsOf(model), readingsOf(after), nothing)).toEqual([]);
      for (const chain of plan.after) expect(chainIds(forestOf(after), chain[0] ?? '')).toEqual(chain);
    }),
  );
  expect(allowed).toBeGreaterThan(20);
  expect(blocked).toBeGreaterThan(5);
});
