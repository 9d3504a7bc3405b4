import { expect, test } from '@playwright/test';
import { openSerial } from '../src/serial.ts';
import { disposeStrata, finished, type Json, type Strata, startStrata } from '../src/strata.ts';

let strata: Strata;
test.beforeAll(async () => {
  strata = await startStrata();
});
test.afterAll(() => disposeStrata(strata));

const counted = /counted on this disk: *(\d+)/gi;

/** Boots the demo for the `nth` time and reads the number it counts on its disk: the scrollback holds the boots before. */
const bootAndRead = async (vm: Json, nth: number): Promise<number> => {
  await strata.ok('POST', `/vms/${vm.id}/start`);
  const serial = await openSerial(strata, vm.id);
  const said = await serial.until(new RegExp(`(?:counted on this disk: *\\d+\\D[^]*?){${nth}}`, 'i'));
  serial.close();
  return Number([...said.matchAll(counted)].at(nth - 1)?.[1]);
};

test('the counter of the demo goes back at a revert, and differs on two branches', async () => {
  const vm = await strata.ok('POST', '/vms/demo', { name: 'counter' });
  const first = await bootAndRead(vm, 1);
  await strata.ok('POST', `/vms/${vm.id}/poweroff`);

  const taken = await finished(
    strata,
    await strata.ok('POST', `/vms/${vm.id}/snapshots?wait=30`, { name: 'after one' }),
  );
  const snapshotId = taken.result.snapshotId;
  expect(await bootAndRead(vm, 2)).toBe(first + 1);

  // Reverted while it runs: the current state is kept as a branch of its own.
  await finished(
    strata,
    await strata.ok('POST', `/vms/${vm.id}/snapshots/${snapshotId}/revert?wait=60`, {
      name: 'kept',
      start: false,
    }),
  );
  expect((await strata.ok('GET', `/vms/${vm.id}`)).state).toBe('off');
  expect(await bootAndRead(vm, 3)).toBe(first + 1);

  const { tree } = await strata.ok('GET', `/vms/${vm.id}/snapshots`);
  const all = (nodes: Json[]): Json[] => nodes.flatMap((node) => [node, ...all(node.children)]);
  const kept = all(tree).find((snapshot) => snapshot.name === 'kept');
  expect(kept).toBeDefined();
  await strata.ok('POST', `/vms/${vm.id}/poweroff`);
  await finished(
    strata,
    await strata.ok('POST', `/vms/${vm.id}/snapshots/${kept.id}/revert?wait=60`, { start: false }),
  );
  // The kept branch had counted one boot more.
  expect(await bootAndRead(vm, 4)).toBe(first + 2);
  await strata.ok('POST', `/vms/${vm.id}/poweroff`);
});

test('a revert says in a plan what it would do, and touches nothing', async () => {
  const vm = await strata.ok('POST', '/vms/demo', { name: 'planned' });
  const taken = await finished(
    strata,
    await strata.ok('POST', `/vms/${vm.id}/snapshots?wait=30`, { name: 'here' }),
  );
  const before = await strata.ok('GET', '/images?limit=1000');
  const plan = await strata.ok('POST', `/vms/${vm.id}/snapshots/${taken.result.snapshotId}/revert`, {
    plan: true,
  });
  expect(plan.before).toHaveLength(1);
  expect(plan.after[0].layers.length).toBe(plan.before[0].layers.length);
  expect((await strata.ok('GET', '/images?limit=1000')).total).toBe(before.total);
});
