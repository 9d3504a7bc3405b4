import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { apiPrefix, type Method, type Vm } from '@strata/contract';
import { afterAll, expect, it } from 'vitest';
import { buildApp, type StrataApp } from './app.ts';
import { testDataDir } from './testing/test-app.ts';

/** The whole server on a VM whose QEMU lives and does not answer: nothing may get at its disks. */
const folders = testDataDir();
const build = (): Promise<StrataApp> =>
  buildApp({
    ...{ version: '0.0.0-test', host: '127.0.0.1', port: 0, ...folders },
    ...{ open: false, token: 'test-token-test-token-test-token-test', webRoot: null, logLevel: 'silent' },
  });
let strata: StrataApp;
let pid = 0;
afterAll(async () => {
  await strata.close();
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It was powered off.
  }
  folders.remove();
});

const call = async (method: Method, path: string, payload?: object) => {
  const answer = await strata.app.inject({
    method,
    url: apiPrefix + path,
    headers: { host: '127.0.0.1', authorization: `Bearer ${strata.token}` },
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: answer.statusCode, body: answer.json() };
};
/** Every file of the library with a sum of its bytes. */
const files = (): Record<string, string> => {
  const folder = join(folders.dataDir, 'images');
  const sum = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
  return Object.fromEntries(
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => [name, sum(name)]),
  );
};

/** What a deletion would give back is read in the background, and may be known later. */
const withoutSizes = (tree: unknown): string =>
  JSON.stringify(tree, (key, value: unknown) => (key === 'sizes' ? undefined : value));

it('refuses every change of a VM that cannot be reached, and leaves every byte as it is', async () => {
  strata = await build();
  const demo = (await call('POST', '/vms/demo', {})).body as Vm;
  pid = (await call('POST', `/vms/${demo.id}/start`, {})).body.pid;
  await sleep(1_000);
  await strata.close();
  process.kill(pid, 'SIGSTOP');
  const before = files();
  strata = await build();

  const vm = (await call('GET', `/vms/${demo.id}`)).body as Vm;
  expect(vm).toMatchObject({ state: 'running', pid, problems: [{ code: 'qemu-unresponsive' }] });
  const snapshots = (await call('GET', `/vms/${vm.id}/snapshots`)).body;
  const [first] = snapshots.tree;
  const active = vm.disks[0]?.imageId ?? '';
  const chain = strata.services.library.images.chainFacts(active).map(({ id }) => id);

  const unresponsive = { status: 503, body: { code: 'qemu-unresponsive' } };
  expect(await call('POST', `/vms/${vm.id}/snapshots`, { name: 'Now' })).toMatchObject(unresponsive);
  for (const keepCurrent of [true, false])
    expect(await call('POST', `/vms/${vm.id}/snapshots/${first.id}/revert`, { keepCurrent })).toMatchObject(
      unresponsive,
    );
  for (const request of [
    { operation: 'commit', top: active, base: chain[1] },
    { operation: 'commit', top: chain[1], base: chain[2] },
    { operation: 'pull', into: active },
  ]) {
    const planned = await call('POST', '/chains/plan', request);
    if (planned.status !== 200 || planned.body.blockers.length > 0) continue;
    expect(planned.body.live, 'never planned as a VM that is off').toBe(true);
    const { fingerprint } = planned.body;
    const ran = await call('POST', '/chains/run?wait=30', { ...request, fingerprint });
    const code = ran.status < 300 ? ran.body.error?.code : ran.body.code;
    expect(code, JSON.stringify(ran.body)).toBe('qemu-unresponsive');
  }
  for (const body of [{ disks: [] }, { disks: [{ id: vm.disks[0]?.id, imageId: chain[1] }] }])
    expect((await call('PATCH', `/vms/${vm.id}`, body)).body.code).toBe('vm-running');
  expect((await call('DELETE', `/vms/${vm.id}?disks=delete`)).body.code).toBe('vm-running');
  for (const id of chain) expect((await call('DELETE', `/images/${id}`)).body.code).toBe('image-in-use');

  expect(files()).toEqual(before);
  expect((await call('GET', `/vms/${vm.id}`)).body.disks).toEqual(vm.disks);
  const after = (await call('GET', `/vms/${vm.id}/snapshots`)).body;
  expect(withoutSizes(after.tree)).toEqual(withoutSizes(snapshots.tree));

  process.kill(pid, 'SIGCONT');
  await strata.services.vms.settled(vm.id);
  const taken = await call('POST', `/vms/${vm.id}/snapshots?wait=30`, { name: 'Afterwards' });
  expect(taken.body, JSON.stringify(taken.body)).toMatchObject({ state: 'done' });
  expect((await call('POST', `/vms/${vm.id}/poweroff`, {})).body.state).toBe('off');
});
