import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chainIds, type LayerId } from '../forest.ts';
import { type ChainPlan, contentBlockerCodes, isRefusal, type Refusal } from '../plan.ts';
import {
  allocationOf,
  applyPlan,
  arbitraryModel,
  arbitraryStep,
  brokenPromises,
  deleteRequestOf,
  diskOf,
  forestOf,
  forestWith,
  layerOf,
  type Model,
  readingsOf,
  snapshotOf,
} from '../testing/index.ts';
import { planDelete } from './delete-layer.ts';

const extents = (...lengths: readonly number[]) => lengths.map((length) => [0, length] as const);
const codes = (plan: ChainPlan | Refusal) =>
  isRefusal(plan) ? plan.code : plan.blockers.map((blocker) => blocker.code);
const chain = () => [layerOf('base', null), layerOf('mid', 'base'), layerOf('active', 'mid')];

test('a layer whose backing is lost says so, and not that it has none', () => {
  const lost = layerOf('mid', null, { backingState: 'missing' });
  const forest = forestWith([lost, layerOf('active', 'mid')], { disks: [diskOf('web', 'active')] });
  for (const mode of ['auto', 'commit', 'pull'] as const)
    expect(planDelete(forest, new Map(), { layer: 'mid', mode }), mode).toMatchObject({
      code: 'broken-chain',
    });
});

describe('a layer in the middle', () => {
  const forest = forestWith(chain(), { disks: [diskOf('web', 'active')] });
  const priced = (mid: number, active: number) =>
    planDelete(
      forest,
      new Map([
        ['mid', extents(mid)],
        ['active', extents(active)],
      ]),
      { layer: 'mid', mode: 'auto' },
    );

  test('goes the way that moves fewer bytes, and the other one is priced too', () => {
    const pull = priced(100, 60);
    expect(pull).toMatchObject({ operation: 'delete', method: 'pull', bytesToMove: 40, deletes: ['mid'] });
    expect(pull).toMatchObject({ after: [['active', 'base']] });
    const prices = isRefusal(pull)
      ? []
      : pull.choices.map(({ method, plan }) => [method, isRefusal(plan) ? null : plan.bytesToMove]);
    expect(prices).toEqual([
      ['commit', 100],
      ['pull', 40],
    ]);
    expect(priced(100, 0)).toMatchObject({ method: 'commit', bytesToMove: 100 });
  });

  test('rather moves more than lose a restore point', () => {
    const shown = forestWith(chain(), {
      disks: [diskOf('web', 'active')],
      snapshots: [snapshotOf('clean', 'web', 'base')],
    });
    const plan = planDelete(shown, new Map([['mid', extents(100)]]), { layer: 'mid', mode: 'auto' });
    expect(plan).toMatchObject({ method: 'pull', bytesToMove: 100, losesSnapshots: [] });
    const forced = planDelete(shown, new Map(), { layer: 'mid', mode: 'commit' });
    expect(forced).toMatchObject({ method: 'commit', losesSnapshots: [{ id: 'clean' }] });
  });

  test('with several overlays is pulled into each of them, live where a VM runs', () => {
    const branched = forestWith([...chain(), layerOf('clone', 'mid')], {
      disks: [diskOf('web', 'active', { running: true }), diskOf('twin', 'clone', { running: true })],
    });
    const plan = planDelete(branched, new Map([['mid', extents(10)]]), { layer: 'mid', mode: 'auto' });
    expect(codes(plan)).toEqual([]);
    expect(plan).toMatchObject({ method: 'pull', bytesToMove: 20 });
    expect(isRefusal(plan) ? [] : plan.parts?.map((part) => part.liveVm?.vmId)).toEqual(['web', 'twin']);
  });

  test('loses the restore points that show it, by name, when it is pulled up', () => {
    const shown = forestWith(chain(), { snapshots: [snapshotOf('old', 'web', 'mid')] });
    expect(planDelete(shown, new Map(), { layer: 'mid', mode: 'pull' })).toMatchObject({
      losesSnapshots: [{ id: 'old', name: 'old' }],
    });
  });
});

describe('a layer that nothing stands on', () => {
  test('goes to the trash, and nothing is moved', () => {
    expect(planDelete(forestWith(chain()), new Map(), { layer: 'active', mode: 'auto' })).toMatchObject({
      method: 'trash',
      bytesToMove: 0,
      deletes: ['active'],
      after: [['mid', 'base']],
      nowUnused: ['mid', 'base'],
    });
  });

  test('is committed when a disk needs it, so that the VM goes on below', () => {
    const forest = forestWith(chain(), { disks: [diskOf('web', 'active')] });
    expect(planDelete(forest, new Map(), { layer: 'active', mode: 'auto' })).toMatchObject({
      method: 'commit',
      switches: [{ from: 'active', to: 'mid' }],
      blockers: [],
    });
    expect(codes(planDelete(forest, new Map(), { layer: 'active', mode: 'pull' }))).toEqual(['disk-stands']);
  });
});

test('refuses a base that only a disk needs, with what would lift it', () => {
  const forest = forestWith([layerOf('disk', null)], { disks: [diskOf('web', 'disk')] });
  const plan = planDelete(forest, new Map(), { layer: 'disk', mode: 'auto' });
  expect(codes(plan)).toEqual(['disk-stands']);
  expect(isRefusal(plan) ? '' : plan.blockers[0]?.message).toContain('Remove it from the VM');
});

test('says why neither way is legal', () => {
  const forest = forestWith(
    [
      layerOf('base', null),
      layerOf('mid', 'base', { internalSnapshots: [{ id: '1', tag: 'x' }] }),
      layerOf('active', 'mid'),
      layerOf('clone', 'base'),
    ],
    {},
  );
  expect(codes(planDelete(forest, new Map(), { layer: 'mid', mode: 'auto' }))).toEqual([
    'overlay-stands',
    'internal-snapshots',
  ]);
});

test('while a folder is unread nothing is deleted: nobody knows what stands on it', () => {
  const forest = forestWith(chain(), { complete: false });
  for (const layer of ['mid', 'active'])
    expect(codes(planDelete(forest, new Map(), { layer, mode: 'pull' }))).toContain('forest-incomplete');
});

/** What the plan gives up by name: the layer itself, and below it the base that a commit changes. */
const lossesOf = (plan: ChainPlan) => ({
  images: [...plan.deletes, ...(plan.method === 'commit' ? [plan.grows.layer] : [])],
  snapshots: plan.losesSnapshots.map((snapshot) => snapshot.id),
});

const isContent = (blocker: { code: string }): boolean =>
  contentBlockerCodes.has(blocker.code) || blocker.code === 'snapshot-stands';

const readersOfFile = (model: Model, id: LayerId): boolean =>
  model.vms.some((vm) => [...vm.disks, ...vm.media].some((use) => use.imageId === id)) ||
  model.snapshots.some((snapshot) => snapshot.disks.some((disk) => disk.imageId === id)) ||
  model.images.some((image) => image.id === id && image.internal.length > 0);

test('a deletion: everybody else reads the same, over random forests', () => {
  const done = new Map<string, number>();
  let refusedByFile = 0;
  fc.assert(
    fc.property(arbitraryModel(), arbitraryStep, (model, step) => {
      const request = deleteRequestOf(model, step);
      if (request === null) return;
      const plan = planDelete(forestOf(model), allocationOf(model), request);
      if (isRefusal(plan)) {
        expect(['nothing-below', 'wrong-format']).toContain(plan.code);
        return;
      }
      if (plan.blockers.some(isContent)) {
        // Exact: a file that goes to the trash is refused only where somebody needs that very file.
        if (plan.method !== 'trash') return;
        refusedByFile += 1;
        expect(readersOfFile(model, request.layer)).toBe(true);
        return;
      }
      done.set(plan.method, (done.get(plan.method) ?? 0) + 1);
      const applied = applyPlan(model, plan);
      expect(applied.copiedBytes).toBe(plan.bytesToMove);
      expect(brokenPromises(readingsOf(model), readingsOf(applied.model), lossesOf(plan))).toEqual([]);
      const after = forestOf(applied.model);
      expect(after.layers.has(request.layer)).toBe(false);
      for (const [index, before] of plan.before.entries()) {
        const expected = plan.after[index] ?? [];
        const top = before.find((id) => expected.includes(id));
        if (top !== undefined) expect(chainIds(after, top)).toEqual(expected);
      }
      for (const choice of plan.choices)
        if (request.mode === 'auto' && !isRefusal(choice.plan) && choice.plan.blockers.length === 0)
          expect(plan.losesSnapshots.length <= choice.plan.losesSnapshots.length).toBe(true);
    }),
    { numRuns: 4000 },
  );
  for (const method of ['commit', 'pull', 'trash'])
    expect(done.get(method) ?? 0, method).toBeGreaterThan(100);
  expect(refusedByFile).toBeGreaterThan(50);
});
