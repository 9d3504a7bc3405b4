import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import {
  backingOf,
  type ChainName,
  chainNames,
  expectHealthy,
  expectSameContent,
  flatten,
  imagesAt,
  makeChain,
  write,
} from '../src/images.ts';
import { disposeStrata, finished, type Json, type Strata, startStrata, until } from '../src/strata.ts';

let strata: Strata;
test.beforeAll(async () => {
  strata = await startStrata();
});
test.afterAll(() => disposeStrata(strata));

const folder = () => join(strata.dataDir, 'images');
const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

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

/** A VM on the chain's active layer, running without any guest system. */
const vmOn = async (name: string, imageId: string): Promise<Json> => {
  const vm = await strata.ok('POST', '/vms', { name, memory: '64M', disks: [{ imageId }], nics: [] });
  return await strata.ok('POST', `/vms/${vm.id}/start`);
};

const commits: { top: ChainName; base: ChainName }[] = [
  { top: 's3', base: 'base' },
  { top: 's2', base: 'base' },
  { top: 's1', base: 'base' },
  { top: 's2', base: 's1' },
  { top: 's3', base: 's2' },
  { top: 's3', base: 's1' },
  { top: 'active', base: 's3' },
  { top: 'active', base: 'base' },
];

for (const live of [false, true]) {
  for (const [index, { top, base }] of commits.entries()) {
    test(`commits ${top} into ${base} ${live ? 'live' : 'offline'} with the same contents`, async () => {
      const info = test.info();
      const prefix = `${live ? 'live' : 'off'}${index}`;
      const paths = makeChain(folder(), prefix);
      const whole = flatten(paths.active, info.outputPath('whole.raw'));
      const kept = chainNames.filter(
        (_, at) => at > chainNames.indexOf(top) || at < chainNames.indexOf(base),
      );
      const flats = kept.map((name) => ({
        name,
        flat: flatten(paths[name], info.outputPath(`${name}.raw`)),
      }));
      const images = await imagesAt(strata, paths);
      const vm = live ? await vmOn(prefix, images.active.id) : null;

      const plan = await run({ operation: 'commit', top: images[top].id, base: images[base].id });

      expect(plan.live).toBe(live);
      if (vm !== null) {
        expect((await strata.ok('GET', `/vms/${vm.id}`)).state).toBe('running');
        const after = await strata.ok('POST', `/vms/${vm.id}/poweroff`);
        expect(after.disks[0].imageId).toBe(top === 'active' ? images[base].id : images.active.id);
      }
      expectSameContent(whole, top === 'active' ? paths[base] : paths.active);
      for (const { name, flat } of flats) expectSameContent(flat, paths[name]);
      for (const name of chainNames) {
        const merged =
          chainNames.indexOf(name) > chainNames.indexOf(base) &&
          chainNames.indexOf(name) <= chainNames.indexOf(top);
        expect(existsSync(paths[name]), `${name} exists`).toBe(!merged);
        if (!merged) expectHealthy(paths[name]);
      }
      const above = chainNames[chainNames.indexOf(top) + 1];
      if (above !== undefined) expect(backingOf(paths[above])).toBe(`${prefix}-${base}.qcow2`);
    });
  }
}

test('a pull that is reported done survives kill -9 of QEMU at once', async () => {
  const info = test.info();
  const paths = makeChain(folder(), 'pull');
  const whole = flatten(paths.active, info.outputPath('whole.raw'));
  const images = await imagesAt(strata, paths);
  const vm = await vmOn('pull', images.active.id);

  const plan = await strata.ok('POST', '/chains/plan', {
    operation: 'pull',
    into: images.active.id,
    from: images.s1.id,
  });
  const operation = await strata.ok('POST', '/chains/run?wait=60', {
    operation: 'pull',
    into: images.active.id,
    from: images.s1.id,
    fingerprint: plan.fingerprint,
  });
  process.kill(vm.pid, 'SIGKILL');
  // It holds its locks until it is gone.
  await until(
    'the VM is seen to have crashed',
    () => strata.ok('GET', `/vms/${vm.id}`),
    (seen) => seen.state === 'crashed',
  );

  expect(operation.state).toBe('done');
  expectSameContent(whole, paths.active);
  expectHealthy(paths.active);
  expect(backingOf(paths.active)).toBe('pull-base.qcow2');
});

test('a full pull offline leaves an image that stands on nothing', async () => {
  const info = test.info();
  const paths = makeChain(folder(), 'flat');
  const whole = flatten(paths.active, info.outputPath('whole.raw'));
  const images = await imagesAt(strata, paths);
  await run({ operation: 'pull', into: images.active.id });
  expectSameContent(whole, paths.active);
  expect(backingOf(paths.active)).toBeNull();
  for (const name of ['base', 's1', 's2', 's3'] as const) expect(existsSync(paths[name])).toBe(true);
});

test('refuses a commit into a base that another overlay stands on, and touches nothing', async () => {
  const paths = makeChain(folder(), 'shared');
  const sibling = makeChain(folder(), 'sibling');
  const images = await imagesAt(strata, { ...paths, other: sibling.active });
  const branch = await strata.ok('POST', '/images', {
    name: 'a branch',
    format: 'qcow2',
    backing: images.s1.id,
  });
  const before = chainNames.map((name) => sha256(paths[name]));

  const request = { operation: 'commit', top: images.s3.id, base: images.base.id };
  const plan = await strata.ok('POST', '/chains/plan', request);
  const refused = await strata.call('POST', '/chains/run', { ...request, fingerprint: plan.fingerprint });

  expect(plan.blockers.length).toBeGreaterThan(0);
  expect(JSON.stringify(plan.blockers)).toContain(branch.name);
  expect(refused.status).toBe(409);
  expect(refused.body.code).toBe('plan-blocked');
  expect(refused.body.blockers.length).toBeGreaterThan(0);
  expect(chainNames.map((name) => sha256(paths[name]))).toEqual(before);
});

test('refuses a plan that the world has overtaken', async () => {
  const paths = makeChain(folder(), 'stale');
  const images = await imagesAt(strata, paths);
  const request = { operation: 'commit', top: images.s2.id, base: images.s1.id };
  const plan = await strata.ok('POST', '/chains/plan', request);
  write(paths.s2, 60, 1, 0x77);
  const refused = await strata.call('POST', '/chains/run', { ...request, fingerprint: plan.fingerprint });
  expect(refused.status).toBe(409);
  expect(refused.body.code).toBe('plan-stale');
});
