import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type WorkBench, type WorkFolder, workFolder } from '../../testing/work-bench.ts';
import { snapshotsRepository } from './snapshots.repository.ts';

const mebi = 1024 ** 2;
let folder: WorkFolder;
let bench: WorkBench;
let vm: string;

beforeEach(async () => {
  folder = await workFolder();
  bench = await folder.open();
  vm = await bench.defineVm({
    name: 'web',
    memory: '128M',
    firmware: 'uefi',
    disks: [{ create: { format: 'qcow2', size: '16M' } }],
  });
});
afterEach(async () => {
  for (const { id, state } of bench.vms.list()) if (state !== 'off') await bench.vms.poweroff(id);
  await folder.dispose();
});

const ofVm = (...path: string[]): string => join(folder.folder, '..', 'vms', vm, ...path);
const kept = (): string[] => (existsSync(ofVm('uefi')) ? readdirSync(ofVm('uefi')) : []);
const pictures = (): string[] => (existsSync(ofVm('snapshots')) ? readdirSync(ofVm('snapshots')) : []);
const setVariables = (content: string): void => {
  mkdirSync(ofVm(), { recursive: true });
  writeFileSync(ofVm('uefi-vars.fd'), content);
};
const take = async (name: string) => {
  const started = await bench.snapshots.take(vm, { name, kind: 'external', memory: false });
  const { result, state } = await bench.ended(started);
  expect(state).toBe('done');
  const stored = snapshotsRepository(bench.db).find(String(result?.snapshotId));
  if (stored === null) throw new Error('there is no such snapshot');
  return stored;
};

describe('a restore point', () => {
  it('holds the hardware of a VM that is off, and its UEFI variables', async () => {
    setVariables('boot entries of then');
    const { imageId } = bench.vms.get(vm).disks[0] ?? {};
    const stored = await take('first');
    expect(stored.definition?.definition).toMatchObject({ memory: 128 * mebi, firmware: 'uefi' });
    expect(stored.definition?.disks).toMatchObject([{ imageId, bus: 'virtio' }]);
    setVariables('boot entries of later');
    expect(readFileSync(ofVm('uefi', stored.varsFile ?? ''), 'utf8')).toBe('boot entries of then');
  });

  it('holds no variables of a VM that was never started, and none of a VM with a BIOS', async () => {
    expect((await take('fresh')).varsFile).toBeNull();
    setVariables('left from before');
    await bench.vms.patch(vm, { firmware: 'bios' });
    expect((await take('bios')).varsFile).toBeNull();
    expect(kept()).toEqual([]);
  });

  it('of a running VM holds the hardware it was started with, not what it would be started with', async () => {
    await bench.vms.start(vm, { bootOnce: 'disk' });
    await bench.vms.patch(vm, { memory: 256 * mebi, nics: [], serial: 2, notes: 'of today' });
    const { definition, varsFile } = await take('live');
    expect(definition?.definition).toMatchObject({
      ...{ memory: 128 * mebi, serial: 1, notes: 'of today' },
      boot: { once: null },
    });
    expect(readFileSync(ofVm('uefi', varsFile ?? ''))).toEqual(readFileSync(ofVm('uefi-vars.fd')));
  });

  it('is kept whole by a revert, too', async () => {
    setVariables('of then');
    const { id } = await take('first');
    setVariables('of now');
    const { state, result } = await bench.ended(await bench.snapshots.revert(vm, id, { keepCurrent: true }));
    expect(state).toBe('done');
    const stored = snapshotsRepository(bench.db).find(String(result?.keptSnapshotId));
    expect(stored?.definition?.definition.memory).toBe(128 * mebi);
    expect(readFileSync(ofVm('uefi', stored?.varsFile ?? ''), 'utf8')).toBe('of now');
  });

  it.each(['external', 'internal'] as const)(
    'of which the variables are gone (%s) is refused in the plan, until those of today are to stay',
    async (kind) => {
      setVariables('of then');
      const started = await bench.snapshots.take(vm, { name: 'then', kind, memory: false });
      const id = String((await bench.ended(started)).result?.snapshotId);
      for (const name of kept()) rmSync(ofVm('uefi', name));
      setVariables('of today');
      const wish = { keepCurrent: false };
      expect((await bench.snapshots.planRevert(vm, id, wish)).blockers).toMatchObject([
        { code: 'uefi-vars-missing', message: expect.stringContaining('of today instead') },
      ]);
      await expect(bench.snapshots.revert(vm, id, wish)).rejects.toMatchObject({ code: 'plan-blocked' });
      if (kind === 'external')
        await expect(bench.branches.branch(vm, id, { name: 'other', mode: 'linked' })).rejects.toMatchObject({
          code: 'not-possible',
          message: expect.stringContaining('are gone'),
        });
      const back = await bench.snapshots.revert(vm, id, { ...wish, uefiVars: 'keep' });
      expect((await bench.ended(back)).state).toBe('done');
      expect(readFileSync(ofVm('uefi-vars.fd'), 'utf8')).toBe('of today');
    },
  );

  it('takes its variables along when it is forgotten', async () => {
    setVariables('of then');
    const { id } = await take('first');
    expect(kept()).toHaveLength(1);
    await bench.ended(await bench.deletions.run(vm, { snapshots: [id], mode: 'forget' }));
    expect(kept()).toEqual([]);
  });

  it('that could not be taken leaves no copy of the variables', async () => {
    setVariables('of then');
    const { imageId } = bench.vms.get(vm).disks[0] ?? {};
    const { path } = bench.library.images.facts(imageId ?? '');
    const started = await bench.snapshots.take(vm, { name: 'never', kind: 'external', memory: false });
    rmSync(path);
    expect(await bench.ended(started)).toMatchObject({ state: 'failed' });
    expect(kept()).toEqual([]);
  });
});

describe('of a server that is killed while it takes one', () => {
  /** Dead from the moment on at which the overlay would be made: nothing it calls ever comes back. */
  const killedAtOverlay = async (): Promise<string> => {
    bench = await folder.open(1);
    const { id } = await bench.snapshots.take(vm, { name: 'killed', kind: 'external', memory: false });
    expect(await folder.died()).toBe('createPlacedOverlay');
    expect(kept()).toHaveLength(1);
    expect(pictures()).toEqual([]);
    bench = await folder.open();
    return id;
  };

  it('the variables of a VM that was off are in the snapshot that the next start takes', async () => {
    setVariables('of then');
    const id = await killedAtOverlay();
    const { state, result } = await bench.operations.wait(id, 60);
    expect(state).toBe('done');
    const stored = snapshotsRepository(bench.db).find(String(result?.snapshotId));
    expect(kept()).toEqual([stored?.varsFile]);
  });

  it.each(['external', 'internal'] as const)(
    'an %s one that was taken keeps the variables of then, whatever the guest has set since',
    async (kind) => {
      await bench.vms.start(vm, { paused: true });
      const then = readFileSync(ofVm('uefi-vars.fd'));
      const { moments } = bench.vms;
      const { uefiVars } = moments;
      let asked = 0;
      // What the dying server still reads is what was set when it looked, however long it takes to look.
      const looked = ofVm('looked.fd');
      writeFileSync(looked, then);
      // Asked again when it is taken: from then on nothing is written down any more.
      Object.assign(moments, {
        uefiVars: (id: string) => {
          asked += 1;
          if (asked < 2) return uefiVars(id);
          bench.operations.close();
          return looked;
        },
      });
      const { id } = await bench.snapshots.take(vm, { name: 'killed', kind, memory: false });
      await expect.poll(() => asked, { timeout: 30_000 }).toBe(2);
      const later = Buffer.from(then);
      later.write('set since', 4096);
      writeFileSync(ofVm('uefi-vars.fd'), later);
      bench = await folder.open();
      const { state, result } = await bench.operations.wait(id, 60);
      expect(state).toBe('done');
      const stored = snapshotsRepository(bench.db).find(String(result?.snapshotId));
      expect(readFileSync(ofVm('uefi', stored?.varsFile ?? '')).equals(then)).toBe(true);
    },
  );

  it('nothing is left of the snapshot of a VM that has gone on', async () => {
    await bench.vms.start(vm);
    const id = await killedAtOverlay();
    expect(await bench.operations.wait(id, 60)).toMatchObject({ state: 'failed' });
    expect([...kept(), ...pictures()]).toEqual([]);
    expect((await bench.snapshots.tree(vm)).tree).toEqual([]);
  });
});

it('clears away at the next start what belongs to no snapshot', async () => {
  setVariables('of then');
  const { varsFile } = await take('first');
  for (const name of ['gonegone.fd', 'gonegone.fd.part']) writeFileSync(ofVm('uefi', name), 'left');
  mkdirSync(ofVm('snapshots'), { recursive: true });
  writeFileSync(ofVm('snapshots', 'gonegone.png'), 'left');
  bench = await folder.open();
  expect(kept()).toEqual([varsFile]);
  expect(readdirSync(ofVm('snapshots'))).toEqual([]);
});
