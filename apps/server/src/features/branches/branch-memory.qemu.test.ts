import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Branch, Operation, Snapshot } from '@strata/contract';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  expectSame,
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
  writeAt,
} from '../../testing/work-bench.ts';

/*
 * A VM whose guest stands in its firmware, with a disk on every bus. What a Linux remembers is looked at in
 * `memory-of-a-guest.qemu.test.ts`.
 */
let folder: WorkFolder;
let bench: WorkBench;
let vm: string;
const buses = ['virtio', 'sata', 'scsi', 'usb'] as const;
const flat = (position: number): string => join(folder.folder, '..', `then-${position}.flat`);
const path = (imageId: string): string => bench.library.images.facts(imageId).path;
const memories = (vmId: string): string[] => {
  const place = join(folder.folder, '..', 'vms', vmId, 'memory');
  return existsSync(place) ? readdirSync(place).map((name) => join(place, name)) : [];
};
const macOf = (vmId: string) => bench.vms.get(vmId).nics[0]?.mac;

beforeEach(async () => {
  folder = await workFolder();
  bench = await folder.open();
  for (const bus of buses) {
    qemuImg('create', '-q', '-f', 'qcow2', folder.at(`${bus}.qcow2`), '4M');
    writeAt(folder.at(`${bus}.qcow2`), 0, buses.indexOf(bus) + 1);
  }
  await bench.library.images.scan();
  const disks = buses.map((bus) => ({
    imageId: bench.library.images.findByPath(folder.at(`${bus}.qcow2`))?.id ?? '',
    bus,
  }));
  vm = await bench.defineVm({ name: 'web', disks, nics: [{ mode: 'user' }], display: 'std' });
  for (const [position, { imageId }] of bench.vms.get(vm).disks.entries())
    qemuImg('convert', '-O', 'qcow2', path(imageId), flat(position));
  await bench.vms.start(vm);
});
afterEach(async () => {
  bench = await folder.open();
  for (const { id } of bench.vms.list()) if (bench.vms.isLive(id)) await bench.vms.poweroff(id);
  await folder.dispose();
});

const done = async (operation: Operation): Promise<Operation> => {
  const end = await bench.ended(operation);
  expect(end, JSON.stringify(end.error)).toMatchObject({ state: 'done' });
  return end;
};
const take = async (memory: boolean): Promise<Snapshot> => {
  const { result } = await done(await bench.snapshots.take(vm, { name: 'then', kind: 'external', memory }));
  return bench.snapshots.get(vm, String(result?.snapshotId));
};
const branch = (snapshot: Snapshot, wish: Partial<Branch>): Promise<Operation> =>
  bench.branches.branch(vm, snapshot.id, { name: 'other', mode: 'linked', memory: true, ...wish });
const readsAsThen = (vmId: string): void => {
  for (const [position, { imageId }] of bench.vms.get(vmId).disks.entries())
    expectSame(path(imageId), flat(position));
};

it('is suspended on the memory of the snapshot, and its start goes on from there', async () => {
  const then = await take(true);
  const [kept = ''] = memories(vm);
  for (const mode of ['linked', 'full'] as const) {
    const operation = await done(await branch(then, { name: mode, mode }));
    const other = String(operation.result?.vmId);
    expect(operation.steps.map(({ text }) => text).join()).toMatch(/suspended on the memory/);
    expect(bench.vms.get(other)).toMatchObject({
      ...{ state: 'suspended', suspended: { memoryBytes: then.memoryBytes } },
      disks: buses.map((bus) => ({ bus })),
    });
    expect(macOf(other)).not.toBe(macOf(vm));
    readsAsThen(other);
    // One file with two names: it takes no space until the last of them goes.
    const [own = ''] = memories(other);
    expect(statSync(own).ino).toBe(statSync(kept).ino);
    const { files } = await bench.vms.planDeletion(other, 'delete');
    expect(files).toContainEqual({ kind: 'memory', path: own, bytes: 0 });

    const forgetting = { snapshots: [then.id], mode: 'forget' as const };
    expect((await bench.deletions.plan(vm, forgetting)).freed).toBe(0);

    expect(await bench.vms.start(other)).toMatchObject({ state: 'running', changedSinceStart: false });
    expect(memories(other)).toEqual([]);
    expect(existsSync(kept)).toBe(true);
    expect((await bench.deletions.plan(vm, forgetting)).freed).toBe(statSync(kept).blocks * 512);
  }
  expect(bench.vms.get(vm).state).toBe('running');
  const back = await bench.snapshots.revert(vm, then.id, { keepCurrent: false });
  await done(back);
  expect(bench.vms.get(vm)).toMatchObject({ state: 'running', suspended: null });
}, 60_000);

it('shows the picture of that moment until it goes on', async () => {
  const { id } = await take(true);
  await expect.poll(() => bench.snapshots.get(vm, id).hasScreenshot, { timeout: 10_000 }).toBe(true);
  const then = await bench.snapshots.screenshot(vm, id);
  const { result } = await done(await branch(bench.snapshots.get(vm, id), {}));
  const other = String(result?.vmId);
  expect(bench.vms.get(other)).toMatchObject({ state: 'suspended', hasPicture: true });
  expect(then?.equals((await bench.vms.screenshot(other)) ?? Buffer.alloc(0))).toBe(true);

  const bare = await branch(bench.snapshots.get(vm, id), { name: 'bare', memory: false });
  expect(bench.vms.get(String((await done(bare)).result?.vmId)).hasPicture).toBe(false);
});

it('has the network addresses that its guest remembers until that is restarted, and then its own', async () => {
  // Standing, so that its firmware does not reset the card between the load and the question.
  await bench.vms.pause(vm);
  const { result } = await done(await branch(await take(true), {}));
  const other = String(result?.vmId);
  expect(await bench.vms.start(other)).toMatchObject({ state: 'paused' });
  const addressOf = async (vmId: string): Promise<string> => {
    const answer = await bench.vms.live(vmId)?.qmp.executeRaw('query-rx-filter', {});
    const [filter] = (answer ?? []) as { 'main-mac': string }[];
    return filter?.['main-mac'] ?? 'none';
  };
  expect(await addressOf(other)).toBe(macOf(vm));
  await bench.vms.resume(other);
  await bench.vms.reset(other);
  await expect.poll(() => addressOf(other), { timeout: 10_000 }).toBe(macOf(other));
  expect(await addressOf(vm)).toBe(macOf(vm));
});

it('is refused in words without a memory, and when its file is gone; without memory it stays possible', async () => {
  const [plain, full] = [await take(false), await take(true)];
  await expect(branch(plain, {})).rejects.toMatchObject({
    code: 'not-possible',
    message: expect.stringContaining('of the disks alone'),
  });
  for (const file of memories(vm)) rmSync(file);
  await expect(branch(full, {})).rejects.toMatchObject({
    code: 'not-possible',
    message: expect.stringContaining('is gone'),
  });
  expect(bench.vms.list()).toHaveLength(1);
  const { result } = await done(await branch(full, { memory: false }));
  expect(bench.vms.get(String(result?.vmId)).state).toBe('off');
});

it('killed at any step is one whole VM after the next start, and no file is left over', async () => {
  const then = await take(true);
  const kept = memories(vm);
  // The first calls look whether there is room, before anything is written down.
  for (let step = buses.length + 1; ; step += 1) {
    bench = await folder.open(step);
    const name = `other ${step}`;
    const started = await branch(then, { name });
    const outcome = await Promise.race([folder.died(), bench.ended(started)]);
    bench = await folder.open();
    await done(started);
    const made = bench.vms.list().filter((candidate) => candidate.name === name);
    expect(made).toHaveLength(1);
    const other = made[0]?.id ?? '';
    expect(made[0]).toMatchObject({ state: 'suspended' });
    expect(memories(other)).toHaveLength(1);
    expect(memories(vm)).toEqual(kept);
    readsAsThen(other);
    expect(readdirSync(folder.folder).filter((file) => file.startsWith('.strata-'))).toEqual([]);
    if (typeof outcome === 'string') continue;
    expect(await bench.vms.start(other)).toMatchObject({ state: 'running' });
    break;
  }
}, 120_000);
