import type { ChainRequest, Operation } from '@strata/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { StrataApp } from './app.ts';
import { checkImage } from './qemu/qemu-img.ts';
import type { GuestConsole } from './testing/guest-console.ts';
import { type LinuxVm, startLinuxVm } from './testing/linux-vm.ts';

/** The whole server, a real Linux that writes all the time, and every operation on the layers under it. */
let linux: LinuxVm;
let strata: StrataApp;
let vmId: string;
let guest: GuestConsole;

const active = () => strata.services.vms.get(vmId).disks[0]?.imageId ?? '';
const backing = (id: string) => strata.services.library.images.facts(id).backingId ?? '';

const done = async (operation: Operation): Promise<string> => {
  const ended = await strata.services.operations.wait(operation.id, 60);
  expect(ended, JSON.stringify(ended.error)).toMatchObject({ state: 'done' });
  return String(ended.result?.snapshotId);
};
const take = async (name: string) =>
  done(await strata.services.snapshots.take(vmId, { name, kind: 'external', memory: false }));
const merge = async (request: ChainRequest) => {
  const { chains } = strata.services;
  const { fingerprint, blockers, live } = await chains.plan(request);
  expect({ blockers, live }).toEqual({ blockers: [], live: true });
  await done(await chains.run(request, fingerprint));
};

beforeAll(async () => {
  linux = await startLinuxVm('64M');
  ({ strata, vmId } = linux);
  guest = await linux.connect(1);
});
afterAll(() => linux.stop());

it('loses no write of the guest through snapshots, commits, a pivot and a pull, and reverts to what was', async () => {
  await guest.command('write /dev/vda 16 32 1');
  const first = await take('first');
  await guest.command('write /dev/vda 16 16 2');
  await take('second');
  await guest.command('write /dev/vda 64 32 3');
  await guest.command('log-start /dev/vda 4096 64');

  await take('third');
  await take('fourth');
  // base ← s1 ← s2 ← s3 ← active: the layer in the middle goes down, then the active one, then the rest comes up.
  const below = backing(active());
  await merge({ operation: 'commit', top: below, base: backing(below) });
  await merge({ operation: 'commit', top: active(), base: backing(active()) });
  await merge({ operation: 'pull', into: active(), deleteUnused: false });
  expect(backing(active())).toBe('');
  expect(strata.services.vms.get(vmId).state).toBe('running');

  expect(Number(await guest.command('log-stop'))).toBeGreaterThan(0);
  expect(await guest.command('log-check')).toMatch(/^\d+$/);
  expect(await guest.command('check /dev/vda 16 16 2')).toBe('same');
  expect(await guest.command('check /dev/vda 64 32 3')).toBe('same');

  guest.close();
  await done(
    await strata.services.snapshots.revert(vmId, first, {
      keepCurrent: true,
      name: 'all of it',
      start: true,
    }),
  );
  guest = await linux.connect(2);
  expect(await guest.command('check /dev/vda 16 32 1')).toBe('same');
  expect(await guest.command('check /dev/vda 64 32 3')).toBe('different');

  const { tree } = await strata.services.snapshots.tree(vmId);
  const kept = JSON.stringify(tree);
  expect(kept).toContain('all of it');
  await strata.services.vms.poweroff(vmId);
  for (const { path, format } of strata.services.library.images.list())
    if (format === 'qcow2') expect((await checkImage({ path, format })).errors).toBe(0);
});
