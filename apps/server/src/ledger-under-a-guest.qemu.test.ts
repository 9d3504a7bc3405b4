import { mkdtemp, open, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChainRequest } from '@strata/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkImage, convertImage } from './qemu/qemu-img.ts';
import type { GuestConsole } from './testing/guest-console.ts';
import { ledgerBytes } from './testing/linux-guest.ts';
import { type LinuxVm, startLinuxVm } from './testing/linux-vm.ts';

/*
 * A Linux guest writes a log, each entry with the checksum of the one before it, and reads earlier ones back all the
 * time, while every operation that goes on under a running VM goes on under it. After power-off the host reads the log.
 */
const blockSize = 4096;
const firstBlock = 4096;

let linux: LinuxVm;
let guest: GuestConsole;
/** Another folder of the library. */
let elsewhere: string;
const services = () => linux.strata.services;
const active = (): string => services().vms.get(linux.vmId).disks[0]?.imageId ?? '';
const facts = (id: string) => services().library.images.facts(id);

beforeAll(async () => {
  linux = await startLinuxVm('64M');
  guest = await linux.connect(1);
  elsewhere = await realpath(await mkdtemp(join(tmpdir(), 'strata-elsewhere-')));
});
afterAll(async () => {
  await linux.stop();
  await rm(elsewhere, { recursive: true, force: true });
});

const entries = async (): Promise<number> => Number(await guest.command('ledger-count'));

const snapshot = async (name: string): Promise<void> => {
  const { id } = await services().snapshots.take(linux.vmId, { name, kind: 'external', memory: false });
  expect((await services().operations.wait(id, 60)).state).toBe('done');
};

/** Slowly enough that the guest writes on while it lasts: answers how many entries it wrote meanwhile. */
const during = async (request: ChainRequest): Promise<number> => {
  const { chains, operations } = services();
  const before = await entries();
  const { fingerprint, blockers, live } = await chains.plan(request);
  expect({ blockers, live }).toEqual({ blockers: [], live: true });
  const { id } = await chains.run(request, fingerprint);
  await operations.setSpeed(id, 6 * 1024 ** 2);
  const ended = await operations.wait(id, 60);
  expect(ended, JSON.stringify(ended.error)).toMatchObject({ state: 'done' });
  expect(services().vms.get(linux.vmId).state).toBe('running');
  return (await entries()) - before;
};

it('a Linux guest loses no entry of its log through commit, pull, mirror and pivot, and the host finds all of them', async () => {
  await services().library.folders.add(elsewhere);
  const home = join(await realpath(linux.dataDir), 'images');

  await guest.command(`ledger-start /dev/vda ${firstBlock}`);
  for (const [name, number] of [
    ['one', 1],
    ['two', 2],
    ['three', 3],
  ] as const) {
    await guest.command(`write /dev/vda ${512 * number} 512 ${number}`);
    await snapshot(name);
  }
  await guest.command('write /dev/vda 2048 512 4');

  // base ← one ← two ← active
  const two = facts(active()).backingId ?? '';
  const one = facts(two).backingId ?? '';
  const written = {
    commit: await during({ operation: 'commit', top: two, base: one }),
    mirror: await during({ operation: 'move', imageId: active(), folder: elsewhere }),
    activeCommit: await during({ operation: 'commit', top: active(), base: one }),
    pull: await during({ operation: 'pull', into: active(), deleteUnused: false }),
    mirrorAlone: await during({ operation: 'move', imageId: active(), folder: elsewhere }),
    mirrorBack: await during({ operation: 'move', imageId: active(), folder: home }),
  };
  for (const [what, count] of Object.entries(written)) expect(count, what).toBeGreaterThan(0);
  expect(active()).toBe(one);

  const count = Number(await guest.command('ledger-stop'));
  expect(count).toBeGreaterThan(20);
  guest.tell('poweroff');
  await expect.poll(() => services().vms.get(linux.vmId).state, { timeout: 20_000 }).toBe('off');

  const disk = facts(active());
  expect(disk.path.startsWith(home)).toBe(true);
  expect((await checkImage(disk)).errors).toBe(0);
  const flat = join(elsewhere, 'flat.raw');
  await convertImage(disk, { path: flat, format: 'raw' });
  const wanted = ledgerBytes(count);
  const file = await open(flat);
  const found = Buffer.alloc(wanted.length);
  await file.read(found, 0, found.length, firstBlock * blockSize);
  await file.close();
  expect(found.equals(wanted)).toBe(true);
}, 120_000);
