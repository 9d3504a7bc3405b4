import { expect, test } from 'vitest';
import { chainIds, chainOf, depthWarning, detectCycles, overlaysOf, rolesOf, tipsOf } from './forest.ts';
import { lockReasons } from './locks.ts';
import { planDelete } from './operations/delete-layer.ts';
import { planPromote } from './operations/promote.ts';
import { standsOn } from './stands.ts';
import { diskOf, forestWith, layerOf, snapshotOf } from './testing/index.ts';

const tree = forestWith(
  [
    layerOf('base', null),
    layerOf('frozen', 'base', { internalSnapshots: [{ id: '1', tag: 'inner' }] }),
    layerOf('active', 'frozen'),
    layerOf('clone', 'frozen'),
    layerOf('stray', 'gone', { backingState: 'missing' }),
  ],
  { disks: [diskOf('web', 'active')], snapshots: [snapshotOf('clean', 'web', 'frozen')] },
);

test('a chain goes from the top down to its base, and says when it breaks', () => {
  expect(chainIds(tree, 'active')).toEqual(['active', 'frozen', 'base']);
  expect(chainOf(tree, 'active').end).toBe('complete');
  expect(chainOf(tree, 'stray')).toMatchObject({ end: 'missing', layers: [{ id: 'stray' }] });
  expect(chainOf(tree, 'nothing')).toEqual({ layers: [], end: 'missing' });
});

test('a ring of backings ends a chain and is named once', () => {
  const ring = forestWith([layerOf('a', 'b'), layerOf('b', 'c'), layerOf('c', 'b')]);
  expect(chainOf(ring, 'a')).toMatchObject({ end: 'cycle' });
  expect(detectCycles(ring)).toEqual([['b', 'c']]);
  expect(detectCycles(tree)).toEqual([]);
});

test('depth: 30 layers warn, 256 are the most', () => {
  expect([29, 30, 256, 257].map(depthWarning)).toEqual(['none', 'warn', 'warn', 'too-deep']);
  const layers = Array.from({ length: 257 }, (_, at) => layerOf(`l${at}`, at === 0 ? null : `l${at - 1}`));
  expect(chainOf(forestWith(layers), 'l255').end).toBe('complete');
  expect(chainOf(forestWith(layers), 'l256').end).toBe('too-deep');
});

test('an image that nothing has to do with is a base; an orphan has lost its backing', () => {
  const gone = { ...layerOf('gone', null), backingState: 'missing' as const };
  const some = forestWith([layerOf('fresh', null), gone, layerOf('unused', 'fresh')]);
  expect(['fresh', 'gone', 'unused'].map((id) => rolesOf(some, id))).toEqual([
    ['base'],
    ['orphan'],
    ['layer'],
  ]);
  expect(rolesOf(forestWith([layerOf('fresh', null)]), 'fresh')).toEqual(['base']);
});

test('roles, overlays and tips', () => {
  const roles = ['base', 'frozen', 'active', 'clone', 'stray'].map((id) => rolesOf(tree, id)[0]);
  expect(roles).toEqual(['base', 'layer', 'active', 'layer', 'orphan']);
  expect(overlaysOf(tree, 'frozen').map((layer) => layer.id)).toEqual(['active', 'clone']);
  expect(tipsOf(tree, 'base').map((layer) => layer.id)).toEqual(['active', 'clone']);
});

test('everything that stands on a layer is named, and locks it', () => {
  expect(standsOn(tree, 'frozen').map((item) => item.kind)).toEqual([
    'overlay',
    'overlay',
    'snapshot',
    'internal-snapshot',
  ]);
  expect(lockReasons(tree, 'frozen')).toHaveLength(4);
  expect(lockReasons(tree, 'base')).toEqual(['The overlay “frozen.qcow2” stands on it.']);
  expect(lockReasons(tree, 'active')).toEqual([]);
});

test('an active layer of two disks, or of a suspended VM, is locked', () => {
  const shared = forestWith([layerOf('disk', null)], {
    disks: [diskOf('one', 'disk'), diskOf('two', 'disk', { suspended: true })],
  });
  expect(lockReasons(shared, 'disk')).toHaveLength(3);
});

test('a tag that a snapshot of a VM names stands as a tag: the file may not go, and may be written', () => {
  const tagged = layerOf('disk', null, { internalSnapshots: [{ id: '1', tag: 'clean-x' }] });
  const named = forestWith([tagged, layerOf('other', null)], {
    disks: [diskOf('web', 'other')],
    snapshots: [snapshotOf('clean', 'web', 'disk', 'clean-x')],
  });
  expect(standsOn(named, 'disk')).toEqual([
    {
      kind: 'internal-snapshot',
      subject: { kind: 'snapshot', id: 'clean', name: 'clean' },
      words: 'It holds the internal snapshot “clean” of the VM “web”.',
    },
  ]);
  const onto = { vmId: 'web', disks: [{ diskId: 'web-disk', imageId: 'disk' }] };
  const plan = planPromote(named, { ...onto, overlay: false, keepCurrent: false, powerOff: false });
  expect(plan).toMatchObject({ switches: [{ to: 'disk' }], overlays: [], blockers: [] });
  expect(planDelete(named, new Map(), { layer: 'disk', mode: 'auto' })).toMatchObject({
    blockers: [{ code: 'internal-snapshots', subjects: [{ id: 'clean' }] }],
  });
});
