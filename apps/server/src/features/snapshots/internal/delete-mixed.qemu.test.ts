import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readTags } from '../../../qemu/image-tags.ts';
import { readsAs } from '../../operations/testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../../operations/testing/chain-bench.ts';
import { killPoints, killStride } from '../../operations/testing/kill-points.ts';
import { buildTwoDisks, copiesOf, tagReadsAs, writeOffline } from './testing/tagged-vm.ts';

/*
 *    active                                   active
 *    a2     ●i2 ●e2 (external)        ──▶     a ●e2  in one operation: the tags first, then the layers are merged
 *    a      ●i1 ●e1 (external)
 *    base
 */
let folder: BenchFolder;
let bench: Bench;
/** What each restore point shows, on the first disk. */
let shown: Map<string, string>;
let ids: Record<'i1' | 'e1' | 'i2' | 'e2', string>;

const disk = (): string => bench.vms.diskImage('vmone');
const write = async (at: number, pattern: number): Promise<void> => {
  const { name } = bench.images.facts(disk());
  await writeOffline(bench, folder, name.replace(/\.qcow2$/, ''), at, pattern);
};
const copyNow = async (as: string): Promise<string> => {
  const copies = await copiesOf(bench, folder, as);
  return copies.get(disk()) ?? `no ${as}`;
};
const take = async (name: string, kind: 'internal' | 'external'): Promise<string> => {
  const copy = await copyNow(name);
  const wish = { name, kind, memory: false, disks: ['vmoned0'] };
  const { result, error } = await bench.operations.wait((await bench.snapshots.take('vmone', wish)).id, 60);
  expect(error).toBeUndefined();
  shown.set(String(result?.snapshotId), copy);
  return String(result?.snapshotId);
};
const build = async (): Promise<void> => {
  folder = await benchFolder();
  bench = folder.open();
  shown = new Map();
  await buildTwoDisks(bench);
  const taken = [];
  for (const [index, [name, kind]] of (
    [
      ['i1', 'internal'],
      ['e1', 'external'],
      ['i2', 'internal'],
      ['e2', 'external'],
    ] as const
  ).entries()) {
    await write(3 + index, 10 + index);
    taken.push([name, await take(name, kind)] as const);
  }
  ids = Object.fromEntries(taken) as typeof ids;
  await write(9, 99);
  shown.set('now', await copyNow('now'));
};
beforeEach(build);
afterEach(() => folder.dispose());

const listed = async (): Promise<string[]> => {
  const all: string[] = [];
  const walk = (nodes: Awaited<ReturnType<Bench['snapshots']['tree']>>['tree']): void => {
    for (const node of nodes) {
      all.push(node.name);
      walk(node.children);
    }
  };
  walk((await bench.snapshots.tree('vmone')).tree);
  return all;
};
/** The VM's disk, and whatever is still listed, reads what it did. */
const allRead = async (place = ''): Promise<void> => {
  await bench.images.scan();
  expect(await readsAs(bench, disk(), shown.get('now')), place).toBe(true);
  for (const [name, id] of Object.entries(ids)) {
    if (!(await listed()).includes(name)) continue;
    const [{ imageId, internalTag } = { imageId: '' }] = bench.snapshots.get('vmone', id).disks;
    const copy = shown.get(id) ?? '';
    const reads =
      internalTag === undefined
        ? await readsAs(bench, imageId, copy)
        : await tagReadsAs(bench, folder, imageId, internalTag, copy);
    expect(reads, `${name} ${place}`).toBe(true);
  }
};

describe('tags and layers together', () => {
  it('all but the newest go in one operation with one plan, and what is left reads the same', async () => {
    const wish = { keepLast: 1, mode: 'auto' as const };
    const plan = await bench.deletions.plan('vmone', wish);
    expect(plan.blockers).toEqual([]);
    expect(plan.losesSnapshots.map(({ name }) => name).toSorted()).toEqual(['e1', 'i1', 'i2']);
    expect(plan.steps.slice(0, 2).join()).toMatch(/Delete “i2” inside .*Delete “i1” inside/);
    expect(plan.moves.length).toBeGreaterThan(0);
    expect(plan.commands[0]).toMatch(/^qemu-img snapshot -d/);
    const { id } = await bench.deletions.run('vmone', { ...wish, fingerprint: plan.fingerprint });
    const operation = await bench.operations.wait(id, 60);
    expect(operation, JSON.stringify(operation.error)).toMatchObject({
      ...{ kind: 'snapshot-delete', state: 'done' },
      result: { snapshotIds: [ids.i2, ids.i1, ids.e1] },
    });
    expect(operation.steps.every(({ state }) => state === 'done')).toBe(true);
    expect(await listed()).toEqual(['e2']);
    await allRead();
  });

  it('those between two go, and the two stay', async () => {
    const wish = { between: { from: ids.i1, to: ids.e2 }, mode: 'auto' as const };
    const { fingerprint, blockers } = await bench.deletions.plan('vmone', wish);
    expect(blockers).toEqual([]);
    const { id } = await bench.deletions.run('vmone', { ...wish, fingerprint });
    expect(await bench.operations.wait(id, 60)).toMatchObject({ state: 'done' });
    expect(await listed()).toEqual(['i1', 'e2']);
    await allRead();
  });

  it('is refused while a running VM reads the frozen layer, and says what is possible', async () => {
    const live = { vmId: 'vmone', exited: new Promise<void>(() => {}) };
    bench.vms.setLive('vmone', live as unknown as Parameters<typeof bench.vms.setLive>[1]);
    const plan = await bench.deletions.plan('vmone', { snapshots: [ids.i1, ids.e1], mode: 'auto' });
    expect(plan.blockers.map(({ code }) => code)).toContain('internal-frozen');
    expect(plan.blockers[0]?.message).toMatch(/read by the running VM .*shut down/);
    bench.vms.setLive('vmone', null);
    await allRead();
  });

  it('goes on after a server that was killed before any call, and nothing listed ever reads otherwise', async () => {
    for (let at = 1; at < 80; at += killStride(12)) {
      const points = killPoints({ at });
      bench = folder.open(points.disturbance);
      await bench.images.scan();
      const starting = bench.deletions.run('vmone', { keepLast: 0, mode: 'auto' });
      const how = await Promise.race([
        starting.then(({ id }) => bench.operations.wait(id, 60).then(({ state }) => `ended ${state}`)),
        points.reached,
      ]);
      bench = folder.open();
      await bench.images.scan();
      await bench.operations.recover();
      for (const { id } of bench.operations.list({}).items) await bench.operations.wait(id, 60);
      await allRead(`killed before call ${at} (${how})`);
      if (how.startsWith('ended')) {
        expect(how).toBe('ended done');
        expect(await listed()).toEqual([]);
        expect(at).toBeGreaterThan(10);
        return;
      }
      folder.dispose();
      await build();
    }
    throw new Error('it never came to an end');
  });
});

it('cancelled at any moment, what is still listed is whole', async () => {
  const tag = bench.snapshots.get('vmone', ids.i1).disks[0]?.internalTag ?? '';
  const { id } = await bench.deletions.run('vmone', { snapshots: [ids.i1, ids.e1, ids.i2], mode: 'auto' });
  await bench.operations.cancel(id).catch(() => {});
  const { state } = await bench.operations.wait(id, 60);
  expect(['cancelled', 'done']).toContain(state);
  await allRead(state);
  const left = (await readTags(join(folder.folder, 'images', 'a.qcow2')).catch(() => [])).map(
    (known) => known.tag,
  );
  expect(left.includes(tag)).toBe((await listed()).includes('i1'));
});
