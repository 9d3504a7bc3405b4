import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Operation, patchVmBody } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  expectSame,
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
  writeAt,
} from '../../testing/work-bench.ts';

let folder: WorkFolder;
let bench: WorkBench;
let vm: string;
let snapshot: string;
const at = (name: string): string => folder.at(name);
const flat = (name: string): string => join(folder.folder, '..', `${name}.flat`);
const id = (path: string): string => bench.library.images.findByPath(path)?.id ?? `no ${path}`;
const facts = (imageId: string) => bench.library.images.facts(imageId);
const disksOf = (vmId: string): string[] => bench.vms.get(vmId).disks.map(({ imageId }) => imageId);
const vmOf = (operation: Operation): string => String(operation.result?.vmId);
const hidden = (): string[] => readdirSync(folder.folder).filter((name) => name.startsWith('.strata-'));
const keep = (imageId: string, name: string): void => {
  const { path, format } = facts(imageId);
  qemuImg('convert', '-f', format, '-O', 'qcow2', path, flat(name));
};
const reads = (imageId: string, name: string): void => {
  const { path, format } = facts(imageId);
  expectSame(path, flat(name), [format, 'qcow2']);
};

/** A VM with two disks, `web` on `base` and a raw one, a snapshot of both, and something written since. */
const build = async (): Promise<void> => {
  qemuImg('create', '-q', '-f', 'qcow2', at('base.qcow2'), '8M');
  writeAt(at('base.qcow2'), 0, 1);
  qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', at('web.qcow2'));
  writeAt(at('web.qcow2'), 1, 2);
  qemuImg('create', '-q', '-f', 'raw', at('data.raw'), '4M');
  writeAt(at('data.raw'), 2, 3, 'raw');
  await bench.library.images.scan();
  vm = await bench.defineVm({
    name: 'web',
    cpus: 1,
    autostart: true,
    nics: [{ mode: 'user' }],
    notes: 'the original',
    disks: [{ imageId: id(at('web.qcow2')), bus: 'sata', cache: 'none' }, { imageId: id(at('data.raw')) }],
  });
  const taken = await bench.snapshots.take(vm, { name: 'clean', kind: 'external', memory: false });
  snapshot = String((await bench.ended(taken)).result?.snapshotId);
  for (const [position, name] of ['clean-0', 'clean-1'].entries())
    keep(facts(disksOf(vm)[position] ?? '').backingId ?? '', name);
  for (const imageId of disksOf(vm)) writeAt(facts(imageId).path, 3, 9);
  for (const [position, name] of ['now-0', 'now-1'].entries()) keep(disksOf(vm)[position] ?? '', name);
  await bench.library.images.scan();
};
const originalReads = (): void => {
  for (const [position, imageId] of disksOf(vm).entries()) reads(imageId, `now-${position}`);
  for (const [position, { imageId }] of bench.snapshots.get(vm, snapshot).disks.entries())
    reads(imageId, `clean-${position}`);
};

beforeEach(async () => {
  folder = await workFolder();
  bench = await folder.open();
  await build();
});
afterEach(async () => {
  for (const { id: vmId } of bench.vms.list()) if (bench.vms.isLive(vmId)) await bench.vms.poweroff(vmId);
  await folder.dispose();
});

describe('a branch from a snapshot', () => {
  it('is a VM of its own, defined like the original, on overlays of the frozen layers', async () => {
    const operation = await bench.ended(
      await bench.branches.branch(vm, snapshot, { name: 'try it', mode: 'linked' }),
    );
    expect(operation).toMatchObject({ state: 'done', kind: 'vm-branch' });
    const [original, branch] = [bench.vms.get(vm), bench.vms.get(vmOf(operation))];
    expect(branch).toMatchObject({
      name: 'try it',
      notes: 'the original',
      cpus: 1,
      autostart: false,
      state: 'off',
    });
    expect(branch.machine).toBe(original.machine);
    expect(branch.uuid).not.toBe(original.uuid);
    expect(branch.nics[0]?.mac).not.toBe(original.nics[0]?.mac);
    expect(branch.disks).toMatchObject([{ bus: 'sata', cache: 'none' }, { bus: 'virtio' }]);
    for (const [position, imageId] of disksOf(branch.id).entries()) {
      expect(facts(imageId).backingId).toBe(bench.snapshots.get(vm, snapshot).disks[position]?.imageId);
      reads(imageId, `clean-${position}`);
      writeAt(facts(imageId).path, 0, 77);
    }
    originalReads();
    expect(hidden()).toEqual([]);
  });

  it('as a full copy stands on nothing, and reads the same', async () => {
    const operation = await bench.ended(
      await bench.branches.branch(vm, snapshot, { name: 'apart', mode: 'full' }),
    );
    expect(operation).toMatchObject({ state: 'done', progress: { unit: 'bytes' } });
    const disks = disksOf(vmOf(operation));
    expect(disks.map((imageId) => facts(imageId))).toMatchObject([
      { backingId: null, format: 'qcow2' },
      { backingId: null, format: 'raw' },
    ]);
    for (const [position, imageId] of disks.entries()) {
      reads(imageId, `clean-${position}`);
      writeAt(facts(imageId).path, 0, 77, facts(imageId).format);
    }
    originalReads();
  });

  it('is made while the original runs, and both run side by side', async () => {
    await bench.vms.start(vm);
    for (const mode of ['linked', 'full'] as const) {
      const operation = await bench.ended(
        await bench.branches.branch(vm, snapshot, { name: `live ${mode}`, mode }),
      );
      expect(operation).toMatchObject({ state: 'done' });
      for (const [position, imageId] of disksOf(vmOf(operation)).entries())
        reads(imageId, `clean-${position}`);
      expect((await bench.vms.start(vmOf(operation))).state).toBe('running');
    }
    expect(bench.vms.get(vm).state).toBe('running');
  });

  it('is what the VM was then, with its firmware variables, and free of ports that another VM has', async () => {
    const vars = (vmId: string): string => join(folder.folder, '..', 'vms', vmId, 'uefi-vars.fd');
    const forwards = [
      { hostPort: 2222, guestPort: 22 },
      { hostPort: 8080, guestPort: 80 },
    ];
    const { disks } = bench.vms.get(vm);
    await bench.vms.patch(vm, patchVmBody.parse({ cpus: 2, firmware: 'uefi', nics: [{ forwards }] }));
    mkdirSync(join(vars(vm), '..'), { recursive: true });
    writeFileSync(vars(vm), 'boot entries of then');
    const taken = await bench.snapshots.take(vm, { name: 'installed', kind: 'external', memory: false });
    const then = String((await bench.ended(taken)).result?.snapshotId);
    writeFileSync(vars(vm), 'boot entries of now');
    const first = disks[0]?.id ?? '';
    const change = { cpus: 1, nics: [{ forwards: [forwards[1]] }], disks: [{ id: first, bus: 'ide' }] };
    await bench.vms.patch(vm, patchVmBody.parse(change));

    const wish = { name: 'of then', mode: 'linked' } as const;
    const operation = await bench.ended(await bench.branches.branch(vm, then, wish));
    const made = bench.vms.get(vmOf(operation));
    expect(made).toMatchObject({ cpus: 2, firmware: 'uefi', disks: [{ bus: 'sata' }, { bus: 'virtio' }] });
    expect(made.nics[0]?.forwards).toMatchObject([forwards[0]]);
    expect(operation.steps.map(({ text }) => text).join()).toContain('8080');
    expect(readFileSync(vars(made.id), 'utf8')).toBe('boot entries of then');
  });

  it('refuses a name that is taken and a snapshot that is not there', async () => {
    await expect(bench.branches.branch(vm, snapshot, { name: 'WEB', mode: 'linked' })).rejects.toMatchObject({
      code: 'name-taken',
    });
    await expect(bench.branches.branch(vm, 'elsewhere', { name: 'x', mode: 'linked' })).rejects.toMatchObject(
      {
        code: 'not-found',
      },
    );
  });

  it('leaves nothing when the name is taken in the meantime', async () => {
    const before = readdirSync(folder.folder);
    const one = await bench.branches.branch(vm, snapshot, { name: 'same', mode: 'linked' });
    const other = await bench.branches.branch(vm, snapshot, { name: 'same', mode: 'linked' });
    const states = [(await bench.ended(one)).state, (await bench.ended(other)).state];
    expect(states.toSorted()).toEqual(['done', 'failed']);
    await bench.library.images.scan();
    expect(readdirSync(folder.folder)).toHaveLength(before.length + 2);
    originalReads();
  });

  it('can be cancelled while it copies, and leaves nothing', async () => {
    const before = readdirSync(folder.folder);
    const started = await bench.branches.branch(vm, snapshot, { name: 'never', mode: 'full' });
    await bench.operations.cancel(started.id);
    expect((await bench.ended(started)).state).toBe('cancelled');
    expect(readdirSync(folder.folder)).toEqual(before);
    expect(bench.vms.list()).toHaveLength(1);
  });
});

describe('a duplicate', () => {
  it('holds what the disks hold now, in files of its own', async () => {
    const operation = await bench.ended(await bench.branches.duplicate(vm, { name: 'twin', mode: 'full' }));
    expect(operation).toMatchObject({ state: 'done', kind: 'vm-duplicate' });
    for (const [position, imageId] of disksOf(vmOf(operation)).entries()) {
      expect(facts(imageId).backingId).toBeNull();
      reads(imageId, `now-${position}`);
    }
    originalReads();
  });

  it('linked, freezes the active layers: both VMs go on with overlays of their own', async () => {
    const before = disksOf(vm);
    const operation = await bench.ended(await bench.branches.duplicate(vm, { name: 'twin', mode: 'linked' }));
    expect(operation).toMatchObject({ state: 'done' });
    for (const vmId of [vm, vmOf(operation)])
      for (const [position, imageId] of disksOf(vmId).entries()) {
        expect(facts(imageId).backingId).toBe(before[position]);
        reads(imageId, `now-${position}`);
      }
    writeAt(facts(disksOf(vmOf(operation))[0] ?? '').path, 0, 77);
    originalReads();
  });

  it('of a running VM is refused, and says to take a snapshot', async () => {
    await bench.vms.start(vm);
    await expect(bench.branches.duplicate(vm, { name: 'twin', mode: 'full' })).rejects.toMatchObject({
      code: 'vm-running',
      message: expect.stringMatching(/Take a snapshot and branch/),
    });
    expect(bench.vms.list()).toHaveLength(1);
  });

  it('keeps the original from being started meanwhile', async () => {
    const started = await bench.branches.duplicate(vm, { name: 'twin', mode: 'full' });
    await expect(bench.vms.start(vm)).rejects.toMatchObject({ code: 'operation-running' });
    await bench.ended(started);
    expect((await bench.vms.start(vm)).state).toBe('running');
  });
});

describe('killed at any step', () => {
  for (const [what, mode] of [
    ['branch', 'linked'],
    ['branch', 'full'],
    ['duplicate', 'linked'],
  ] as const)
    it(`a ${mode} ${what} is one whole VM after the next start, and no file is left over`, async () => {
      // The first calls look whether there is room, before anything is written down.
      for (let step = what === 'branch' ? 3 : 5; ; step += 1) {
        bench = await folder.open(step);
        const name = `${what} ${step}`;
        const before = readdirSync(folder.folder).length;
        const started =
          what === 'branch'
            ? await bench.branches.branch(vm, snapshot, { name, mode })
            : await bench.branches.duplicate(vm, { name, mode });
        const outcome = await Promise.race([folder.died(), bench.ended(started)]);
        const survived = typeof outcome !== 'string';
        if (!survived) {
          bench = await folder.open();
          expect(await bench.operations.wait(started.id, 60)).toMatchObject({ state: 'done' });
        }
        const made = bench.vms.list().filter((candidate) => candidate.name === name);
        expect(made).toHaveLength(1);
        const shown = what === 'branch' ? 'clean' : 'now';
        for (const [position, imageId] of disksOf(made[0]?.id ?? '').entries())
          reads(imageId, `${shown}-${position}`);
        expect(hidden()).toEqual([]);
        expect(readdirSync(folder.folder)).toHaveLength(before + (what === 'branch' ? 2 : 4));
        originalReads();
        if (survived) break;
      }
    }, 120_000);
});
