import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chainIds, type Forest, type LayerId } from '../forest.ts';
import { impedimentWords, isRefusal, type SnapshotsRequest } from '../plan.ts';
import {
  allocationOf,
  applyDeleteSnapshots,
  applyPlan,
  arbitraryModel,
  arbitraryStep,
  brokenPromises,
  diskOf,
  forestOf,
  forestWith,
  imageOf,
  layerOf,
  readingsOf,
  snapshotOf,
  snapshotsRequestOf,
} from '../testing/index.ts';
import { worldAfter } from '../world.ts';
import { type DeleteSnapshotsPlan, deleteSnapshotRefusal, planDeleteSnapshots } from './delete-snapshots.ts';

type Held = Readonly<Record<LayerId, readonly [start: number, length: number]>>;

const planned = (
  forest: Forest,
  held: Held,
  snapshotIds: readonly string[],
  mode: SnapshotsRequest['mode'] = 'auto',
): DeleteSnapshotsPlan => {
  const allocation = new Map(Object.entries(held).map(([id, extent]) => [id, [extent]] as const));
  const plan = planDeleteSnapshots({ forest, allocation }, { snapshotIds, mode });
  if (isRefusal(plan)) throw new Error(plan.message);
  return plan;
};
const requests = (plan: DeleteSnapshotsPlan) => plan.merges.map(({ request }) => request);
const codes = (plan: DeleteSnapshotsPlan) => plan.blockers.map(({ code }) => code);

/** base ← l1 ● ← l2 ● ← l3 ● ← active, the VM writes active. */
const layers = () => [
  layerOf('base', null),
  layerOf('l1', 'base'),
  layerOf('l2', 'l1'),
  layerOf('l3', 'l2'),
  layerOf('active', 'l3'),
];
const snapshots = ['1', '2', '3'].map((number) => snapshotOf(`s${number}`, 'web', `l${number}`));
const line = (differs: Partial<Forest> = {}) =>
  forestWith(layers(), { disks: [diskOf('web', 'active')], snapshots, ...differs });

describe('a snapshot in the middle, with one layer on it', () => {
  test('goes up into that layer when this moves fewer bytes', () => {
    const plan = planned(line(), { l2: [0, 10], l3: [100, 50] }, ['s2']);
    expect(requests(plan)).toEqual([{ operation: 'pull', into: 'l3', from: 'l2' }]);
    expect(plan).toMatchObject({ mode: 'pull', bytesToMove: 10, deletes: ['l2'] });
    expect(plan.disposals).toEqual([{ layer: 'l2', toTrash: false }]);
    expect(plan.after).toEqual([['active', 'l3', 'l1', 'base']]);
    expect(plan.repointsSnapshots).toEqual([]);
  });

  test('takes that layer down into itself when this moves fewer bytes; its snapshot goes on from there', () => {
    const plan = planned(line(), { l2: [0, 100], l3: [200, 50] }, ['s2']);
    expect(requests(plan)).toEqual([{ operation: 'commit', top: 'l3', base: 'l2' }]);
    expect(plan).toMatchObject({ mode: 'commit', bytesToMove: 50, deletes: ['l3'], disposals: [] });
    expect(plan.repointsSnapshots).toEqual([{ snapshotId: 's3', from: 'l3', to: 'l2' }]);
    expect(plan.losesSnapshots).toEqual([{ id: 's2', name: 's2' }]);
  });

  test('below the layer that a VM writes: the VM continues on the layer of the snapshot', () => {
    const plan = planned(line(), { l3: [0, 100] }, ['s3']);
    expect(requests(plan)).toEqual([{ operation: 'commit', top: 'active', base: 'l3' }]);
    expect(plan.switches).toEqual([{ vmId: 'web', diskId: 'web-disk', from: 'active', to: 'l3' }]);
  });

  test('is done the way one wishes', () => {
    expect(planned(line(), { l2: [0, 100] }, ['s2'], 'pull')).toMatchObject({
      mode: 'pull',
      bytesToMove: 100,
    });
    expect(planned(line(), { l3: [0, 100] }, ['s2'], 'commit')).toMatchObject({
      mode: 'commit',
      bytesToMove: 100,
    });
  });

  test('is pulled up where a commit would take an internal snapshot with it', () => {
    const tagged = layers().map((layer) =>
      layer.id === 'active' ? { ...layer, internalSnapshots: [{ id: '1', tag: 'x' }] } : layer,
    );
    const forest = forestWith(tagged, { disks: [diskOf('web', 'active')], snapshots });
    const plan = planned(forest, { l3: [0, 100] }, ['s3']);
    // Into a layer that holds a tag nothing can be pulled either.
    expect(codes(plan)).toEqual(['internal-snapshots', 'internal-snapshots']);
    expect(codes(planned(forest, { l2: [0, 100] }, ['s2']))).toEqual([]);
  });
});

describe('a snapshot with several layers on it', () => {
  const forest = () =>
    line({
      layers: new Map([...layers(), layerOf('branch', 'l2')].map((layer) => [layer.id, layer])),
      disks: [diskOf('web', 'active', { running: true }), diskOf('twin', 'branch', { running: true })],
    });

  test('goes up into each of them, in the VM that runs on it', () => {
    const plan = planned(forest(), { l2: [0, 10] }, ['s2']);
    expect(requests(plan)).toEqual([
      { operation: 'pull', into: 'l3', from: 'l2' },
      { operation: 'pull', into: 'branch', from: 'l2' },
    ]);
    expect(plan.bytesToMove).toBe(20);
    expect(plan.parts?.map((part) => part.liveVm?.vmId)).toEqual(['web', 'twin']);
  });

  test('takes nothing down: the others would change', () => {
    const plan = planned(forest(), {}, ['s2'], 'commit');
    expect(codes(plan)).toEqual(['overlay-stands']);
    expect(plan.blockers[0]?.message).toContain('“l3.qcow2”, “branch.qcow2”');
  });
});

describe('what something else needs', () => {
  test('a layer that another snapshot shows stays, and nothing is moved', () => {
    const forest = line({ snapshots: [...snapshots, snapshotOf('also', 'web', 'l2')] });
    const plan = planned(forest, { l2: [0, 10] }, ['s2']);
    expect(plan).toMatchObject({ merges: [], deletes: [], blockers: [] });
    expect(plan.keeps).toEqual([{ layer: 'l2', because: 'The snapshot “also” of the VM “web” shows it.' }]);
  });

  test('with nothing on it the file goes to the trash', () => {
    const forest = line({
      layers: new Map([...layers(), layerOf('leaf', 'l1')].map((layer) => [layer.id, layer])),
      snapshots: [...snapshots, snapshotOf('end', 'web', 'leaf')],
    });
    const plan = planned(forest, { leaf: [0, 10] }, ['end']);
    expect(plan).toMatchObject({ method: 'trash', bytesToMove: 0, blockers: [] });
    expect(plan.disposals).toEqual([{ layer: 'leaf', toTrash: true }]);
  });

  test('a layer under something in the trash is pulled, and goes to the trash itself', () => {
    const trashed = [{ trashId: 't', name: 'thrown away', imageId: 'l2' }];
    const plan = planned(line({ trashed }), { l3: [0, 1], l2: [10, 100] }, ['s2']);
    expect(plan).toMatchObject({ mode: 'pull', blockers: [] });
    expect(plan.disposals).toEqual([{ layer: 'l2', toTrash: true }]);
  });

  test('a base that was pulled goes to the trash', () => {
    const forest = line({ snapshots: [snapshotOf('s0', 'web', 'base')] });
    expect(planned(forest, { l1: [0, 100] }, ['s0']).disposals).toEqual([{ layer: 'base', toTrash: true }]);
  });

  test('while a folder is unread no layer is merged', () => {
    expect(codes(planned(line({ complete: false }), {}, ['s2']))).toContain('forest-incomplete');
  });
});

describe('several at once', () => {
  test('are one run, each byte moved once, into the layer that shows most', () => {
    const plan = planned(line(), { l1: [0, 30], l2: [100, 500], l3: [700, 20], active: [800, 5] }, [
      's1',
      's2',
      's3',
    ]);
    expect(requests(plan)).toEqual([
      { operation: 'commit', top: 'active', base: 'l2' },
      { operation: 'pull', into: 'l2', from: 'l1' },
    ]);
    expect(plan.bytesToMove).toBe(55);
    expect(plan.after).toEqual([['l2', 'base']]);
  });

  test('internal snapshots in the way are told by the names of the snapshots, and by their tags where nobody shows them', () => {
    const tags = ['strata-mail-1', 'savevm'].map((tag, index) => ({ id: String(index), tag }));
    const forest = line({
      layers: new Map(
        layers()
          .map((layer) => (layer.id === 'active' ? { ...layer, internalSnapshots: tags } : layer))
          .map((layer) => [layer.id, layer]),
      ),
      snapshots: [
        ...snapshots,
        { ...snapshotOf('inside', 'web', 'active', 'strata-mail-1'), name: 'mail is up' },
      ],
    });
    const plan = planned(forest, {}, ['s3'], 'pull');
    expect(plan.blockers.map(({ message }) => message)).toEqual([
      '“active.qcow2” holds internal snapshots (“mail is up”, “savevm”) that read through its backing and would show other data. Delete or extract them first.',
    ]);
  });

  test('a leaf goes first, so that what it stood on has one layer on it', () => {
    const forest = line({
      layers: new Map([...layers(), layerOf('leaf', 'l2')].map((layer) => [layer.id, layer])),
      snapshots: [...snapshots, snapshotOf('end', 'web', 'leaf')],
    });
    const plan = planned(forest, { l2: [0, 10], l3: [100, 50], leaf: [0, 9] }, ['s2', 'end']);
    expect(requests(plan)).toEqual([{ operation: 'pull', into: 'l3', from: 'l2' }]);
    expect(plan.disposals.map(({ layer }) => layer)).toEqual(['leaf', 'l2']);
  });
});

test('whatever restore points go, everything else reads the same, over random forests', () => {
  const done = new Map<string, number>();
  fc.assert(
    fc.property(arbitraryModel({ trash: true }), arbitraryStep, (model, step) => {
      const request = snapshotsRequestOf(model, step);
      if (request === null) return;
      const world = { forest: forestOf(model), allocation: allocationOf(model) };
      const plan = planDeleteSnapshots(world, request);
      if (isRefusal(plan)) throw new Error(plan.message);
      if (plan.blockers.length > 0) return;
      for (const { request: merge } of plan.merges)
        done.set(merge.operation, (done.get(merge.operation) ?? 0) + 1);
      if (plan.disposals.some(({ toTrash }) => toTrash)) done.set('trash', (done.get('trash') ?? 0) + 1);
      if (plan.merges.length > 1) done.set('several', (done.get('several') ?? 0) + 1);
      const applied = applyDeleteSnapshots(model, plan);
      expect(applied.copiedBytes).toBe(plan.bytesToMove);
      const changed = plan.merges.flatMap((merge) =>
        merge.request.operation === 'commit' ? [merge.request.base] : [],
      );
      const losses = { images: [...plan.deletes, ...changed], snapshots: request.snapshotIds };
      expect(brokenPromises(readingsOf(model), readingsOf(applied.model), losses)).toEqual([]);
      const after = forestOf(applied.model);
      for (const chain of plan.after)
        for (const [index, id] of chain.entries())
          expect(after.layers.get(id)?.backingId ?? null).toBe(chain[index + 1] ?? null);
      for (const { vmId, diskId, to } of plan.switches)
        expect(after.disks.find((disk) => disk.vmId === vmId && disk.diskId === diskId)?.imageId).toBe(to);
    }),
    { numRuns: 6000 },
  );
  for (const what of ['commit', 'pull', 'trash', 'several'])
    expect(done.get(what) ?? 0, what).toBeGreaterThan(50);
});

test('what stands in the way of one is known without its price, in the same words, over random forests', () => {
  const seen = { free: 0, blocked: 0 };
  fc.assert(
    fc.property(arbitraryModel({ trash: true }), (model) => {
      const world = { forest: forestOf(model), allocation: allocationOf(model) };
      for (const id of new Set(world.forest.snapshots.map(({ snapshotId }) => snapshotId))) {
        const shown = world.forest.snapshots.flatMap((use) => (use.snapshotId === id ? [use.imageId] : []));
        const inOneChain = shown.some((layer) =>
          chainIds(world.forest, layer)
            .slice(1)
            .some((below) => shown.includes(below)),
        );
        if (inOneChain) continue;
        const plan = planDeleteSnapshots(world, { snapshotIds: [id], mode: 'auto' });
        const messages = isRefusal(plan) ? [plan.message] : plan.blockers.map(({ message }) => message);
        const known = deleteSnapshotRefusal(world.forest, id);
        seen[messages.length === 0 ? 'free' : 'blocked'] += 1;
        if (messages.length === 0) expect(known).toBeNull();
        for (const message of messages) expect(impedimentWords(known)).toContain(message);
      }
    }),
    { numRuns: 2000 },
  );
  expect(Math.min(seen.free, seen.blocked)).toBeGreaterThan(100);
});

test('what a merge leaves is foretold: links, sizes, what each layer holds, and who shows it', () => {
  let merges = 0;
  fc.assert(
    fc.property(arbitraryModel({ states: false }), arbitraryStep, (model, step) => {
      const request = snapshotsRequestOf(model, step);
      if (request === null) return;
      const plan = planDeleteSnapshots({ forest: forestOf(model), allocation: allocationOf(model) }, request);
      if (isRefusal(plan) || plan.blockers.length > 0) return;
      for (const merge of plan.merges.slice(0, 1)) {
        merges += 1;
        const lost = new Set(request.snapshotIds);
        const bare = { ...model, snapshots: model.snapshots.filter(({ id }) => !lost.has(id)) };
        const foretold = worldAfter({ forest: forestOf(bare), allocation: allocationOf(bare) }, merge.plan);
        const { model: next } = applyPlan(bare, merge.plan);
        const seen = forestOf(next);
        expect([...foretold.forest.layers.keys()]).toEqual([...seen.layers.keys()]);
        for (const [id, { backingId, virtualSize }] of seen.layers) {
          expect(foretold.forest.layers.get(id)).toMatchObject({ backingId, virtualSize });
          if (imageOf(next, id).trashed !== true)
            expect(foretold.allocation.get(id) ?? []).toEqual(allocationOf(next).get(id));
        }
        expect(foretold.forest.disks).toEqual(seen.disks);
        expect(foretold.forest.snapshots).toEqual(seen.snapshots);
      }
    }),
    { numRuns: 3000 },
  );
  expect(merges).toBeGreaterThan(100);
});
