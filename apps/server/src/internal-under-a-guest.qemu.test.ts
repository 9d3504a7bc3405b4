import { afterAll, beforeAll, expect, it } from 'vitest';
import type { GuestConsole } from './testing/guest-console.ts';
import { type LinuxVm, startLinuxVm } from './testing/linux-vm.ts';

/*
 * The guest writes a ledger to its disk, keeps the checksums of all entries in its memory, and reads earlier entries
 * back all the time: memory of one moment over a disk of another is found at once.
 */

let linux: LinuxVm;
let guest: GuestConsole;

beforeAll(async () => {
  linux = await startLinuxVm('64M');
  guest = await linux.connect(1);
}, 120_000);
afterAll(() => linux.stop());

const ended = async ({ id }: { id: string }) => {
  const operation = await linux.strata.services.operations.wait(id, 60);
  expect(operation.error).toBeUndefined();
  return String(operation.result?.snapshotId);
};
const count = async (): Promise<number> => Number(await guest.command('ledger-count'));
const reaches = (number: number): Promise<void> =>
  expect.poll(count, { timeout: 120_000, interval: 200 }).toBeGreaterThan(number);

it('a real guest goes on from the memory of an internal snapshot, running or off, over the disk of that moment', {
  timeout: 300_000,
}, async () => {
  const { snapshots, vms } = linux.strata.services;
  await guest.command('ledger-start /dev/vda 0');
  await reaches(5);
  const wish = { name: 'ledger', kind: 'internal' as const, memory: true };
  const snapshot = await ended(await snapshots.take(linux.vmId, wish));
  const then = await count();
  const forgotten = async (): Promise<void> => {
    // The second log was begun after the snapshot: a guest of that moment knows nothing of it.
    expect(await guest.command('log-count')).toBe('');
    await reaches(then + 3);
  };
  await guest.command('log-start /dev/vda 8192 4');
  await reaches(then + 5);
  await ended(await snapshots.revert(linux.vmId, snapshot, { keepCurrent: false }));
  expect(vms.get(linux.vmId).state).toBe('running');
  await forgotten();

  await guest.command('log-start /dev/vda 8192 4');
  await vms.poweroff(linux.vmId);
  await ended(await snapshots.revert(linux.vmId, snapshot, { keepCurrent: true }));
  guest = await linux.connect(1);
  await forgotten();
  expect(Number(await guest.command('ledger-stop'))).toBeGreaterThan(then);
});
