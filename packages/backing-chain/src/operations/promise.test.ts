import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LayerId } from '../forest.ts';
import { type ChainPlan, contentBlockerCodes, isRefusal } from '../plan.ts';
import {
  allocationOf,
  applyPlan,
  applyRevert,
  applyStep,
  arbitraryModel,
  arbitraryStep,
  brokenPromises,
  commitRequestOf,
  forestOf,
  type Model,
  type ModelImage,
  pullRequestOf,
  readingsOf,
  revertRequestOf,
} from '../testing/index.ts';
import { commitRefusal, planCommit } from './commit.ts';
import { planPull, pullRefusal } from './pull.ts';
import { planRevert } from './revert.ts';

const runs = { numRuns: 4000 };
const isContent = (blocker: { code: string }): boolean => contentBlockerCodes.has(blocker.code);

const lossesOf = (plan: ChainPlan) => ({
  images: [...plan.deletes, ...(plan.operation === 'commit' ? [plan.grows.layer] : [])],
  snapshots: plan.losesSnapshots.map((snapshot) => snapshot.id),
});

function keepsItsPromise(model: Model, plan: ChainPlan): void {
  const applied = applyPlan(model, plan);
  expect(applied.copiedBytes).toBe(plan.bytesToMove);
  expect(plan.moves.reduce((sum, move) => sum + move.bytes, 0)).toBe(plan.bytesToMove);
  expect(brokenPromises(readingsOf(model), readingsOf(applied.model), lossesOf(plan))).toEqual([]);
  const before = allocatedBytes(model, plan.grows.layer);
  // The tables that point to the data come on top. Zeros behind the old end of a base that grows are tables only.
  const size = (of: Model) => forestOf(of).layers.get(plan.grows.layer)?.virtualSize;
  if (size(model) === size(applied.model))
    expect(allocatedBytes(applied.model, plan.grows.layer) - before).toBeLessThanOrEqual(plan.grows.bytes);
  const after = forestOf(applied.model);
  for (const id of plan.nowUnused) expect(after.layers.has(id)).toBe(true);
}

const allocatedBytes = (model: Model, id: LayerId): number =>
  (allocationOf(model).get(id) ?? []).reduce((sum, [, length]) => sum + length, 0);

/** Locks do not change bytes: content is judged for every plan that no reader of content blocks. */
describe('what nobody agreed to lose reads the same afterwards', () => {
  test('a commit', () => {
    let carriedOut = 0;
    fc.assert(
      fc.property(arbitraryModel({ trash: true }), arbitraryStep, (model, step) => {
        const request = commitRequestOf(model, step);
        if (request === null) return;
        const plan = planCommit(forestOf(model), allocationOf(model), request);
        if (isRefusal(plan)) throw new Error(plan.message);
        if (plan.blockers.some(isContent)) return;
        carriedOut += 1;
        keepsItsPromise(model, plan);
      }),
      runs,
    );
    expect(carriedOut).toBeGreaterThan(runs.numRuns / 10);
  });

  test('a pull', () => {
    let carriedOut = 0;
    fc.assert(
      fc.property(arbitraryModel({ trash: true }), arbitraryStep, (model, step) => {
        const request = pullRequestOf(model, step);
        if (request === null) return;
        const plan = planPull(forestOf(model), allocationOf(model), request);
        if (isRefusal(plan)) throw new Error(plan.message);
        if (plan.blockers.some(isContent)) return;
        carriedOut += 1;
        keepsItsPromise(model, plan);
      }),
      runs,
    );
    expect(carriedOut).toBeGreaterThan(runs.numRuns / 10);
  });

  test('a revert', () => {
    let carriedOut = 0;
    fc.assert(
      fc.property(arbitraryModel({ trash: true }), arbitraryStep, (model, step) => {
        const request = revertRequestOf(model, step);
        if (request === null) return;
        const plan = planRevert(forestOf(model), request);
        if (isRefusal(plan)) throw new Error(plan.message);
        carriedOut += 1;
        const after = readingsOf(applyRevert(model, plan, 'kept', (diskId) => `new-${diskId}`));
        const before = readingsOf(model);
        const reverted = request.disks.map((disk) => `disk ${request.vmId} ${disk.diskId}`);
        const losses = {
          images: plan.deletes,
          snapshots: plan.losesSnapshots.map((snapshot) => snapshot.id),
        };
        const broken = brokenPromises(before, after, losses);
        expect(broken.filter((reader) => !reverted.includes(reader))).toEqual([]);
        for (const { diskId, imageId } of request.disks) {
          expect(after.get(`disk ${request.vmId} ${diskId}`)).toEqual(before.get(`image ${imageId}`));
          if (request.keepCurrent)
            expect(after.get(`snapshot kept ${diskId}`)).toEqual(
              before.get(`disk ${request.vmId} ${diskId}`),
            );
        }
      }),
      runs,
    );
    expect(carriedOut).toBeGreaterThan(runs.numRuns / 10);
  });
});

/** The same forest, filled so that whatever can be seen to change does: see each use. */
const filled = (model: Model, isFull: (image: ModelImage) => boolean): Model => ({
  ...model,
  images: model.images.map((image, index) => ({
    ...image,
    clusters: isFull(image)
      ? Object.fromEntries(Array.from({ length: image.length }, (_, cluster) => [cluster, index + 1]))
      : {},
    internal: image.internal.map((tag) => ({ ...tag, clusters: {} })),
  })),
});

/**
 * Which blockers are about content is in `contentBlockerCodes`. A blocker must hold for every content the guest may
 * have written, so "exact" means: there is a filling of the same forest for which the operation, carried out
 * all the same, changes what the blocker's own subject reads.
 */
describe('refusals are exact', () => {
  test('each content blocker of a commit names a reader that would read other bytes', () => {
    let seen = 0;
    fc.assert(
      fc.property(arbitraryModel({ trash: true }), arbitraryStep, (shape, step) => {
        const request = commitRequestOf(shape, step);
        if (request === null) return;
        const model = filled(shape, (image) => image.id === request.top || image.id === request.base);
        const plan = planCommit(forestOf(model), allocationOf(model), request);
        if (isRefusal(plan)) throw new Error(plan.message);
        const losses = lossesOf(plan);
        const kept = readingsOf(applyPlan(model, plan, { unlink: false }).model);
        const broken = brokenPromises(readingsOf(model), kept, { ...losses, images: [] });
        for (const blocker of plan.blockers.filter(isContent)) {
          for (const subject of blocker.subjects) {
            seen += 1;
            // A medium in `top` loses its file rather than its bytes.
            const lostMedium =
              blocker.code === 'media-stands' &&
              model.vms.some(
                (vm) => vm.id === subject.id && vm.media.some((use) => plan.deletes.includes(use.imageId)),
              );
            // A deleted image on `top` too.
            const lostBacking =
              blocker.code === 'trash-stands' &&
              plan.deletes.includes(model.images.find(({ id }) => id === subject.id)?.backing ?? '');
            const reader = broken.find((name) => name.split(' ')[1]?.startsWith(subject.id));
            if (!lostMedium && !lostBacking) expect(reader, `${blocker.code} ${subject.id}`).toBeDefined();
          }
        }
      }),
      runs,
    );
    expect(seen).toBeGreaterThan(100);
  });

  test('each content blocker of a pull names a reader that would read other bytes', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(arbitraryModel({ trash: true }), arbitraryStep, (shape, step) => {
        const request = pullRequestOf(shape, step);
        if (request === null) return;
        const model = filled(shape, (image) => image.id !== request.into);
        const plan = planPull(forestOf(model), allocationOf(model), request);
        if (isRefusal(plan)) throw new Error(plan.message);
        const broken = brokenPromises(
          readingsOf(model),
          readingsOf(applyPlan(model, plan).model),
          lossesOf(plan),
        );
        const readers = {
          'size-differs': `image ${request.into}`,
          'internal-snapshots': /^(tag|snapshot) /,
        } as const;
        for (const { code } of plan.blockers.filter(isContent)) {
          seen.add(code);
          const reader = readers[code as keyof typeof readers];
          expect(
            broken.some((name) => name.match(reader) !== null),
            code,
          ).toBe(true);
        }
      }),
      runs,
    );
    expect([...seen].sort()).toEqual(['internal-snapshots', 'size-differs']);
  });

  test('the button and the plan give the same reasons', () => {
    fc.assert(
      fc.property(arbitraryModel({ trash: true }), arbitraryStep, (model, step) => {
        const forest = forestOf(model);
        const commit = commitRequestOf(model, step);
        const pull = pullRequestOf(model, step);
        if (commit === null || pull === null) return;
        const plans = [
          [planCommit(forest, allocationOf(model), commit), commitRefusal(forest, commit)],
          [planPull(forest, allocationOf(model), pull), pullRefusal(forest, pull)],
        ] as const;
        for (const [plan, impediment] of plans)
          expect(isRefusal(plan) ? plan : plan.blockers).toEqual(impediment ?? []);
      }),
    );
  });
});

test('a restore point reads the same through any sequence of writes and of all operations, internal snapshots included', () => {
  const changes = new Map<string, number>();
  fc.assert(
    fc.property(
      arbitraryModel({ states: false, trash: true }),
      fc.array(arbitraryStep, { minLength: 10, maxLength: 25 }),
      (start, steps) => {
        let model = start;
        const shown = new Map<string, readonly number[]>();
        for (const [number, step] of steps.entries()) {
          for (const [reader, value] of readingsOf(model))
            if (reader.startsWith('snapshot ') && !shown.has(reader)) shown.set(reader, value);
          const next = applyStep(model, step, number);
          if (next !== model) changes.set(step.kind, (changes.get(step.kind) ?? 0) + 1);
          const before = readingsOf(model);
          const after = readingsOf(next);
          for (const [reader, value] of after) {
            if (reader.startsWith('snapshot ')) expect(value).toEqual(shown.get(reader) ?? value);
            if (/^(trash|tag) /.test(reader)) expect(value).toEqual(before.get(reader) ?? value);
            if (reader.startsWith('disk ') && !['write', 'revert', 'promote'].includes(step.kind))
              expect(value).toEqual(before.get(reader) ?? value);
          }
          model = next;
        }
      },
    ),
    { numRuns: 500 },
  );
  for (const kind of [
    'write',
    'snapshot',
    'branch',
    'trash',
    'restore',
    'revert',
    'commit',
    'pull',
    'delete',
    'rebase',
    'promote',
    'flatten',
    'compact',
    'copy',
    'clone',
    'tag',
    'forget',
  ])
    expect(changes.get(kind) ?? 0, kind).toBeGreaterThan(50);
});
