import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { expectHealthy, expectSameContent, flatten, write } from '../src/images.ts';
import { disposeStrata, finished, type Json, type Strata, startStrata, until } from '../src/strata.ts';

let strata: Strata;
test.beforeAll(async () => {
  strata = await startStrata();
});
test.afterAll(() => disposeStrata(strata));

const all = (nodes: Json[]): Json[] => nodes.flatMap((node) => [node, ...all(node.children)]);
const imageOf = (id: string): Promise<Json> => strata.ok('GET', `/images/${id}`);
const disksOf = async (vm: string): Promise<Json[]> => (await strata.ok('GET', `/vms/${vm}`)).disks;

/** Writes as a guest would have, while the VM is off. */
const writeDisk = async (vm: string, disk: number, at: number, length: number, pattern: number) => {
  const { path } = await imageOf((await disksOf(vm))[disk].imageId);
  write(path, at, length, pattern);
};

/** A VM with two disks and a snapshot after each round of writing; what each showed, by `name disk`. */
const build = async (name: string, rounds: readonly string[]) => {
  const disks = [0, 1].map(() => ({ create: { format: 'qcow2', size: '64M' } }));
  const vm = await strata.ok('POST', '/vms', { name, memory: '64M', nics: [], disks });
  const shown = new Map<string, string>();
  for (const [index, round] of rounds.entries()) {
    await writeDisk(vm.id, 0, 4 * index, 6, 0x10 + index);
    await writeDisk(vm.id, 1, 3 * index, 2, 0x20 + index);
    for (const [disk, { imageId }] of (await disksOf(vm.id)).entries()) {
      const copy = join(strata.dataDir, `${name}-${round}-${disk}.raw`);
      shown.set(`${round} ${disk}`, flatten((await imageOf(imageId)).path, copy));
    }
    await finished(strata, await strata.ok('POST', `/vms/${vm.id}/snapshots?wait=30`, { name: round }));
  }
  return { id: String(vm.id), shown };
};

const snapshotsOf = async (vm: string): Promise<Json[]> =>
  all((await strata.ok('GET', `/vms/${vm}/snapshots`)).tree);

/** Every restore point that is listed reads what it read when it was taken. */
const expectTree = async (vm: { id: string; shown: Map<string, string> }, names: readonly string[]) => {
  const snapshots = await snapshotsOf(vm.id);
  expect(snapshots.map(({ name }) => name)).toEqual(names);
  for (const { name, disks } of snapshots)
    for (const [disk, { imageId }] of (disks as Json[]).entries()) {
      const { path } = await imageOf(imageId);
      expectSameContent(vm.shown.get(`${name} ${disk}`) ?? '', path);
      expectHealthy(path);
    }
};

test('snapshots go in any order, and each that stays shows what it showed', async () => {
  const vm = await build('anyorder', ['one', 'two', 'three', 'four']);
  const [one, two, three, four] = await snapshotsOf(vm.id);
  const files = (await disksOf(vm.id)).length + 4 * 2;
  expect((await strata.ok('GET', '/images?limit=1000')).total).toBe(files);
  await until(
    'what each would free is known',
    () => snapshotsOf(vm.id),
    (snapshots) => snapshots.every(({ sizes }) => sizes.freed !== null),
  );

  const path = `/vms/${vm.id}/snapshots/${two.id}`;
  const plan = await strata.ok('DELETE', `${path}?plan=1`);
  expect(plan.blockers).toEqual([]);
  expect(plan.modes.map(({ mode, possible }: Json) => [mode, possible])).toEqual([
    ['commit', true],
    ['pull', true],
    ['forget', true],
  ]);
  expect(plan.commands.length).toBeGreaterThan(0);
  await expectTree(vm, ['one', 'two', 'three', 'four']);
  await finished(strata, await strata.ok('DELETE', `${path}?wait=60&fingerprint=${plan.fingerprint}`));
  await expectTree(vm, ['one', 'three', 'four']);
  for (const { path: gone } of plan.deletes) expect(existsSync(gone)).toBe(false);

  await finished(strata, await strata.ok('DELETE', `/vms/${vm.id}/snapshots/${one.id}?mode=commit&wait=60`));
  await expectTree(vm, ['three', 'four']);
  const again = await strata.call('DELETE', `/vms/${vm.id}/snapshots/${one.id}`);
  expect([again.status, again.body.code]).toEqual([404, 'not-found']);
  await finished(strata, await strata.ok('DELETE', `/vms/${vm.id}/snapshots/${four.id}?mode=pull&wait=60`));
  await expectTree(vm, ['three']);
  await finished(strata, await strata.ok('DELETE', `/vms/${vm.id}/snapshots/${three.id}?wait=60`));
  await expectTree(vm, []);
  for (const { imageId } of await disksOf(vm.id)) expect((await imageOf(imageId)).backingId).toBeNull();
});

test('several go in one operation that survives kill -9, live, and the VM runs on', async () => {
  const vm = await build('several', ['one', 'two', 'three', 'four']);
  await strata.ok('POST', `/vms/${vm.id}/start`);
  const { pid } = await strata.ok('GET', `/vms/${vm.id}`);
  const blocked = await strata.call('POST', `/vms/${vm.id}/snapshots/delete`, {
    keepLast: 1,
    snapshots: ['abcd'],
  });
  expect(blocked.status).toBe(400);
  const plan = await strata.ok('POST', `/vms/${vm.id}/snapshots/delete`, { keepLast: 1, plan: true });
  expect(plan.live).toBe(true);
  expect(plan.losesSnapshots.map(({ name }: Json) => name).sort()).toEqual(['one', 'three', 'two']);

  const operation = await strata.ok('POST', `/vms/${vm.id}/snapshots/delete`, {
    keepLast: 1,
    fingerprint: plan.fingerprint,
  });
  const { dataDir } = strata;
  await strata.kill();
  strata = await startStrata({ dataDir });
  const ended = await finished(strata, operation);
  expect(ended.result.snapshotIds).toHaveLength(3);
  expect(await strata.ok('GET', `/vms/${vm.id}`)).toMatchObject({ state: 'running', pid });
  await strata.ok('POST', `/vms/${vm.id}/poweroff`);
  await expectTree(vm, ['four']);
});

test('two points are compared at once, and by reading', async () => {
  const vm = await build('compared', ['one', 'two']);
  const [one, two] = await snapshotsOf(vm.id);
  const query = `from=${one.id}&to=${two.id}`;
  const bound = await strata.ok('GET', `/vms/${vm.id}/snapshots/compare?${query}`);
  expect(bound).toMatchObject({ exact: false, differingBytes: 6 * 1024 ** 2 });
  const operation = await finished(
    strata,
    await strata.ok('POST', `/vms/${vm.id}/snapshots/compare?wait=60`, { from: one.id, to: 'current' }),
  );
  expect(operation.result).toMatchObject({
    exact: true,
    differingBytes: 6 * 1024 ** 2,
    regions: [[4 * 1024 ** 2, 6 * 1024 ** 2]],
  });
});

test('a VM says what goes with it, and takes nothing that a branch stands on', async () => {
  const vm = await build('going', ['one', 'two']);
  const [one] = await snapshotsOf(vm.id);
  const branch = await finished(
    strata,
    await strata.ok('POST', `/vms/${vm.id}/snapshots/${one.id}/branch?wait=60`, { name: 'branch' }),
  );
  const plan = await strata.ok('DELETE', `/vms/${vm.id}?disks=delete&plan=1`);
  const stays = (one.disks as Json[]).map(({ imageId }) => imageId).sort();
  expect(plan.stays.map(({ imageId }: Json) => imageId).sort()).toEqual(stays);
  expect(plan.goes).toHaveLength(4);
  expect(plan.snapshots).toHaveLength(2);
  await strata.ok('DELETE', `/vms/${vm.id}?disks=delete`);
  for (const [disk, { imageId }] of (await disksOf(branch.result.vmId)).entries())
    expectSameContent(vm.shown.get(`one ${disk}`) ?? '', (await imageOf(imageId)).path);
});
