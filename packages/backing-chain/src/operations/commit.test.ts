import { describe, expect, test } from 'vitest';
import type { Layer } from '../forest.ts';
import { type ChainPlan, impedimentWords, isRefusal, type Refusal } from '../plan.ts';
import { diskOf, forestWith, layerOf, snapshotOf } from '../testing/index.ts';
import { commitRefusal, planCommit } from './commit.ts';

const chain = (differs: Record<string, Partial<Layer>> = {}) => [
  layerOf('base', null, differs.base),
  layerOf('s1', 'base', differs.s1),
  layerOf('s2', 's1', differs.s2),
  layerOf('active', 's2', differs.active),
];
const codes = (plan: ChainPlan | Refusal) =>
  isRefusal(plan) ? plan.code : plan.blockers.map((blocker) => blocker.code);
const s2ToBase = { top: 's2', base: 'base' };
const planned = (plan: ChainPlan | Refusal): ChainPlan => {
  if (isRefusal(plan)) throw new Error(plan.message);
  return plan;
};

test('an intermediate commit: overlays go on from the base, files between go, snapshots are kept or lost by name', () => {
  const forest = forestWith(chain(), {
    disks: [diskOf('web', 'active', { running: true })],
    snapshots: [snapshotOf('first', 'web', 's1'), snapshotOf('second', 'web', 's2')],
  });
  const allocation = new Map([
    ['base', [[0, 100]] as const],
    ['s1', [[50, 100]] as const],
    ['s2', [[140, 30]] as const],
  ]);
  expect(planned(planCommit(forest, allocation, s2ToBase))).toEqual({
    operation: 'commit',
    liveVm: { vmId: 'web', vmName: 'web', diskId: 'web-disk' },
    before: [['active', 's2', 's1', 'base']],
    after: [['active', 'base']],
    moves: [
      { from: 's2', to: 'base', bytes: 30 },
      { from: 's1', to: 'base', bytes: 90 },
    ],
    bytesToMove: 120,
    course: [
      [50, 0],
      [170, 120],
    ],
    grows: { layer: 'base', bytes: 70 },
    deletes: ['s2', 's1'],
    losesSnapshots: [{ id: 'first', name: 'first' }],
    repointsSnapshots: [{ snapshotId: 'second', from: 's2', to: 'base' }],
    relinks: [{ layer: 'active', from: 's2', to: 'base' }],
    switches: [],
    nowUnused: [],
    blockers: [],
  });
});

test('an active commit: the VM goes on from the base', () => {
  const forest = forestWith(chain(), { disks: [diskOf('web', 'active')] });
  const plan = planned(planCommit(forest, new Map(), { top: 'active', base: 's2' }));
  expect(plan.liveVm).toBeNull();
  expect(plan.switches).toEqual([{ vmId: 'web', diskId: 'web-disk', from: 'active', to: 's2' }]);
  expect(plan.after).toEqual([['s2', 's1', 'base']]);
});

test('a sibling on the top of the range is re-linked', () => {
  const forest = forestWith([...chain(), layerOf('sibling', 's2')]);
  const plan = planned(planCommit(forest, new Map(), s2ToBase));
  expect(plan.blockers).toEqual([]);
  expect(plan.relinks.map((relink) => relink.layer)).toEqual(['active', 'sibling']);
});

test('the upper bound of growth counts whole clusters, and the tables that point to them', () => {
  const forest = forestWith(chain({ base: { clusterSize: 64 } }));
  const plan = planned(planCommit(forest, new Map([['s2', [[60, 10]] as const]]), s2ToBase));
  // Two clusters of data, an L2 table of 64 / 8 entries, and two refcount blocks.
  expect(plan.grows.bytes).toBe(2 * 64 + 64 + 2 * 64);
});

test('tags inside merged files are lost by name, tags inside the base are kept', () => {
  const tag = (name: string) => ({ internalSnapshots: [{ id: '1', tag: name }] });
  const forest = forestWith(chain({ base: tag('old'), s1: tag('mid'), s2: tag('claimed') }), {
    snapshots: [snapshotOf('inner', 'web', 's2', 'claimed'), snapshotOf('kept', 'web', 'base', 'old')],
  });
  const plan = planned(planCommit(forest, new Map(), s2ToBase));
  expect(plan.losesSnapshots.map((snapshot) => snapshot.id)).toEqual(['inner', 's1:mid']);
});

describe('refuses to commit', () => {
  test('into a base that another overlay stands on, and names it', () => {
    const forest = forestWith([...chain(), layerOf('clone', 'base')]);
    expect(codes(planCommit(forest, new Map(), s2ToBase))).toEqual(['overlay-stands']);
    expect(impedimentWords(commitRefusal(forest, s2ToBase))).toContain(
      '“clone.qcow2” stands on “base.qcow2”',
    );
  });
  test('over a layer in between that another overlay stands on', () => {
    const forest = forestWith([...chain(), layerOf('clone', 's1')]);
    expect(codes(planCommit(forest, new Map(), s2ToBase))).toEqual(['overlay-stands']);
  });
  test.each(['base', 's1', 's2'])(
    'when an image in the trash stands on %s, and says how to lift it',
    (layer) => {
      const trashed = [{ trashId: 't', name: 'old.qcow2', imageId: layer }];
      const forest = forestWith(chain(), { trashed });
      expect(codes(planCommit(forest, new Map(), s2ToBase))).toEqual(['trash-stands']);
      expect(impedimentWords(commitRefusal(forest, s2ToBase))).toContain(
        'Delete it from the trash for good, or restore it, first.',
      );
    },
  );
  test('into the active layer of a VM', () => {
    const forest = forestWith(chain(), { disks: [diskOf('other', 'base')] });
    expect(codes(planCommit(forest, new Map(), s2ToBase))).toEqual(['disk-stands']);
  });
  test('into a base that is larger than what its VM sees', () => {
    const forest = forestWith(chain({ base: { virtualSize: 2 * 1024 ** 2 } }), {
      disks: [diskOf('web', 'active')],
    });
    expect(codes(planCommit(forest, new Map(), { top: 'active', base: 'base' }))).toEqual(['size-differs']);
    expect(codes(planCommit(forest, new Map(), s2ToBase))).toEqual([]);
  });
  test('while two running VMs hold the layers', () => {
    const forest = forestWith([...chain(), layerOf('clone', 's2')], {
      disks: [diskOf('web', 'active', { running: true }), diskOf('twin', 'clone', { running: true })],
    });
    expect(codes(planCommit(forest, new Map(), s2ToBase))).toEqual(['held-by-running-vm']);
  });
  test('under a suspended VM, an inserted medium, an unfinished operation or an unread folder', () => {
    const forest = forestWith(chain(), {
      disks: [diskOf('web', 'active', { suspended: true })],
      media: [{ vmId: 'tv', vmName: 'tv', slot: 'cd0', imageId: 's1' }],
      operations: [{ operationId: 'op', title: 'Pull', imageId: 'active', changes: true }],
      complete: false,
    });
    expect(codes(planCommit(forest, new Map(), s2ToBase))).toEqual([
      'media-stands',
      'vm-suspended',
      'operation-unfinished',
      'forest-incomplete',
    ]);
  });
  test('into a base that may not, or cannot, be written', () => {
    const forest = forestWith(chain({ base: { format: 'vmdk', writable: false } }));
    expect(codes(planCommit(forest, new Map(), s2ToBase))).toEqual(['not-writable-format', 'not-writable']);
  });
  test('what makes no sense: unknown layers, itself, upwards, a broken chain', () => {
    const forest = forestWith(chain());
    expect(codes(planCommit(forest, new Map(), { top: 'x', base: 'base' }))).toBe('unknown-layer');
    expect(codes(planCommit(forest, new Map(), { top: 's1', base: 's1' }))).toBe('same-layer');
    expect(codes(planCommit(forest, new Map(), { top: 's1', base: 's2' }))).toBe('not-below');
    const broken = forestWith(chain({ base: { backingState: 'missing' } }));
    expect(codes(planCommit(broken, new Map(), s2ToBase))).toBe('broken-chain');
  });
});

test('an operation on a branch beside does not stand in the way', () => {
  const forest = forestWith([...chain(), layerOf('clone', 'base')], {
    operations: [{ operationId: 'op', title: 'Pull', imageId: 'clone', changes: true }],
  });
  expect(codes(planCommit(forest, new Map(), { top: 's2', base: 's1' }))).toEqual([]);
});

test('every overlay that would show other data is named, not only the first', () => {
  const layers = [layerOf('base', null), ...['top', 'one', 'two'].map((name) => layerOf(name, 'base'))];
  const refusal = commitRefusal(forestWith(layers, {}), { top: 'top', base: 'base' });
  const blockers = refusal === null || 'refused' in refusal ? [] : refusal;
  expect(blockers.map(({ code, subjects }) => [code, subjects[0]?.id])).toEqual([
    ['overlay-stands', 'one'],
    ['overlay-stands', 'two'],
  ]);
});
