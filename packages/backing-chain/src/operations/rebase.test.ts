import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chainIds } from '../forest.ts';
import { type ChainPlan, contentBlockerCodes, isRefusal, type Refusal } from '../plan.ts';
import {
  allocationOf,
  applyPlan,
  arbitraryModel,
  arbitraryStep,
  brokenPromises,
  diskOf,
  forestOf,
  forestWith,
  layerOf,
  type Model,
  readingsOf,
  rebaseRequestOf,
} from '../testing/index.ts';
import { planRebase } from './rebase.ts';

const codes = (plan: ChainPlan | Refusal) =>
  isRefusal(plan) ? plan.code : plan.blockers.map((blocker) => blocker.code);
const layers = () => [
  layerOf('base', null),
  layerOf('mid', 'base'),
  layerOf('active', 'mid'),
  layerOf('other', null),
  layerOf('branch', 'base'),
];
const safe = { layer: 'active', mode: 'safe' } as const;

describe('a safe rebase', () => {
  test('onto a layer of its own chain is a pull, live when the VM runs', () => {
    const forest = forestWith(layers(), { disks: [diskOf('web', 'active', { running: true })] });
    expect(planRebase(forest, new Map(), { ...safe, backing: 'base' })).toMatchObject({
      operation: 'rebase',
      method: 'pull',
      liveVm: { vmId: 'web' },
      after: [['active', 'base']],
      nowUnused: ['mid'],
      blockers: [],
    });
  });

  test('onto something else copies at most what the two chains show differently', () => {
    const allocation = new Map([
      ['active', [[0, 10]] as const],
      ['mid', [[5, 10]] as const],
      ['base', [[40, 10]] as const],
      ['branch', [[60, 5]] as const],
    ]);
    expect(planRebase(forestWith(layers()), allocation, { ...safe, backing: 'branch' })).toMatchObject({
      method: 'copy',
      liveVm: null,
      // 10 … 15 of mid, and 60 … 65 where branch would show through; what base holds reads the same.
      bytesToMove: 10,
      moves: [{ from: 'mid', to: 'active', bytes: 5 }],
      before: [['active', 'mid', 'base']],
      after: [['active', 'branch', 'base']],
      relinks: [{ layer: 'active', from: 'mid', to: 'branch' }],
      nowUnused: ['mid'],
    });
  });

  test('onto something else is refused while a VM holds the layer, and onto a layer that a disk writes', () => {
    const running = forestWith(layers(), { disks: [diskOf('web', 'active', { running: true })] });
    expect(codes(planRebase(running, new Map(), { ...safe, backing: 'other' }))).toEqual([
      'held-by-running-vm',
    ]);
    const written = forestWith(layers(), { disks: [diskOf('web', 'other')] });
    expect(codes(planRebase(written, new Map(), { ...safe, backing: 'other' }))).toEqual([
      'backing-is-active',
    ]);
  });

  test.each([
    ['base', 'active', 'would-loop'],
    ['active', 'mid', 'nothing-to-do'],
    ['base', null, 'nothing-to-do'],
    ['active', 'gone', 'unknown-layer'],
    ['gone', 'base', 'unknown-layer'],
  ])('of %s onto %s is refused: %s', (layer, backing, code) => {
    expect(codes(planRebase(forestWith(layers()), new Map(), { layer, backing, mode: 'safe' }))).toBe(code);
  });

  test('is refused where what the layer reads cannot be read', () => {
    const broken = forestWith([layerOf('lost', null, { backingState: 'missing' }), layerOf('other', null)]);
    const request = { layer: 'lost', backing: 'other', mode: 'safe' } as const;
    expect(codes(planRebase(broken, new Map(), request))).toBe('broken-chain');
  });
});

describe('a relink', () => {
  const lost = forestWith([layerOf('lost', null, { backingState: 'missing' }), layerOf('other', null)]);
  const request = { layer: 'lost', backing: 'other', mode: 'relink' } as const;

  test('moves nothing, and is compared with the old backing while that is there', () => {
    const plan = planRebase(forestWith(layers()), new Map(), {
      layer: 'active',
      backing: 'other',
      mode: 'relink',
      assumeSame: true,
    });
    expect(plan).toMatchObject({ method: 'relink', bytesToMove: 0, compared: true, blockers: [] });
  });

  test('to a backing that nobody can compare needs somebody to say that it is the same', () => {
    expect(codes(planRebase(lost, new Map(), request))).toEqual(['not-compared']);
    const plan = planRebase(lost, new Map(), { ...request, assumeSame: true });
    expect(plan).toMatchObject({ compared: false, blockers: [], after: [['lost', 'other']] });
  });

  test('to nothing, or of a base, is refused', () => {
    const forest = forestWith(layers());
    const relink = { mode: 'relink' } as const;
    expect(codes(planRebase(forest, new Map(), { ...relink, layer: 'active', backing: null }))).toBe(
      'nothing-to-do',
    );
    expect(codes(planRebase(forest, new Map(), { ...relink, layer: 'base', backing: 'other' }))).toBe(
      'nothing-below',
    );
  });
});

/** Every layer full of a byte of its own: then whatever may differ does. */
const filled = (model: Model): Model => ({
  ...model,
  images: model.images.map((image, index) => ({
    ...image,
    clusters: Object.fromEntries(Object.keys(image.clusters).map((cluster) => [cluster, index + 1])),
  })),
});

test('a safe rebase: everybody reads the same, over random forests, and the price is exact for layers that differ', () => {
  const done = new Map<string, number>();
  fc.assert(
    fc.property(arbitraryModel(), arbitraryStep, (shape, step) => {
      const model = step.first % 2 === 0 ? shape : filled(shape);
      const request = rebaseRequestOf(model, { ...step, flag: true });
      if (request === null) return;
      const plan = planRebase(forestOf(model), allocationOf(model), request);
      if (isRefusal(plan)) {
        expect(['wrong-format', 'would-loop', 'nothing-to-do']).toContain(plan.code);
        return;
      }
      if (plan.blockers.some(({ code }) => contentBlockerCodes.has(code))) return;
      done.set(plan.method, (done.get(plan.method) ?? 0) + 1);
      const applied = applyPlan(model, plan);
      if (plan.method === 'pull' || model !== shape) expect(applied.copiedBytes).toBe(plan.bytesToMove);
      expect(applied.copiedBytes).toBeLessThanOrEqual(plan.bytesToMove);
      const nothing = { images: [], snapshots: [] };
      expect(brokenPromises(readingsOf(model), readingsOf(applied.model), nothing)).toEqual([]);
      const after = forestOf(applied.model);
      for (const chain of plan.after) expect(chainIds(after, chain[0] ?? '')).toEqual(chain);
    }),
    { numRuns: 4000 },
  );
  expect(done.get('pull') ?? 0).toBeGreaterThan(50);
  expect(done.get('copy') ?? 0).toBeGreaterThan(500);
});

test('the internal snapshots that refuse a safe rebase would read something else', () => {
  let seen = 0;
  fc.assert(
    fc.property(arbitraryModel(), arbitraryStep, (shape, step) => {
      const model = filled({
        ...shape,
        images: shape.images.map((image) => ({
          ...image,
          // Of one length: the zeros behind an end would be copied as well, and hide nothing.
          length: 8,
          internal: image.internal.map((tag) => ({ ...tag, length: 8, clusters: {} })),
        })),
      });
      const request = rebaseRequestOf(model, { ...step, flag: true });
      const plan = request === null ? null : planRebase(forestOf(model), allocationOf(model), request);
      if (plan === null || isRefusal(plan) || plan.bytesToMove === 0) return;
      if (!plan.blockers.some(({ code }) => code === 'internal-snapshots')) return;
      seen += 1;
      const broken = brokenPromises(readingsOf(model), readingsOf(applyPlan(model, plan).model), {
        images: [],
        snapshots: [],
      });
      expect(broken.length).toBeGreaterThan(0);
    }),
    { numRuns: 8000 },
  );
  expect(seen).toBeGreaterThan(10);
});
