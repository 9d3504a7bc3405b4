import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeleteSnapshots } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTag } from '../../qemu/image-tags.ts';
import { checkImage, convertImage } from '../../qemu/qemu-img.ts';
import { writeBlocks } from '../../qemu/qemu-io.ts';
import { buildLayers, cluster, fileOf, readsAs } from '../operations/testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../operations/testing/chain-bench.ts';

let folder: BenchFolder;
let bench: Bench;
/** What each restore point showed when it was taken: `snapshot disk` → a flat copy. */
let shown: Map<string, string>;

const write = async (image: string, at: number, clusters: number, pattern: number): Promise<void> => {
  const { path, format } = bench.images.facts(image);
  const block = { offset: at * cluster, length: clusters * cluster, pattern };
  await writeBlocks({ path, format }, [block], folder.folder);
  await bench.images.scan();
};

const take = async (name: string): Promise<string> => {
  const wish = { name, kind: 'external', memory: false } as const;
  const operation = await bench.operations.wait((await bench.snapshots.take('vmone', wish)).id, 30);
  const id = String(operation.result?.snapshotId);
  for (const { diskId, imageId } of bench.snapshots.get('vmone', id).disks)
    shown.set(`${id} ${diskId}`, await copyOf(imageId, `${id}-${diskId}`));
  return id;
};

const copyOf = async (imageId: string, name: string): Promise<string> => {
  const { path, format } = bench.images.facts(imageId);
  const copy = join(folder.folder, `${name}.copy`);
  await convertImage({ path, format }, { path: copy, format: 'raw' });
  return copy;
};

/** Two disks, and three restore points of them: `before` 2 MiB of the first disk, `middle`, `after`. */
const build = async (): Promise<{ before: string; middle: string; after: string }> => {
  shown = new Map();
  folder = await benchFolder();
  bench = folder.open();
  await buildLayers(bench, [
    { name: 'a', on: null, writes: [[0, 1]] },
    { name: 'b', on: null, format: 'raw', writes: [[2, 3]] },
  ]);
  const image = (name: string, format: 'qcow2' | 'raw' = 'qcow2') =>
    bench.images.idOf(fileOf({ name, format }));
  bench.vms.define('vmone', [image('a'), image('b', 'raw')]);
  await write(image('a'), 8, 20, 10);
  const before = await take('before');
  await write(bench.vms.diskImage('vmone', 0), 3, 2, 20);
  await write(bench.vms.diskImage('vmone', 1), 10, 12, 21);
  const middle = await take('middle');
  await write(bench.vms.diskImage('vmone', 0), 4, 12, 30);
  await write(bench.vms.diskImage('vmone', 1), 12, 2, 31);
  const after = await take('after');
  await write(bench.vms.diskImage('vmone', 0), 50, 1, 40);
  await write(bench.vms.diskImage('vmone', 1), 51, 1, 41);
  for (const { id, imageId } of bench.vms.get('vmone').disks)
    shown.set(`now ${id}`, await copyOf(imageId, `now-${id}`));
  return { before, middle, after };
};

let ids: Awaited<ReturnType<typeof build>>;
beforeEach(async () => {
  ids = await build();
});
afterEach(() => folder.dispose());

const remove = async (wish: Omit<DeleteSnapshots, 'mode'> & Partial<DeleteSnapshots>) => {
  const { id } = await bench.deletions.run('vmone', { mode: 'auto', ...wish });
  return bench.operations.wait(id, 60);
};

/** Every restore point that is listed, and the VM's own disks, read what they read when they were taken. */
const expectKept = async (names: readonly string[]): Promise<void> => {
  await bench.images.scan();
  const { tree } = await bench.snapshots.tree('vmone');
  const all = (nodes: typeof tree): typeof tree => nodes.flatMap((node) => [node, ...all(node.children)]);
  expect(all(tree).map(({ name }) => name)).toEqual(names);
  for (const { id, name, disks } of all(tree))
    for (const { diskId, imageId } of disks)
      expect(await readsAs(bench, imageId, shown.get(`${id} ${diskId}`)), `${name} ${diskId}`).toBe(true);
  for (const disk of [0, 1]) {
    const copy = shown.get(`now ${bench.vms.diskId('vmone', disk)}`);
    expect(await readsAs(bench, bench.vms.diskImage('vmone', disk), copy), `disk ${disk}`).toBe(true);
  }
  for (const { path, format } of bench.images.list())
    if (format === 'qcow2') expect((await checkImage({ path, format })).errors, path).toBe(0);
};

describe('deleting a restore point of two disks', () => {
  it.each([
    ['auto', 3],
    ['commit', 14],
    ['pull', 11],
  ] as const)('by %s keeps all others as they were, and frees a layer of each disk', async (mode, price) => {
    const images = bench.images.list().length;
    const plan = await bench.deletions.plan('vmone', { snapshots: [ids.middle], mode });
    expect(plan).toMatchObject({
      operation: 'delete',
      blockers: [],
      losesSnapshots: [{ id: ids.middle, name: 'middle' }],
    });
    // First disk: 1 cluster of the layer is still seen, 12 are in the one on it. Second: 10 and 2.
    expect(plan).toMatchObject({ mode, bytesToMove: price * cluster });
    expect(plan.modes).toMatchObject([
      { mode: 'commit', possible: true, bytesToMove: 14 * cluster },
      { mode: 'pull', possible: true, bytesToMove: 11 * cluster },
      { mode: 'forget', possible: true, bytesToMove: 0, freed: 0 },
    ]);
    const operation = await remove({ snapshots: [ids.middle], mode, fingerprint: plan.fingerprint });
    expect(operation, JSON.stringify(operation)).toMatchObject({
      kind: 'snapshot-delete',
      state: 'done',
      result: { snapshotIds: [ids.middle] },
    });
    expect(operation.steps.map(({ text }) => text)).toEqual(plan.steps);
    await expectKept(['before', 'after']);
    expect(bench.images.list()).toHaveLength(images - 2);
  });

  it('in any order leaves the disks alone in the end', async () => {
    for (const id of [ids.after, ids.before, ids.middle])
      expect(await remove({ snapshots: [id] })).toMatchObject({ state: 'done' });
    await expectKept([]);
    expect(bench.images.list()).toHaveLength(2);
    expect((await bench.snapshots.tree('vmone')).current.snapshotId).toBeNull();
  });

  it('is refused with a plan that is no longer true', async () => {
    const { fingerprint } = await bench.deletions.plan('vmone', { snapshots: [ids.middle], mode: 'auto' });
    const wish = { name: 'later', kind: 'external', memory: false } as const;
    await bench.operations.wait((await bench.snapshots.take('vmone', wish)).id, 30);
    await expect(remove({ snapshots: [ids.middle], fingerprint })).rejects.toMatchObject({
      code: 'plan-stale',
    });
  });

  it('takes its picture, memory and variables along', async () => {
    const files = ['snapshots/x.png', 'memory/x.mem', 'uefi/x.fd'].map((file) =>
      join(folder.folder, 'vms/vmone', file.replace('x', ids.middle)),
    );
    for (const file of files) {
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, 'kept');
    }
    expect(await remove({ snapshots: [ids.middle] })).toMatchObject({ state: 'done' });
    expect(files.filter((file) => existsSync(file))).toEqual([]);
  });
});

describe('a restore point on which a branch stands', () => {
  beforeEach(async () => {
    const { id } = await bench.snapshots.revert('vmone', ids.middle, { keepCurrent: true, name: 'kept' });
    const operation = await bench.operations.wait(id, 30);
    const kept = String(operation.result?.keptSnapshotId);
    for (const disk of [0, 1]) {
      const diskId = bench.vms.diskId('vmone', disk);
      shown.set(`${kept} ${diskId}`, shown.get(`now ${diskId}`) ?? '');
      shown.set(`now ${diskId}`, shown.get(`${ids.middle} ${diskId}`) ?? '');
    }
    await bench.images.scan();
  });

  it('is pulled into each layer on it, and cannot be committed into', async () => {
    await expect(remove({ snapshots: [ids.middle], mode: 'commit' })).rejects.toMatchObject({
      code: 'plan-blocked',
    });
    await expectKept(['before', 'middle', 'after', 'kept']);
    expect(await remove({ snapshots: [ids.middle] })).toMatchObject({ state: 'done' });
    await expectKept(['before', 'after', 'kept']);
  });

  it('says in the tree that it cannot go, and frees nothing, while an internal snapshot lies in what stands on it', async () => {
    const layer = bench.vms.diskImage('vmone', 0);
    await createTag(bench.images.facts(layer).path, 'savevm');
    await bench.images.scan();
    const inTheWay = expect.stringMatching(/holds internal snapshots \(“savevm”\)/);
    expect(bench.snapshots.get('vmone', ids.middle)).toMatchObject({
      deleteRefusal: inTheWay,
      sizes: { freed: null },
    });
    expect(bench.snapshots.get('vmone', ids.before)).not.toHaveProperty('deleteRefusal');
    const plan = await bench.deletions.plan('vmone', { snapshots: [ids.middle], mode: 'auto' });
    expect(plan.blockers).toMatchObject([{ message: inTheWay }]);
    expect(plan).not.toHaveProperty('freed');
  });

  it('at the end of a branch goes to the trash, and what stays in the trash keeps no other from going', async () => {
    const { tree } = await bench.snapshots.tree('vmone');
    const kept = tree[0]?.children[0]?.children[0]?.children[0];
    expect(kept?.name).toBe('kept');
    const plan = await bench.deletions.plan('vmone', { snapshots: [kept?.id ?? ''], mode: 'auto' });
    expect(plan).toMatchObject({ bytesToMove: 0, toTrash: true, blockers: [] });
    expect(await remove({ snapshots: [kept?.id ?? ''] })).toMatchObject({ state: 'done' });
    await expectKept(['before', 'middle', 'after']);
    expect(await remove({ snapshots: [ids.after] })).toMatchObject({ state: 'done' });
    expect(await remove({ snapshots: [ids.middle] })).toMatchObject({ state: 'done' });
    await expectKept(['before']);
  });
});

describe('several at once', () => {
  it('are one operation that moves each byte once', async () => {
    const plan = await bench.deletions.plan('vmone', { keepLast: 1, mode: 'auto' });
    expect(plan.losesSnapshots.map(({ name }) => name).sort()).toEqual(['before', 'middle']);
    expect(await remove({ keepLast: 1 })).toMatchObject({ state: 'done' });
    await expectKept(['after']);
    expect(bench.images.list()).toHaveLength(4);
  });

  it('are none where as many are to be kept as there are: the plan says so, and nothing runs', async () => {
    for (const keepLast of [3, 9]) {
      const plan = await bench.deletions.plan('vmone', { keepLast, mode: 'auto' });
      expect(plan).toMatchObject({ losesSnapshots: [], blockers: [], steps: [] });
      expect(plan.nothing).toContain(`more than ${keepLast} snapshots`);
    }
    await expect(remove({ keepLast: 3 })).rejects.toMatchObject({ code: 'not-possible' });
    await expectKept(['before', 'middle', 'after']);
  });

  it('use the reserve of a file system only when a person says so', async () => {
    bench = folder.open({ freeSpace: async () => ({ free: 100 * 1024 ** 2, reserve: 100 * 1024 ** 2 }) });
    await bench.images.scan();
    const plan = await bench.deletions.plan('vmone', { keepLast: 1, mode: 'auto' });
    expect(plan).toMatchObject({
      blockers: [],
      spaces: [{ free: 100 * 1024 ** 2, reserve: 100 * 1024 ** 2 }],
    });
    await expect(remove({ keepLast: 1 })).rejects.toMatchObject({ code: 'disk-full' });
    expect(await remove({ keepLast: 1, useReserve: true })).toMatchObject({ state: 'done' });
  });

  it('all of a branch leave one layer for each disk', async () => {
    expect(await remove({ snapshots: [ids.before, ids.middle, ids.after] })).toMatchObject({ state: 'done' });
    await expectKept([]);
    expect(bench.images.list()).toHaveLength(2);
  });

  it('between two others go, and these two stay', async () => {
    expect(await remove({ between: { from: ids.after, to: ids.before } })).toMatchObject({ state: 'done' });
    await expectKept(['before', 'after']);
    const none = await bench.deletions.plan('vmone', {
      between: { from: ids.before, to: ids.after },
      mode: 'auto',
    });
    expect(none.nothing).toContain('no snapshot between');
    await expect(remove({ between: { from: ids.before, to: ids.after } })).rejects.toMatchObject({
      code: 'not-possible',
    });
  });

  it('can be forgotten: every layer stays', async () => {
    const images = bench.images.list().length;
    expect(await remove({ snapshots: [ids.before, ids.after], mode: 'forget' })).toMatchObject({
      state: 'done',
    });
    await expectKept(['middle']);
    expect(bench.images.list()).toHaveLength(images);
  });
});
