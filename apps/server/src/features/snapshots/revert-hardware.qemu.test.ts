import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { patchVmBody, type Revert, type Vm } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  expectSame,
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
  writeAt,
} from '../../testing/work-bench.ts';

const mebi = 1024 ** 2;
let folder: WorkFolder;
let bench: WorkBench;
let vm: string;

const disk = (size = '16M') => ({ create: { format: 'qcow2' as const, size } });

beforeEach(async () => {
  folder = await workFolder();
  bench = await folder.open();
  vm = await bench.defineVm({ name: 'web', memory: '64M', disks: [disk()] });
});
afterEach(async () => {
  for (const { id } of bench.vms.list()) if (bench.vms.isLive(id)) await bench.vms.poweroff(id);
  await folder.dispose();
});

const now = (): Vm => bench.vms.get(vm);
const patch = (change: object): Promise<Vm> => bench.vms.patch(vm, patchVmBody.parse(change));
const diskIds = (): string[] => now().disks.map(({ id }) => id);
const pathOf = (imageId: string): string => bench.library.images.facts(imageId).path;
const imageOf = (diskId: string): string =>
  now().disks.find(({ id }) => id === diskId)?.imageId ?? `no ${diskId}`;
const write = async (diskId: string, pattern: number): Promise<void> => {
  writeAt(pathOf(imageOf(diskId)), 0, pattern);
  await bench.library.images.scan();
};
/** What a disk reads now, in a file of its own. */
const keepBytes = (diskId: string, name: string): string => {
  const copy = join(folder.folder, '..', `${name}.flat`);
  qemuImg('convert', '-O', 'qcow2', pathOf(imageOf(diskId)), copy);
  return copy;
};
const take = async (name: string): Promise<string> => {
  const started = await bench.snapshots.take(vm, { name, kind: 'external', memory: false });
  const { state, result } = await bench.ended(started);
  expect(state).toBe('done');
  return String(result?.snapshotId);
};
const plan = (snapshot: string, wish: Partial<Revert> = {}) =>
  bench.snapshots.planRevert(vm, snapshot, { keepCurrent: true, ...wish });
const revert = async (snapshot: string, wish: Partial<Revert> = {}): Promise<string> => {
  const started = await bench.snapshots.revert(vm, snapshot, { keepCurrent: true, ...wish });
  const operation = await bench.ended(started);
  expect(operation).toMatchObject({ state: 'done' });
  return String(operation.result?.keptSnapshotId);
};

describe('a revert', () => {
  it('restores the hardware of then, and says what that changes; and back again', async () => {
    const then = now();
    const snapshot = await take('small');
    await patch({ memory: 256 * mebi, cpus: 2, nics: [{ mode: 'isolated' }], notes: 'of now', serial: 2 });
    const answer = await plan(snapshot);
    const rows = answer.hardware ?? [];
    expect(rows.map(({ what }) => what)).toEqual(['Processors', 'Memory', 'Serial ports', 'Network card 1']);
    expect(rows[1]).toMatchObject({ then: '64 MiB', now: '256 MiB' });
    expect(rows[3]).toMatchObject({ then: 'none', now: expect.stringContaining('isolated') });
    expect(answer.steps.join()).toContain('restore the hardware of then');

    const kept = await revert(snapshot);
    const { memory, cpus, nics, serial, notes } = now();
    expect({ memory, cpus, nics, serial }).toEqual({ memory: 64 * mebi, cpus: 1, nics: [], serial: 1 });
    expect(notes).toBe('of now');
    expect(now().disks).toMatchObject(then.disks.map(({ id, bus }) => ({ id, bus })));
    expect((await plan(snapshot)).hardware).toEqual([]);

    await revert(kept);
    expect(now()).toMatchObject({ memory: 256 * mebi, cpus: 2, serial: 2, nics: [{ mode: 'isolated' }] });
  });

  it('leaves the hardware as it is when that is wished for', async () => {
    const snapshot = await take('small');
    await patch({ memory: 256 * mebi });
    expect((await plan(snapshot, { hardware: 'keep' })).hardware).toHaveLength(1);
    await revert(snapshot, { hardware: 'keep' });
    expect(now().memory).toBe(256 * mebi);
  });

  it('is refused when the hardware has changed since its plan was made', async () => {
    const snapshot = await take('small');
    const { fingerprint } = await plan(snapshot);
    await patch({ memory: 256 * mebi });
    const stale = bench.snapshots.revert(vm, snapshot, { keepCurrent: true, fingerprint });
    await expect(stale).rejects.toMatchObject({ code: 'plan-stale' });
  });
});

describe('disks that came and went since', () => {
  it('a new one is taken out, keeps its layer, and comes back with the state that was kept', async () => {
    const [first = ''] = diskIds();
    await write(first, 1);
    const snapshot = await take('one disk');
    await patch({ disks: [{ id: first }, disk('8M')] });
    const [, second = ''] = diskIds();
    await write(first, 2);
    await write(second, 3);
    const [one, two] = [keepBytes(first, 'one'), keepBytes(second, 'two')];
    const layer = imageOf(second);
    expect((await plan(snapshot)).steps.join()).toContain('out of the VM');

    const kept = await revert(snapshot);
    expect(diskIds()).toEqual([first]);
    expectSame(pathOf(layer), two);

    await revert(kept);
    expect(diskIds()).toEqual([first, second]);
    expectSame(pathOf(imageOf(first)), one);
    expectSame(pathOf(imageOf(second)), two);
    expect(bench.library.images.facts(imageOf(second)).backingId).toBe(layer);
  });

  it('a new one stays in the library although the current state is given up', async () => {
    const [first = ''] = diskIds();
    const snapshot = await take('one disk');
    await patch({ disks: [{ id: first }, disk('8M')] });
    const layer = imageOf(diskIds()[1] ?? '');
    expect((await plan(snapshot, { keepCurrent: false })).nowUnused).toMatchObject([{ imageId: layer }]);
    await revert(snapshot, { keepCurrent: false });
    expect(existsSync(pathOf(layer))).toBe(true);
  });

  it('a new one stays in the VM when the hardware is kept', async () => {
    const snapshot = await take('one disk');
    await patch({ disks: [{ id: diskIds()[0] }, disk('8M')] });
    const second = diskIds()[1] ?? '';
    const before = imageOf(second);
    await revert(snapshot, { hardware: 'keep' });
    expect(imageOf(second)).toBe(before);
  });

  it('one that was removed comes back with what it held', async () => {
    const [first = ''] = diskIds();
    await patch({ disks: [{ id: first }, { ...disk('8M'), bus: 'sata' }] });
    const [, second = ''] = diskIds();
    await write(second, 5);
    const held = keepBytes(second, 'held');
    const snapshot = await take('two disks');
    await patch({ disks: [{ id: first }] });
    await expect(plan(snapshot, { hardware: 'keep' })).rejects.toMatchObject({ code: 'not-possible' });
    await revert(snapshot);
    expect(now().disks).toMatchObject([{ id: first }, { id: second, bus: 'sata' }]);
    expectSame(pathOf(imageOf(second)), held);
  });
});

describe('what the hardware of then can no longer have', () => {
  it('a medium that is gone leaves its drive empty, and is named', async () => {
    const iso = folder.at('gone.iso');
    qemuImg('create', '-q', '-f', 'raw', iso, '1M');
    await bench.library.images.scan();
    const imageId = bench.library.images.findByPath(iso)?.id ?? '';
    await patch({ media: [{ kind: 'cdrom', imageId }] });
    const snapshot = await take('with a medium');
    await patch({ media: [] });
    rmSync(iso);
    await bench.library.images.scan();
    const { hardware } = await plan(snapshot);
    expect(hardware).toMatchObject([{ what: 'CD drive cd0', then: expect.stringMatching(/gone/) }]);
    await revert(snapshot);
    expect(now().media).toMatchObject([{ slot: 'cd0', imageId: null }]);
    await bench.vms.start(vm);
  });

  it('a port that something else has now is refused before anything is touched', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((listening) => holder.once('listening', listening));
    const { port } = holder.address() as AddressInfo;
    await patch({ nics: [{ forwards: [{ hostPort: port, guestPort: 22 }] }] });
    const snapshot = await take('with a forward');
    await patch({ nics: [] });
    try {
      const { blockers } = await plan(snapshot, { start: true });
      expect(blockers).toMatchObject([{ code: 'port-taken', message: expect.stringContaining(`${port}`) }]);
      expect((await plan(snapshot, { start: false })).blockers).toEqual([]);
      expect((await plan(snapshot, { start: true, hardware: 'keep' })).blockers).toEqual([]);
    } finally {
      holder.close();
    }
  });

  it('an address that another VM has now is given up for a new one', async () => {
    const mac = '52:54:00:11:22:33';
    await patch({ nics: [{ mac }] });
    const snapshot = await take('with a card');
    await patch({ nics: [] });
    await bench.defineVm({ name: 'other', nics: [{ mac }] });
    await revert(snapshot);
    expect(now().nics).toHaveLength(1);
    expect(now().nics[0]?.mac).not.toBe(mac);
  });

  it('a kernel that is gone is refused, and the hardware of now can be kept', async () => {
    const kernel = join(folder.folder, '..', 'kernel');
    writeFileSync(kernel, 'not booted here');
    await patch({ kernel: { path: kernel } });
    const snapshot = await take('with a kernel');
    await patch({ kernel: null });
    rmSync(kernel);
    expect((await plan(snapshot)).blockers).toMatchObject([{ message: expect.stringContaining(kernel) }]);
    expect((await plan(snapshot, { hardware: 'keep' })).blockers).toEqual([]);
  });
});

describe('the UEFI variables', () => {
  const vars = (): string => join(folder.folder, '..', 'vms', vm, 'uefi-vars.fd');
  const set = (content: string): void => {
    mkdirSync(join(vars(), '..'), { recursive: true });
    writeFileSync(vars(), content);
  };
  it('are those of then afterwards; a VM that had none yet gets fresh ones', async () => {
    await patch({ firmware: 'uefi' });
    const fresh = await take('never started');
    set('of then');
    const snapshot = await take('installed');
    set('of now');
    const kept = await revert(snapshot);
    expect(readFileSync(vars(), 'utf8')).toBe('of then');
    await revert(kept);
    expect(readFileSync(vars(), 'utf8')).toBe('of now');
    await revert(fresh);
    expect(existsSync(vars())).toBe(false);
  });
});

describe('from any state of the VM, in one step', () => {
  const states: readonly [Vm['state'], (() => Promise<unknown>) | null, Vm['state']][] = [
    ['running', async () => bench.vms.start(vm), 'running'],
    ['paused', async () => bench.vms.start(vm, { paused: true }), 'paused'],
    [
      'crashed',
      async () => {
        const { pid } = await bench.vms.start(vm);
        process.kill(pid ?? 0, 'SIGKILL');
        await expect.poll(() => now().state, { timeout: 30_000 }).toBe('crashed');
      },
      'off',
    ],
    ['off', null, 'off'],
  ];
  it.each(states)('%s', async (state, enter, after) => {
    const [first = ''] = diskIds();
    await write(first, 1);
    const held = keepBytes(first, 'held');
    const snapshot = await take('then');
    await write(first, 2);
    const left = keepBytes(first, 'left');
    await patch({ memory: 128 * mebi });
    await enter?.();
    expect(now().state).toBe(state);
    const frozen = imageOf(first);
    const kept = await revert(snapshot);
    expect(now()).toMatchObject({ state: after, memory: 64 * mebi });
    if (bench.vms.isLive(vm)) await bench.vms.poweroff(vm);
    expectSame(pathOf(imageOf(first)), held);
    expectSame(pathOf(frozen), left);
    await revert(kept);
    expect(now()).toMatchObject({ state: 'off', memory: 128 * mebi });
    expectSame(pathOf(imageOf(first)), left);
  });
});
