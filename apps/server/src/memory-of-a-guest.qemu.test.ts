import { mkdtemp, readdir, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Revert } from '@strata/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDatabase } from './db/open-database.ts';
import { lockHolder } from './qemu/lock-holder.ts';
import { convertImage, imagesAreEqual } from './qemu/qemu-img.ts';
import type { GuestConsole } from './testing/guest-console.ts';
import { type LinuxVm, startLinuxVm } from './testing/linux-vm.ts';

/*
 * A Linux guest counts in memory what it writes to two disks. Whatever moment it is put back to, the three agree.
 */
let linux: LinuxVm;
let guest: GuestConsole;
let copies: string;
let boot: string;
const services = () => linux.strata.services;
const vm = () => services().vms.get(linux.vmId);
const facts = (id: string) => services().library.images.facts(id);
const memoryFolder = (): string => join(linux.dataDir, 'vms', linux.vmId, 'memory');
const actives = (): string[] => vm().disks.map(({ imageId }) => facts(imageId).path);

beforeAll(async () => {
  linux = await startLinuxVm(['16M', '16M']);
  guest = await linux.connect(1);
  boot = await guest.command('boot-id');
  copies = await realpath(await mkdtemp(join(tmpdir(), 'strata-copies-')));
});
afterAll(async () => {
  await linux.stop();
  await rm(copies, { recursive: true, force: true });
});

const ended = async ({ id }: { id: string }, state = 'done') => {
  const operation = await services().operations.wait(id, 60);
  expect(operation, JSON.stringify(operation.error)).toMatchObject({ state });
  return operation;
};
const take = async (name: string) => {
  const wish = { name, kind: 'external' as const, memory: true };
  const { result } = await ended(await services().snapshots.take(linux.vmId, wish));
  return services().snapshots.get(linux.vmId, String(result?.snapshotId));
};
const revert = async (id: string, wish: Partial<Revert> = {}) => {
  const asked = { keepCurrent: false, ...wish };
  const operation = await ended(await services().snapshots.revert(linux.vmId, id, asked));
  guest = await linux.connect(1);
  return operation;
};
const keepCopies = async (layers: readonly string[]): Promise<void> => {
  for (const id of layers) await convertImage(facts(id), { path: join(copies, id), format: 'raw' });
};
const readAsThen = async (layers: readonly string[]): Promise<void> => {
  for (const id of layers)
    expect(await imagesAreEqual(facts(id), { path: join(copies, id), format: 'raw' })).toBe(true);
};

it('memory and both disks are taken at one instant, and the guest goes back to it as often as one likes', async () => {
  await guest.command('mark first');
  await guest.command('pair-start /dev/vda /dev/vdb 0');
  const before = Number(await guest.command('pair-count'));
  const first = await take('first');
  expect(first).toMatchObject({ memory: true, consistency: 'memory', kind: 'external', vmWasOff: false });
  expect(first.pauseMs).toBeGreaterThan(0);
  const [file = ''] = await readdir(memoryFolder());
  const { mode, size } = await stat(join(memoryFolder(), file));
  expect([mode & 0o777, size]).toEqual([0o600, first.memoryBytes]);
  expect(vm().state).toBe('running');
  await guest.command('mark second');
  const layers = first.disks.map(({ imageId }) => imageId);
  await keepCopies(layers);

  for (const keepCurrent of [true, false]) {
    await revert(first.id, { keepCurrent });
    expect(vm()).toMatchObject({ state: 'running', changedSinceStart: false });
    expect(await guest.command('marked')).toBe('first');
    expect(await guest.command('boot-id')).toBe(boot);
    expect(Number(await guest.command('pair-stop'))).toBeGreaterThanOrEqual(before);
    await readAsThen(layers);
  }
}, 120_000);

it('a busy guest is what it was, whatever it was doing', async () => {
  await guest.command('mark busy');
  await guest.command('burn 24');
  const busy = await take('busy');
  await guest.command('burn-stop');
  await guest.command('mark later');
  await revert(busy.id);
  expect(await guest.command('marked')).toBe('busy');
  await guest.command('burn-stop');
}, 120_000);

it('a paused VM stays paused, keeps its disks from others, and comes back paused', async () => {
  await guest.command('mark paused');
  await services().vms.pause(linux.vmId);
  for (const name of ['standing', 'standing still']) {
    const taken = await take(name);
    expect(taken.pauseMs).toBeUndefined();
    expect(vm().state).toBe('paused');
    for (const path of actives()) expect(await lockHolder(path)).toMatchObject({ pid: vm().pid });
  }
  await services().vms.resume(linux.vmId);
  await guest.command('mark resumed');
  const [{ id } = { id: '' }] = (await services().snapshots.tree(linux.vmId)).tree.flatMap(
    function all(node): { id: string }[] {
      return node.name === 'standing' ? [node] : node.children.flatMap(all);
    },
  );
  await revert(id);
  expect(vm().state).toBe('paused');
  await services().vms.resume(linux.vmId);
  expect(await guest.command('marked')).toBe('paused');
}, 120_000);

it('a suspended VM is off with its memory; what it is made of stays; the start goes on', async () => {
  await guest.command('mark asleep');
  await guest.command('pair-start /dev/vda /dev/vdb 2048');
  const before = Number(await guest.command('pair-count'));
  await ended(await services().suspension.suspend(linux.vmId));
  expect(vm()).toMatchObject({ state: 'suspended', suspended: { memoryBytes: expect.any(Number) } });
  const files = await readdir(memoryFolder());

  const { vms, snapshots, suspension } = services();
  const refusal = { code: 'vm-suspended', status: 409 };
  await expect(vms.patch(linux.vmId, { memory: 512 * 1024 ** 2 })).rejects.toMatchObject(refusal);
  await expect(vms.start(linux.vmId, { bootOnce: 'disk' })).rejects.toMatchObject(refusal);
  await expect(suspension.suspend(linux.vmId)).rejects.toMatchObject(refusal);
  const wish = { name: 'no', kind: 'external' as const, memory: false };
  await expect(snapshots.take(linux.vmId, wish)).rejects.toMatchObject(refusal);
  const plan = await services().chains.plan({
    operation: 'pull',
    into: vm().disks[0]?.imageId ?? '',
    deleteUnused: false,
  });
  expect(plan.blockers).toContainEqual(expect.objectContaining({ code: 'vm-suspended' }));
  expect((await vms.patch(linux.vmId, { notes: 'sleeps' })).notes).toBe('sleeps');

  expect((await vms.start(linux.vmId)).state).toBe('running');
  expect(vm()).toMatchObject({ suspended: null, changedSinceStart: false });
  expect(await readdir(memoryFolder())).toHaveLength(files.length - 1);
  guest = await linux.connect(1);
  expect(await guest.command('marked')).toBe('asleep');
  expect(await guest.command('boot-id')).toBe(boot);
  expect(Number(await guest.command('pair-stop'))).toBeGreaterThanOrEqual(before);
}, 120_000);

it('a revert of a suspended VM keeps its memory with its disks, as one more moment to go back to', async () => {
  await guest.command('mark kept');
  const [first] = (await services().snapshots.tree(linux.vmId)).tree;
  await ended(await services().suspension.suspend(linux.vmId));
  const files = await readdir(memoryFolder());
  const { result } = await revert(first?.id ?? '', { keepCurrent: true });
  expect(await guest.command('marked')).toBe('first');
  const kept = services().snapshots.get(linux.vmId, String(result?.keptSnapshotId));
  expect(kept).toMatchObject({ memory: true, consistency: 'memory', origin: 'kept' });
  expect(await readdir(memoryFolder())).toEqual(files);
  await revert(kept.id);
  expect(await guest.command('marked')).toBe('kept');
  const { deletions } = services();
  await ended(await deletions.run(linux.vmId, { snapshots: [kept.id], mode: 'forget' }));
  await expect
    .poll(async () => (await readdir(memoryFolder())).length, { timeout: 10_000 })
    .toBe(files.length - 1);
}, 120_000);

it('a guest that runs is kept with its memory by a revert, when that is wished for, and comes back as it ran', async () => {
  const [first] = (await services().snapshots.tree(linux.vmId)).tree;
  for (const paused of [false, true]) {
    await guest.command(`mark left-${paused}`);
    await guest.command(`pair-start /dev/vda /dev/vdb ${paused ? 1536 : 1024}`);
    const before = Number(await guest.command('pair-count'));
    if (paused) await services().vms.pause(linux.vmId);
    const wish = { keepCurrent: true, keepMemory: true };
    const plan = await services().snapshots.planRevert(linux.vmId, first?.id ?? '', wish);
    expect(plan.steps.join()).toMatch(/save its memory .*Keep the current state and its memory as/s);
    expect(plan.freeSpaceNeeded).toBeGreaterThan(0);
    const { result } = await revert(first?.id ?? '', wish);
    expect(await guest.command('marked')).toBe('first');
    const kept = services().snapshots.get(linux.vmId, String(result?.keptSnapshotId));
    expect(kept).toMatchObject({ memory: true, origin: 'kept', memoryBytes: expect.any(Number) });
    await revert(kept.id);
    expect(vm().state).toBe(paused ? 'paused' : 'running');
    if (paused) await services().vms.resume(linux.vmId);
    expect(await guest.command('marked')).toBe(`left-${paused}`);
    expect(await guest.command('boot-id')).toBe(boot);
    expect(Number(await guest.command('pair-stop'))).toBeGreaterThanOrEqual(before);
  }
}, 120_000);

it('two branches of one moment with memory go on from it, each on its own; the original knows nothing of them', async () => {
  await guest.command('mark original');
  const then = await take('then');
  await guest.command('pair-start /dev/vda /dev/vdb 3072');
  await guest.command('mark went-on');
  const layers = then.disks.map(({ imageId }) => imageId);
  await keepCopies(layers);
  const others: string[] = [];
  for (const mode of ['linked', 'full'] as const) {
    const wish = { name: `other ${mode}`, mode, memory: true };
    const { result } = await ended(await services().branches.branch(linux.vmId, then.id, wish));
    others.push(String(result?.vmId));
  }
  for (const [position, id] of others.entries()) {
    expect((await services().vms.start(id)).state).toBe('running');
    const other = await linux.connect(0, id);
    expect(await other.command('marked')).toBe('original');
    expect(await other.command('boot-id')).toBe(boot);
    await other.command(`mark branch-${position}`);
    await other.command(`write /dev/vda 64 8 ${100 + position}`);
    expect(await other.command('marked')).toBe(`branch-${position}`);
    other.close();
  }
  guest = await linux.connect(1);
  expect(await guest.command('marked')).toBe('went-on');
  expect(Number(await guest.command('pair-stop'))).toBeGreaterThan(0);
  await readAsThen(layers);
  for (const id of others) {
    await services().vms.poweroff(id);
    await services().vms.delete(id, 'delete');
  }
  await readAsThen(layers);
}, 120_000);

it('a memory that does not fit is refused in words, and the VM is off on the disks of that moment', async () => {
  const [first] = (await services().snapshots.tree(linux.vmId)).tree;
  const db = openDatabase(join(linux.dataDir, 'strata.db'));
  db.prepare(
    "UPDATE snapshots SET definition = json_set(definition, '$.definition.memory', ?) WHERE id = ?",
  ).run(512 * 1024 ** 2, first?.id);
  db.close();
  const { id } = await services().snapshots.revert(linux.vmId, first?.id ?? '', { keepCurrent: false });
  const { error } = await ended({ id }, 'failed');
  expect(error).toMatchObject({ code: 'qemu-refused' });
  expect(error?.message).toMatch(/could not go on from its memory: .*"pc\.ram" has 256 MiB.* 512 MiB/);
  expect(vm()).toMatchObject({ state: 'off', suspended: null });
  for (const { id: diskId, imageId } of vm().disks)
    expect(facts(imageId).backingId).toBe(first?.disks.find((disk) => disk.diskId === diskId)?.imageId);
}, 60_000);
