import type { Comparison } from '@strata/contract';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeBlocks } from '../../../qemu/qemu-io.ts';
import { buildLayers, cluster, diskSize, fileOf } from '../../operations/testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../../operations/testing/chain-bench.ts';

let folder: BenchFolder;
let bench: Bench;
beforeEach(async () => {
  folder = await benchFolder();
  bench = folder.open();
  await buildLayers(bench, [{ name: 'disk', on: null, writes: [[0, 1]] }]);
  bench.vms.define('vmone', [bench.images.idOf(fileOf({ name: 'disk' }))]);
});
afterEach(() => folder.dispose());

const write = async (offset: number, length: number, pattern: number): Promise<void> => {
  const { path, format } = bench.images.facts(bench.vms.diskImage('vmone'));
  await writeBlocks({ path, format }, [{ offset, length, pattern }], folder.folder);
  await bench.images.scan();
};
const take = async (name: string): Promise<string> => {
  const { id } = await bench.snapshots.take('vmone', { name, kind: 'external', memory: false });
  return String((await bench.operations.wait(id, 30)).result?.snapshotId);
};
const both = async (from: string, to: string): Promise<readonly [Comparison, Comparison]> => {
  const bound = await bench.comparisons.compare('vmone', { from, to, columns: 1024 });
  const { id } = await bench.comparisons.compareContents('vmone', { from, to });
  const operation = await bench.operations.wait(id, 60);
  expect(operation, JSON.stringify(operation.error)).toMatchObject({
    kind: 'snapshot-compare',
    state: 'done',
  });
  return [bound, operation.result as unknown as Comparison];
};

it('tells where two restore points can differ at once, and where they do by reading them', async () => {
  const first = await take('first');
  await write(4 * cluster, 2 * cluster, 7);
  // Written, and the same as before: the layers cannot tell.
  await write(0, cluster, 1);
  await write(20 * cluster + 1024, 512, 9);
  const second = await take('second');

  const [bound, exact] = await both(first, second);
  expect(bound).toMatchObject({ virtualSize: diskSize, exact: false, differingBytes: 4 * cluster });
  expect(bound.regions).toEqual([
    [0, cluster],
    [4 * cluster, 2 * cluster],
    [20 * cluster, cluster],
  ]);
  expect(exact).toMatchObject({ virtualSize: diskSize, exact: true, differingBytes: 2 * cluster + 512 });
  expect(exact.regions).toEqual([
    [4 * cluster, 2 * cluster],
    [20 * cluster + 1024, 512],
  ]);
  expect(await bench.comparisons.compare('vmone', { from: second, to: second, columns: 10 })).toMatchObject({
    exact: true,
    differingBytes: 0,
    regions: [],
  });
});

it('compares across branches, and with what is now', async () => {
  const first = await take('first');
  await write(8 * cluster, cluster, 3);
  const left = await take('left');
  const { id } = await bench.snapshots.revert('vmone', first, { keepCurrent: false });
  await bench.operations.wait(id, 30);
  await write(12 * cluster, 512, 4);
  const [bound, exact] = await both(left, 'current');
  expect(bound.differingBytes).toBe(2 * cluster);
  expect(exact.regions).toEqual([
    [8 * cluster, cluster],
    [12 * cluster, 512],
  ]);
});

it('begins anew after the server was killed, and is refused for what a running VM writes', async () => {
  const first = await take('first');
  await write(4 * cluster, cluster, 7);
  const second = await take('second');
  const { id } = await bench.comparisons.compareContents('vmone', { from: first, to: second });
  bench = folder.open();
  await bench.images.scan();
  await bench.operations.recover();
  expect(await bench.operations.wait(id, 60)).toMatchObject({
    state: 'done',
    result: { differingBytes: cluster },
  });
  const live = { vmId: 'vmone', exited: new Promise<void>(() => {}) };
  bench.vms.setLive('vmone', live as unknown as Parameters<typeof bench.vms.setLive>[1]);
  await expect(
    bench.comparisons.compareContents('vmone', { from: first, to: 'current' }),
  ).rejects.toMatchObject({ code: 'vm-running' });
  await expect(
    bench.comparisons.compare('vmone', { from: first, to: second, disk: 'nodisk', columns: 9 }),
  ).rejects.toMatchObject({ code: 'not-found' });
});
