import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Comparison } from '@strata/contract';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { convertImage } from '../../../qemu/qemu-img.ts';
import { writeBlocks } from '../../../qemu/qemu-io.ts';
import { run } from '../../../testing/disk-chain.ts';
import { buildLayers, cluster, diskSize, fileOf } from '../../operations/testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../../operations/testing/chain-bench.ts';

/*
 *    active    written on
 *    disk      ●one ●two, and ●above (external)
 *    base
 */
let folder: BenchFolder;
let bench: Bench;
/** What each point shows, by an extraction of QEMU's own. */
let contents: Map<string, Buffer>;
beforeEach(async () => {
  folder = await benchFolder();
  bench = folder.open();
  contents = new Map();
  const below = { name: 'base', on: null, writes: [[0, 1] as const, [1, 1] as const] };
  await buildLayers(bench, [below, { name: 'disk', on: 'base', writes: [[1, 2]] }]);
  bench.vms.define('vmone', [bench.images.idOf(fileOf({ name: 'disk' }))]);
});
afterEach(() => folder.dispose());

const active = () => bench.images.facts(bench.vms.diskImage('vmone'));
const write = async (offset: number, length: number, pattern: number): Promise<void> => {
  const { path, format } = active();
  await writeBlocks({ path, format }, [{ offset, length, pattern }], folder.folder);
  await bench.images.scan();
};
const keep = async (id: string): Promise<void> => {
  const out = join(folder.folder, 'shown.raw');
  const { path, format } = active();
  await convertImage({ path, format }, { path: out, format: 'raw' });
  contents.set(id, readFileSync(out));
  await run('rm', [out]);
};
const take = async (name: string, kind: 'external' | 'internal' = 'internal'): Promise<string> => {
  const started = await bench.snapshots.take('vmone', { name, kind, memory: false });
  const id = String((await bench.operations.wait(started.id, 30)).result?.snapshotId);
  await keep(id);
  return id;
};
/** Sectors that differ, by looking at all of them. */
const differing = (from: string, to: string): [number, number][] => {
  const [one, other] = [contents.get(from), contents.get(to)];
  const found: [number, number][] = [];
  for (let at = 0; at < diskSize; at += 512) {
    if (one?.subarray(at, at + 512).equals(other?.subarray(at, at + 512) ?? Buffer.alloc(0))) continue;
    const last = found.at(-1);
    if (last !== undefined && last[0] + last[1] === at) last[1] += 512;
    else found.push([at, 512]);
  }
  return found;
};
const exact = async (from: string, to: string): Promise<Comparison> => {
  const { id } = await bench.comparisons.compareContents('vmone', { from, to });
  const operation = await bench.operations.wait(id, 60);
  expect(operation, JSON.stringify(operation.error)).toMatchObject({ state: 'done' });
  return operation.result as unknown as Comparison;
};
const bound = (from: string, to: string): Promise<Comparison> =>
  bench.comparisons.compare('vmone', { from, to, columns: 1024 });
const covers = (whole: Comparison['regions'], part: Comparison['regions']): boolean =>
  part.every(([start, length]) =>
    whole.some(([from, bytes]) => start >= from && start + length <= from + bytes),
  );

it('tells where internal snapshots differ from each other, from layers above them and from what is now', async () => {
  const one = await take('one');
  await write(4 * cluster, 2 * cluster, 7);
  // Written, and the same as before: the tables cannot tell.
  await write(0, cluster, 1);
  const two = await take('two');
  await write(20 * cluster + 1024, 512, 9);
  const above = await take('above', 'external');
  await write(30 * cluster, 512, 3);
  await keep('current');
  expect(await bound(one, two)).toMatchObject({
    ...{ virtualSize: diskSize, exact: false, differingBytes: 3 * cluster },
    regions: [
      [0, cluster],
      [4 * cluster, 2 * cluster],
    ],
  });
  expect(await bound(two, above)).toMatchObject({ regions: [[20 * cluster, cluster]], exact: false });
  expect(await bound(two, two)).toMatchObject({ differingBytes: 0, exact: true });
  const points = [one, two, above, 'current'];
  for (const [place, from] of points.entries())
    for (const to of points.slice(place + 1)) {
      const found = await exact(from, to);
      expect(found).toMatchObject({ exact: true, virtualSize: diskSize });
      expect(found.regions, `${from} and ${to}`).toEqual(differing(from, to));
      expect(covers((await bound(to, from)).regions, found.regions)).toBe(true);
    }
});

it('compares a disk that has grown since, of which the tag shows nothing behind its end', async () => {
  const one = await take('one');
  const { path } = active();
  await run('qemu-img', ['resize', '-q', '-f', 'qcow2', path, String(diskSize + 4 * cluster)]);
  await bench.images.scan();
  for (const found of [await bound(one, 'current'), await exact(one, 'current')])
    expect(found).toMatchObject({ virtualSize: diskSize + 4 * cluster, regions: [[diskSize, 4 * cluster]] });
});

it('is not read while a VM writes the layer, nor from a tag that another program has deleted', async () => {
  const one = await take('one');
  await write(4 * cluster, cluster, 7);
  const two = await take('two');
  const live = { vmId: 'vmone', exited: new Promise<void>(() => {}) };
  bench.vms.setLive('vmone', live as unknown as Parameters<typeof bench.vms.setLive>[1]);
  await expect(bench.comparisons.compareContents('vmone', { from: one, to: two })).rejects.toMatchObject({
    code: 'image-in-use',
  });
  expect(await bound(one, two)).toMatchObject({ regions: [[4 * cluster, cluster]] });
  bench.vms.setLive('vmone', null);
  const tag = bench.snapshots.get('vmone', one).disks[0]?.internalTag ?? '';
  await run('qemu-img', ['snapshot', '-d', tag, active().path]);
  await bench.images.scan();
  await expect(bound(one, two)).rejects.toMatchObject({
    code: 'not-possible',
    message: expect.stringContaining('no longer holds'),
  });
});

it('begins anew after the server was killed, and can be cancelled', async () => {
  const one = await take('one');
  await write(4 * cluster, cluster, 7);
  const wish = { from: one, to: 'current' as const };
  const { id } = await bench.comparisons.compareContents('vmone', wish);
  bench = folder.open();
  await bench.images.scan();
  await bench.operations.recover();
  expect(await bench.operations.wait(id, 60)).toMatchObject({
    state: 'done',
    result: { differingBytes: cluster },
  });
  const again = await bench.comparisons.compareContents('vmone', wish);
  await bench.operations.cancel(again.id).catch(() => {});
  expect(['cancelled', 'done']).toContain((await bench.operations.wait(again.id, 60)).state);
});
