import { expect, test } from '@playwright/test';
import { disposeStrata, finished, type Json, type Strata, startStrata } from '../src/strata.ts';

let strata: Strata;
test.beforeAll(async () => {
  strata = await startStrata();
});
test.afterAll(() => disposeStrata(strata));

const snapshotOf = async (vm: Json, name: string): Promise<string> => {
  const taken = await strata.ok('POST', `/vms/${vm.id}/snapshots?wait=30`, { name });
  return (await finished(strata, taken)).result.snapshotId;
};

test('a running VM is branched, and the branch runs beside it', async () => {
  const vm = await strata.ok('POST', '/vms/demo', { name: 'original' });
  const snapshot = await snapshotOf(vm, 'here');
  await strata.ok('POST', `/vms/${vm.id}/start`);
  const refused = await strata.call('POST', `/vms/${vm.id}/duplicate`, { name: 'twin' });
  expect(refused).toMatchObject({ status: 409, body: { code: 'vm-running' } });
  for (const mode of ['linked', 'full']) {
    const operation = await finished(
      strata,
      await strata.ok('POST', `/vms/${vm.id}/snapshots/${snapshot}/branch?wait=60`, { name: mode, mode }),
    );
    const branch = await strata.ok('POST', `/vms/${operation.result.vmId}/start`);
    expect(branch).toMatchObject({ name: mode, state: 'running' });
    expect(branch.disks[0].chainLength).toBe(mode === 'full' ? 1 : 4);
    await strata.ok('POST', `/vms/${branch.id}/poweroff`);
  }
  await strata.ok('POST', `/vms/${vm.id}/poweroff`);
});

test('a base is moved under its overlays, copied and checked', async () => {
  const vm = await strata.ok('POST', '/vms/demo', { name: 'moved' });
  const { layers } = await strata.ok('GET', `/images/${vm.disks[0].imageId}/chain`);
  const base = layers.at(-1);
  const moved = await finished(
    strata,
    await strata.ok('POST', `/images/${base.id}/rename?wait=60`, { name: 'Golden base' }),
  );
  expect(moved).toMatchObject({ state: 'done', result: { imageId: base.id } });
  expect((await strata.ok('GET', `/images/${base.id}`)).path).toMatch(/\/Golden-base\.qcow2$/);
  const chain = await strata.ok('GET', `/images/${vm.disks[0].imageId}/chain`);
  expect(chain.layers.flatMap((layer: Json) => layer.problems)).toEqual([]);
  expect((await strata.ok('POST', `/vms/${vm.id}/start`)).state).toBe('running');
  const busy = await strata.call('POST', `/images/${base.id}/check`, {});
  expect(busy).toMatchObject({ status: 409, body: { code: 'image-in-use' } });
  await strata.ok('POST', `/vms/${vm.id}/poweroff`);
  const checked = await finished(strata, await strata.ok('POST', `/images/${base.id}/check?wait=60`, {}));
  expect(checked.result).toMatchObject({ errors: 0, leaks: 0 });
  const copied = await finished(
    strata,
    await strata.ok('POST', `/images/${vm.disks[0].imageId}/copy?wait=60`, { name: 'apart' }),
  );
  expect(await strata.ok('GET', `/images/${copied.result.imageId}`)).toMatchObject({ backingId: null });
});
