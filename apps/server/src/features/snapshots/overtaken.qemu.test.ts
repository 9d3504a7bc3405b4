import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeBlocks } from '../../qemu/qemu-io.ts';
import { type WorkBench, type WorkFolder, workFolder } from '../../testing/work-bench.ts';

/*
 * A request looks at what there is, reads files, and begins. An operation that begins and ends in between holds no lock
 * any more by then: what was planned on is no longer so.
 */

let folder: WorkFolder;
let bench: WorkBench;
let vm: string;

beforeEach(async () => {
  folder = await workFolder();
  bench = await folder.open();
  vm = await bench.defineVm({ name: 'web', disks: [{ create: { format: 'qcow2', size: '4M' } }] });
});
afterEach(async () => {
  if (bench.vms.isLive(vm)) await bench.vms.poweroff(vm);
  await folder.dispose();
});

const active = () => bench.library.images.facts(bench.vms.get(vm).disks[0]?.imageId ?? '');
const take = async (name: string, kind: 'external' | 'internal' = 'external'): Promise<string> => {
  const ended = await bench.ended(await bench.snapshots.take(vm, { name, kind, memory: false }));
  expect(ended.state).toBe('done');
  return String(ended.result?.snapshotId);
};
const takeFirst = async (kind: 'external' | 'internal'): Promise<string> => {
  const id = await take('first', kind);
  const { path, format } = active();
  await writeBlocks({ path, format }, [{ offset: 0, length: 65_536, pattern: 2 }], folder.folder);
  await bench.library.images.scan();
  return id;
};

/** The next request plans on what the library is now, and a snapshot begins and ends behind its back. */
const takeBehindItsBack = (): void => {
  const { images } = bench.library;
  const { scan, forest } = images;
  const look = async (): Promise<void> => {
    Object.assign(images, { scan });
    await scan();
    const then = forest();
    await take('second');
    Object.assign(images, { forest: () => then });
  };
  Object.assign(images, { scan: look });
};

const requests: readonly [string, 'external' | 'internal', (id: string) => Promise<unknown>][] = [
  ['a revert', 'external', (id) => bench.snapshots.revert(vm, id, { keepCurrent: false })],
  ['a revert in place', 'internal', (id) => bench.snapshots.revert(vm, id, { keepCurrent: true })],
  ['a merge down', 'external', (id) => bench.deletions.run(vm, { snapshots: [id], mode: 'commit' })],
  ['a merge up', 'external', (id) => bench.deletions.run(vm, { snapshots: [id], mode: 'pull' })],
  ['the deletion of a tag', 'internal', (id) => bench.deletions.run(vm, { snapshots: [id], mode: 'auto' })],
];

it.each(requests)('%s does not begin on a plan that a snapshot has overtaken', async (_, kind, request) => {
  const first = await takeFirst(kind);
  takeBehindItsBack();
  await expect(request(first)).rejects.toMatchObject({ code: 'plan-stale' });
  bench = await folder.open();
  expect(bench.operations.list({}).items.map(({ state }) => state)).toEqual(['done', 'done']);
  const { tree, current } = await bench.snapshots.tree(vm);
  expect(tree).toMatchObject([{ name: 'first', children: [{ name: 'second' }] }]);
  expect(current).toMatchObject({ snapshotId: tree[0]?.children[0]?.id, changed: false });
});

it('a snapshot is not taken of disks that another one has just frozen', async () => {
  const { images } = bench.library;
  const { checkedChain } = images;
  const look: typeof checkedChain = async (id) => {
    Object.assign(images, { checkedChain });
    const chain = await checkedChain(id);
    await take('second');
    return chain;
  };
  for (const kind of ['external', 'internal'] as const) {
    const before = bench.operations.list({}).items.length;
    Object.assign(images, { checkedChain: look });
    const wish = { name: 'first', kind, memory: false };
    await expect(bench.snapshots.take(vm, wish)).rejects.toMatchObject({ code: 'plan-stale' });
    expect(bench.operations.list({}).items).toHaveLength(before + 1);
    Object.assign(images, { checkedChain });
  }
});

/** Begins and ends while the next request reads the headers of a chain. */
const workBehindItsBack = (work: () => Promise<unknown>): void => {
  const { images } = bench.library;
  const { checkedChain } = images;
  const look: typeof checkedChain = async (id) => {
    Object.assign(images, { checkedChain });
    const chain = await checkedChain(id);
    await work();
    return chain;
  };
  Object.assign(images, { checkedChain: look });
};

it('no VM is branched from a snapshot whose layer a merge has just changed', async () => {
  const first = await takeFirst('external');
  workBehindItsBack(async () => {
    const merged = await bench.deletions.run(vm, { snapshots: [first], mode: 'commit' });
    expect(await bench.ended(merged)).toMatchObject({ state: 'done' });
  });
  const branch = bench.branches.branch(vm, first, { name: 'other', mode: 'linked' });
  await expect(branch).rejects.toMatchObject({ code: 'plan-stale' });
  expect(bench.library.images.get(active().id).overlays).toEqual([]);
});

it('a duplicate does not put a VM back on what a revert has just left', async () => {
  const first = await takeFirst('external');
  workBehindItsBack(async () => {
    const reverted = await bench.snapshots.revert(vm, first, { keepCurrent: true });
    expect(await bench.ended(reverted)).toMatchObject({ state: 'done' });
  });
  const duplicate = bench.branches.duplicate(vm, { name: 'other', mode: 'linked' });
  await expect(duplicate).rejects.toMatchObject({ code: 'plan-stale' });
  expect(active().backingId).toBe(bench.snapshots.get(vm, first).disks[0]?.imageId);
});

it('a limit for a memory that is not kept is refused, and nothing is taken', async () => {
  for (const [kind, memory] of [
    ['external', false],
    ['internal', false],
    ['internal', true],
  ] as const)
    await expect(
      bench.snapshots.take(vm, { name: 'never', kind, memory, stopAfterSeconds: 5 }),
    ).rejects.toMatchObject({ code: 'not-possible', message: expect.stringContaining('Leave it out') });
  expect(bench.operations.list({}).items).toEqual([]);
});

it('a promotion does not begin on a plan that a snapshot has overtaken', async () => {
  const first = await takeFirst('external');
  const [{ diskId, imageId } = { diskId: '', imageId: '' }] = bench.snapshots.get(vm, first).disks;
  const request = {
    ...{ operation: 'promote' as const, vmId: vm, disks: [{ diskId, imageId }] },
    ...{ keepCurrent: true, overlay: true, powerOff: false },
  };
  const { fingerprint, blockers } = await bench.chains.plan(request);
  expect(blockers).toEqual([]);
  takeBehindItsBack();
  await expect(bench.chains.run(request, fingerprint)).rejects.toMatchObject({ code: 'plan-stale' });
  bench = await folder.open();
  expect(bench.operations.list({}).items.map(({ kind }) => kind)).toEqual(['snapshot-take', 'snapshot-take']);
  const { tree, current } = await bench.snapshots.tree(vm);
  expect(tree).toMatchObject([{ name: 'first', children: [{ name: 'second', children: [] }] }]);
  expect(current).toMatchObject({ snapshotId: tree[0]?.children[0]?.id, changed: false });
});

/** Until now the VM writes the layer whose memory would fit it; then it writes another one. */
const takeWhileMemoryIsMeasured = (): void => {
  const { moments } = bench.vms;
  const { heldMemory } = moments;
  const measure = async (vmId: string): Promise<number | null> => {
    Object.assign(moments, { heldMemory });
    await take('second');
    return heldMemory(vmId);
  };
  Object.assign(moments, { heldMemory: measure });
};

const ofMemory: readonly [string, (id: string) => Promise<unknown>][] = [
  ['a suspend', () => bench.suspension.suspend(vm)],
  ['a snapshot with memory', () => bench.snapshots.take(vm, { name: 'x', kind: 'external', memory: true })],
  [
    'a revert that keeps memory',
    (id) => bench.snapshots.revert(vm, id, { keepCurrent: true, keepMemory: true }),
  ],
];

it.each(ofMemory)('%s does not begin on disks that a snapshot has overtaken', async (_, request) => {
  const first = await takeFirst('external');
  await bench.vms.start(vm);
  takeWhileMemoryIsMeasured();
  await expect(request(first)).rejects.toMatchObject({ code: 'plan-stale' });
  expect(bench.vms.get(vm)).toMatchObject({ state: 'running', suspended: null });
  expect(bench.operations.list({}).items.map(({ kind }) => kind)).toEqual(['snapshot-take', 'snapshot-take']);
  expect((await bench.snapshots.tree(vm)).tree).toMatchObject([
    { name: 'first', children: [{ name: 'second', children: [] }] },
  ]);
});

it('a snapshot takes another name for its layer when somebody has taken the one it chose', async () => {
  const { images } = bench.library;
  const { placeOverlays } = images;
  const places: string[] = [];
  Object.assign(images, {
    placeOverlays: async (...wish: Parameters<typeof placeOverlays>): Promise<string[]> => {
      const paths = await placeOverlays(...wish);
      if (places.length === 0) writeFileSync(paths[0] ?? '', 'of somebody else');
      places.push(...paths);
      return paths;
    },
  });
  const restorePoint = active().id;
  await take('first');
  const [taken = '', own = ''] = places;
  expect(readFileSync(taken, 'utf8')).toBe('of somebody else');
  expect(active()).toMatchObject({ path: own, backingId: restorePoint });
  expect(own).not.toBe(taken);
});
