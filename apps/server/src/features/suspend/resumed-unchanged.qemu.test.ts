import { createVmBody } from '@strata/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildApp, type StrataApp } from '../../app.ts';
import { testDataDir } from '../../testing/test-app.ts';

const folders = testDataDir();
let strata: StrataApp;
let vmId = '';
const vm = () => strata.services.vms.get(vmId);

beforeAll(async () => {
  const { dataDir, runDir } = folders;
  strata = await buildApp({
    ...{ version: '0.0.0-test', host: '127.0.0.1', port: 0, dataDir, runDir, open: false },
    ...{ token: 'test-token-test-token-test-token-test', webRoot: null, logLevel: 'silent' },
  });
  const wish = { name: 'web', memory: '32M', accelerator: 'auto', display: 'none', nics: [] };
  const disks = [{ create: { format: 'qcow2', size: '1M' } }];
  vmId = (await strata.services.vms.create(createVmBody.parse({ ...wish, disks }))).id;
  await strata.services.vms.start(vmId);
});
afterAll(async () => {
  await strata.services.vms.poweroff(vmId).catch(() => {});
  await strata.close();
  folders.remove();
});

const done = async ({ id }: { id: string }) => {
  const operation = await strata.services.operations.wait(id, 60);
  expect(operation, JSON.stringify(operation.error)).toMatchObject({ state: 'done' });
  return operation;
};
const unchanged = { state: 'running', accelerator: 'auto', suspended: null, changedSinceStart: false };

it('a VM that goes on from its memory runs with what it is defined with, until that is changed', async () => {
  await done(await strata.services.suspension.suspend(vmId));
  await strata.services.vms.start(vmId);
  expect(vm()).toMatchObject(unchanged);

  const wish = { name: 'then', kind: 'external' as const, memory: true };
  const { result } = await done(await strata.services.snapshots.take(vmId, wish));
  await done(
    await strata.services.snapshots.revert(vmId, String(result?.snapshotId), { keepCurrent: false }),
  );
  expect(vm()).toMatchObject(unchanged);

  await strata.services.vms.patch(vmId, { cpus: 2 });
  expect(vm()).toMatchObject({ changedSinceStart: true });
}, 60_000);
