import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import {
  backingOf,
  chainNames,
  expectHealthy,
  expectSameContent,
  flatten,
  imagesAt,
  makeChain,
  write,
} from '../src/images.ts';
import { disposeStrata, finished, type Json, type Strata, startStrata } from '../src/strata.ts';

let strata: Strata;
test.beforeAll(async () => {
  strata = await startStrata();
});
test.afterAll(() => disposeStrata(strata));

const folder = () => join(strata.dataDir, 'images');

const run = async (request: Json): Promise<Json> => {
  const plan = await strata.ok('POST', '/chains/plan', request);
  expect(plan.blockers).toEqual([]);
  const operation = await strata.ok('POST', '/chains/run?wait=60', {
    ...request,
    fingerprint: plan.fingerprint,
  });
  await finished(strata, operation);
  return plan;
};
const vmOn = async (name: string, imageId: string): Promise<Json> => {
  const vm = await strata.ok('POST', '/vms', { name, memory: '64M', disks: [{ imageId }], nics: [] });
  return await strata.ok('POST', `/vms/${vm.id}/start`);
};

for (const live of [false, true]) {
  const how = live ? 'live' : 'offline';

  test(`flattens a layer ${how}: it stands on nothing and reads the same`, async () => {
    const paths = makeChain(folder(), `flat${how}`);
    const whole = flatten(paths.active, test.info().outputPath('whole.raw'));
    const images = await imagesAt(strata, paths);
    const vm = live ? await vmOn(`flat${how}`, images.active.id) : null;
    const plan = await run({ operation: 'flatten', imageId: images.active.id });
    expect(plan.live).toBe(live);
    if (vm !== null) await strata.ok('POST', `/vms/${vm.id}/poweroff`);
    expect(backingOf(paths.active)).toBeNull();
    expectSameContent(whole, paths.active);
    for (const name of chainNames) expectHealthy(paths[name]);
  });

  for (const mode of ['commit', 'pull'] as const)
    test(`deletes a layer in the middle ${how} by ${mode}, the other way priced beside it`, async () => {
      const prefix = `del${mode}${how}`;
      const paths = makeChain(folder(), prefix);
      const whole = flatten(paths.active, test.info().outputPath('whole.raw'));
      const images = await imagesAt(strata, paths);
      const vm = live ? await vmOn(prefix, images.active.id) : null;
      const plan = await run({ operation: 'delete', imageId: images.s2.id, mode });
      expect(plan).toMatchObject({ live, method: mode });
      expect(plan.choices.map((choice: Json) => choice.method)).toEqual(['commit', 'pull']);
      if (vm !== null) await strata.ok('POST', `/vms/${vm.id}/poweroff`);
      expect(existsSync(paths.s2)).toBe(false);
      expect(backingOf(paths.s3)).toBe(`${prefix}-s1.qcow2`);
      expectSameContent(whole, paths.active);
      const trash = (await strata.ok('GET', '/trash')).items.map((item: Json) => item.path);
      expect(trash.includes(paths.s2)).toBe(mode === 'pull');
    });
}

test('rebases onto an image that shares nothing, and refuses it while the VM runs', async () => {
  const paths = makeChain(folder(), 'rebase');
  const others = makeChain(folder(), 'stranger');
  const whole = flatten(paths.active, test.info().outputPath('whole.raw'));
  const images = await imagesAt(strata, paths);
  const strangers = await imagesAt(strata, others);
  const request = { operation: 'rebase', imageId: images.s2.id, backing: strangers.s3.id, mode: 'safe' };
  const vm = await vmOn('rebase', images.active.id);
  const refused = await strata.ok('POST', '/chains/plan', request);
  expect(refused.blockers.map((blocker: Json) => blocker.code)).toEqual(['held-by-running-vm']);
  expect(
    (await strata.call('POST', '/chains/run', { ...request, fingerprint: refused.fingerprint })).body.code,
  ).toBe('plan-blocked');
  await strata.ok('POST', `/vms/${vm.id}/poweroff`);
  await run(request);
  expect(backingOf(paths.s2)).toBe('stranger-s3.qcow2');
  expectSameContent(whole, paths.active);
  for (const name of chainNames) expectHealthy(paths[name]);
});

test('relinks only to a backing that was compared', async () => {
  const paths = makeChain(folder(), 'relink');
  const twins = makeChain(folder(), 'twin');
  const images = await imagesAt(strata, paths);
  const other = await imagesAt(strata, twins);
  const whole = flatten(paths.active, test.info().outputPath('whole.raw'));
  const relink = (backing: string) => ({
    operation: 'rebase',
    imageId: images.s2.id,
    backing,
    mode: 'relink',
    assumeSame: true,
  });
  const differs = relink(other.s3.id);
  const plan = await strata.ok('POST', '/chains/plan', differs);
  const failed = await strata.ok('POST', '/chains/run?wait=60', {
    ...differs,
    fingerprint: plan.fingerprint,
  });
  expect(failed).toMatchObject({ state: 'failed', error: { code: 'not-possible' } });
  expect(backingOf(paths.s2)).toBe('relink-s1.qcow2');
  await run(relink(other.s1.id));
  expect(backingOf(paths.s2)).toBe('twin-s1.qcow2');
  expectSameContent(whole, paths.active);
});

test('compacts a layer to the size the plan says, and a raw base in its place; a running VM is in the way', async () => {
  const paths = makeChain(folder(), 'compact');
  write(paths.s2, 20, 12, 0);
  const disk = join(folder(), 'compact-disk.raw');
  writeFileSync(disk, '');
  truncateSync(disk, 64 * 1024 ** 2);
  write(disk, 0, 4, 7);
  write(disk, 4, 8, 0);
  const whole = flatten(paths.active, test.info().outputPath('whole.raw'));
  const rawBefore = readFileSync(disk);
  const images = await imagesAt(strata, { ...paths, disk });
  const vm = await vmOn('compact', images.active.id);
  const request = { operation: 'compact', imageId: images.s2.id };
  const refused = await strata.ok('POST', '/chains/plan', request);
  expect(refused.blockers.map((blocker: Json) => blocker.code)).toEqual(['held-by-running-vm']);
  await strata.ok('POST', `/vms/${vm.id}/poweroff`);

  const plan = await run(request);
  expect(plan.gain).toMatchObject({ exact: true });
  expect(plan.gain.bytes).toBeGreaterThan(11.5 * 1024 ** 2);
  const after = await strata.ok('GET', `/images/${images.s2.id}`);
  expect(after).toMatchObject({
    path: paths.s2,
    name: images.s2.name,
    backingId: images.s1.id,
    problems: [],
  });
  expect(images.s2.allocatedSize - after.allocatedSize).toBeGreaterThanOrEqual(plan.gain.bytes);
  expectSameContent(whole, paths.active);
  for (const name of chainNames) expectHealthy(paths[name]);
  expect(
    readdirSync(folder()).filter((name) => name.startsWith('.strata-') && name.endsWith('.part')),
  ).toEqual([]);

  const punched = await run({ operation: 'compact', imageId: images.disk.id });
  expect(punched).toMatchObject({ method: 'punch', gain: { bytes: 8 * 1024 ** 2 } });
  expect(statSync(disk).blocks * 512).toBe(4 * 1024 ** 2);
  expect(readFileSync(disk).equals(rawBefore)).toBe(true);
  const again = await strata.call('POST', '/chains/plan', { operation: 'compact', imageId: images.disk.id });
  expect(again).toMatchObject({ status: 422, body: { code: 'not-possible' } });
});

test('a VM continues on the tip of another branch, and back: off, or powered off for it and started again', async () => {
  const paths = makeChain(folder(), 'promote');
  const images = await imagesAt(strata, paths);
  const branch = await strata.ok('POST', '/images', { name: 'promote branch', backing: images.s1.id });
  write(branch.path, 2, 3, 0x66);
  const before = {
    active: flatten(paths.active, test.info().outputPath('active.raw')),
    branch: flatten(branch.path, test.info().outputPath('branch.raw')),
  };
  const vm = await vmOn('promote', images.active.id);
  const [disk] = vm.disks;
  const onto = (imageId: string, more: Json = {}) => ({
    ...{ operation: 'promote', vmId: vm.id, disks: [{ diskId: disk.id, imageId }] },
    ...more,
  });
  const refused = await strata.ok('POST', '/chains/plan', onto(branch.id));
  expect(refused.blockers.map((blocker: Json) => blocker.code)).toEqual(['vm-running']);
  const shut = { ...onto(branch.id), fingerprint: refused.fingerprint };
  expect((await strata.call('POST', '/chains/run', shut)).body.code).toBe('plan-blocked');

  const plan = await run(onto(branch.id, { powerOff: true }));
  expect(plan.switches).toEqual([{ vmId: vm.id, diskId: disk.id, from: images.active.id, to: branch.id }]);
  const now = await strata.ok('GET', `/vms/${vm.id}`);
  expect(now).toMatchObject({ state: 'running', disks: [{ imageId: branch.id }] });
  expect(now.pid).not.toBe(vm.pid);
  expectSameContent(before.branch, branch.path);
  await strata.ok('POST', `/vms/${vm.id}/poweroff`);

  const left = await strata.ok('GET', `/images/${images.active.id}`);
  expect(left).toMatchObject({ present: true, usedBy: [] });
  expectSameContent(before.active, paths.active);
  await run(onto(images.active.id, { keepCurrent: true, name: 'the branch' }));
  const { tree, current } = await strata.ok('GET', `/vms/${vm.id}/snapshots`);
  expect(tree).toMatchObject([{ name: 'the branch', disks: [{ imageId: branch.id }] }]);
  expect(current.snapshotId).toBeNull();
  const back = await strata.ok('POST', '/chains/plan', onto(branch.id));
  expect(back.after[0].layers[0]).toMatchObject({ isNew: true });
  expect(back.steps.join(' ')).toContain('at “the branch”');
});

test('a limit of speed is no hindrance to what copies nothing', async () => {
  const paths = makeChain(folder(), 'unhurried');
  const images = await imagesAt(strata, paths);
  const request = { operation: 'delete', imageId: images.active.id, mode: 'pull' };
  const plan = await strata.ok('POST', '/chains/plan', request);
  expect(plan.method).toBe('trash');
  const limit = { bytesPerSecond: 1024 ** 2 };
  const operation = await strata.ok('POST', '/chains/run', {
    ...request,
    ...limit,
    fingerprint: plan.fingerprint,
  });
  await finished(strata, operation);
  expect(existsSync(paths.active)).toBe(false);
});
