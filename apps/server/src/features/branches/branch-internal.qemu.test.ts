import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Operation } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  expectSame,
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
  writeAt,
} from '../../testing/work-bench.ts';

/*
 *    web ●tag   written on since     ──▶    copy   of what the tag shows, standing on nothing   <- the new VM
 *    base
 */
let folder: WorkFolder;
let bench: WorkBench;
let vm: string;
let snapshot: string;
const names = ['web', 'data'] as const;
const flat = (name: string): string => join(folder.folder, '..', `${name}.flat`);
const facts = (imageId: string) => bench.library.images.facts(imageId);
const disksOf = (vmId: string): string[] => bench.vms.get(vmId).disks.map(({ imageId }) => imageId);
const hidden = (): string[] => readdirSync(folder.folder).filter((name) => name.startsWith('.strata-'));
const branch = (name: string, mode: 'full' | 'linked' = 'full'): Promise<Operation> =>
  bench.branches.branch(vm, snapshot, { name, mode });
const copy = (moment: string): void => {
  for (const name of names)
    qemuImg('convert', '-O', 'qcow2', folder.at(`${name}.qcow2`), flat(`${name} ${moment}`));
};
const showsThen = (vmId: string): void => {
  for (const [position, imageId] of disksOf(vmId).entries())
    expectSame(facts(imageId).path, flat(`${names[position]} then`));
};
const originalReads = (): void => {
  for (const name of names) expectSame(folder.at(`${name}.qcow2`), flat(`${name} now`));
};

beforeEach(async () => {
  folder = await workFolder();
  bench = await folder.open();
  qemuImg('create', '-q', '-f', 'qcow2', folder.at('base.qcow2'), '8M');
  writeAt(folder.at('base.qcow2'), 0, 1);
  qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', folder.at('web.qcow2'));
  writeAt(folder.at('web.qcow2'), 1, 2);
  qemuImg('create', '-q', '-f', 'qcow2', folder.at('data.qcow2'), '4M');
  writeAt(folder.at('data.qcow2'), 2, 3);
  await bench.library.images.scan();
  const idOf = (name: string) => bench.library.images.findByPath(folder.at(`${name}.qcow2`))?.id ?? '';
  vm = await bench.defineVm({ name: 'web', disks: names.map((name) => ({ imageId: idOf(name) })) });
  copy('then');
  const wish = { name: 'clean', kind: 'internal' as const, memory: false };
  snapshot = String((await bench.ended(await bench.snapshots.take(vm, wish))).result?.snapshotId);
  for (const name of names) writeAt(folder.at(`${name}.qcow2`), 0, 9);
  await bench.library.images.scan();
  copy('now');
});
afterEach(async () => {
  for (const { id } of bench.vms.list()) if (bench.vms.isLive(id)) await bench.vms.poweroff(id);
  await folder.dispose();
});

describe('a branch from an internal snapshot', () => {
  it('is a VM of its own on a full copy of that moment; the tags and the original stay as they are', async () => {
    const tags = qemuImg('snapshot', '-l', folder.at('web.qcow2'));
    const operation = await bench.ended(await branch('try it'));
    expect(operation).toMatchObject({ state: 'done', kind: 'vm-branch', progress: { unit: 'bytes' } });
    const made = bench.vms.get(String(operation.result?.vmId));
    expect(made).toMatchObject({ name: 'try it', state: 'off' });
    expect(made.disks.map(({ imageId }) => facts(imageId).backingId)).toEqual([null, null]);
    showsThen(made.id);
    originalReads();
    expect(qemuImg('snapshot', '-l', folder.at('web.qcow2'))).toBe(tags);
    for (const imageId of disksOf(made.id))
      expect(qemuImg('check', facts(imageId).path)).toContain('No errors');
    expect((await bench.vms.start(made.id)).state).toBe('running');
  });

  it('is refused as overlays, which would show what the layers show now', async () => {
    await expect(branch('linked', 'linked')).rejects.toMatchObject({
      code: 'not-possible',
      message: expect.stringContaining('full copy'),
    });
  });

  it('is refused while a VM writes the layers, and possible when they are frozen', async () => {
    await bench.vms.start(vm);
    await expect(branch('never')).rejects.toMatchObject({ code: 'image-in-use' });
    const freeze = { name: 'freeze', kind: 'external' as const, memory: false };
    expect(await bench.ended(await bench.snapshots.take(vm, freeze))).toMatchObject({ state: 'done' });
    const { state, result } = await bench.ended(await branch('below'));
    expect(state).toBe('done');
    showsThen(String(result?.vmId));
  });

  it('leaves nothing when it is cancelled while it copies', async () => {
    const before = readdirSync(folder.folder);
    const started = await branch('never');
    await bench.operations.cancel(started.id);
    expect((await bench.ended(started)).state).toBe('cancelled');
    expect(readdirSync(folder.folder)).toEqual(before);
    expect(bench.vms.list()).toHaveLength(1);
  });

  it('is a whole VM or none, whenever the server is killed', async () => {
    for (let step = 3; step < 40; step += 1) {
      bench = await folder.open(step);
      const name = `branch ${step}`;
      const outcome = await Promise.race([
        folder.died(),
        branch(name).then(
          (started) => bench.ended(started),
          (error: unknown) => error,
        ),
      ]);
      const survived = typeof outcome !== 'string';
      bench = await folder.open();
      for (const { id } of bench.operations.list({}).items) await bench.operations.wait(id, 60);
      const made = bench.vms.list().filter((other) => other.name === name);
      for (const { id } of made) showsThen(id);
      originalReads();
      expect(hidden(), `killed before call ${step} (${String(outcome)})`).toEqual([]);
      if (!survived) continue;
      expect(outcome).toMatchObject({ state: 'done' });
      expect(made).toHaveLength(1);
      expect(step).toBeGreaterThan(5);
      return;
    }
    throw new Error('it never came to an end');
  });
});
