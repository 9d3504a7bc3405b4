import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyTag, createTag } from '../../../qemu/image-tags.ts';
import { dropTag } from '../../../qemu/live-tags.ts';
import { type BenchGuest, startGuest } from '../../operations/testing/bench-guest.ts';
import { buildLayers, flatten, readsAs } from '../../operations/testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../../operations/testing/chain-bench.ts';
import { killPoints, killStride } from '../../operations/testing/kill-points.ts';
import { leftAt, takenUp } from './testing/left-at.ts';
import {
  buildTwoDisks,
  copiesOf,
  isSound,
  keptCopy,
  layerId,
  tagReadsAs,
  tagsOf,
  writeOffline,
} from './testing/tagged-vm.ts';

let folder: BenchFolder;
let bench: Bench;
const names = ['a', 'b'] as const;
const pathOf = (name: string): string => join(folder.folder, 'images', `${name}.qcow2`);

/** A run takes two seconds: by default every second call. */
const stride = killStride(2);

const build = async (): Promise<void> => {
  folder = await benchFolder();
  bench = folder.open();
  await buildTwoDisks(bench);
};
beforeEach(build);
afterEach(() => folder.dispose());

const take = async (name: string, memory = false): Promise<string> => {
  const started = await bench.snapshots.take('vmone', { name, kind: 'internal', memory });
  const { state, result } = await bench.operations.wait(started.id, 60);
  expect(state).toBe('done');
  return String(result?.snapshotId);
};
const revert = async (id: string, wish: Partial<Parameters<Bench['snapshots']['revert']>[2]> = {}) => {
  const started = await bench.snapshots.revert('vmone', id, { keepCurrent: true, ...wish });
  return bench.operations.wait(started.id, 60);
};
const tagOf = (id: string): string => bench.snapshots.get('vmone', id).disks[0]?.internalTag ?? '';
const expectReads = async (copies: ReadonlyMap<string, string>, place = ''): Promise<void> => {
  await bench.images.scan();
  for (const name of names)
    expect(
      await readsAs(bench, layerId(bench, name), copies.get(layerId(bench, name))),
      `${name} ${place}`,
    ).toBe(true);
};
const expectTag = async (id: string, copies: ReadonlyMap<string, string>, place = ''): Promise<void> => {
  for (const name of names) {
    const layer = layerId(bench, name);
    expect(
      await tagReadsAs(bench, folder, layer, tagOf(id), copies.get(layer) ?? ''),
      `${name} ${place}`,
    ).toBe(true);
  }
};

describe('a VM that is off', () => {
  it('goes back in the same files, and keeps the state it leaves', async () => {
    const then = await copiesOf(bench, folder, 'then');
    const first = await take('first');
    expect((await bench.snapshots.tree('vmone')).current.changed).toBe(false);
    for (const name of names) await writeOffline(bench, folder, name, 1, 9);
    const now = await copiesOf(bench, folder, 'now');
    const plan = await bench.snapshots.planRevert('vmone', first, { keepCurrent: true });
    expect(plan).toMatchObject({ operation: 'revert', live: false, blockers: [], deletes: [] });
    expect((await bench.snapshots.tree('vmone')).current).toEqual({ snapshotId: first, changed: true });
    const { state, result } = await revert(first, { fingerprint: plan.fingerprint });
    expect(state).toBe('done');
    expect((await bench.snapshots.tree('vmone')).current).toEqual({ snapshotId: first, changed: false });
    await expectReads(then);
    const kept = String(result?.keptSnapshotId);
    expect(bench.snapshots.get('vmone', kept)).toMatchObject({
      ...{ name: 'Before reverting to first', kind: 'internal', origin: 'kept', parentId: first },
    });
    await expectTag(kept, now);
    await expectTag(first, then);
    expect((await bench.snapshots.tree('vmone')).current.snapshotId).toBe(first);
    // And forth again.
    expect(await revert(kept, { keepCurrent: false })).toMatchObject({ state: 'done' });
    await expectReads(now);
    await expectTag(first, then);
    for (const name of names) {
      expect(await tagsOf(bench, name)).toHaveLength(2);
      expect(await isSound(bench, name)).toBe(true);
    }
  });

  it('is not taken back in a frozen layer, which something stands on; extraction is offered', async () => {
    const first = await take('first');
    const external = await bench.snapshots.take('vmone', { name: 'above', kind: 'external', memory: false });
    await bench.operations.wait(external.id, 30);
    const plan = await bench.snapshots.planRevert('vmone', first, { keepCurrent: true });
    expect(plan.blockers.map(({ code }) => code)).toContain('internal-frozen');
    expect(plan.blockers[0]?.message).toMatch(/frozen.*stands on it.*Extract it as a new image/);
    await expect(revert(first)).rejects.toMatchObject({ code: 'plan-blocked' });
  });

  it('is not taken back by a name that means two', async () => {
    const first = await take('first');
    const { path } = bench.images.facts(layerId(bench, 'b'));
    execFileSync('qemu-img', ['snapshot', '-c', tagOf(first), path]);
    const plan = await bench.snapshots.planRevert('vmone', first, { keepCurrent: true });
    expect(plan.blockers).toMatchObject([{ code: 'tag-ambiguous' }]);
    execFileSync('qemu-img', ['snapshot', '-d', tagOf(first), path]);
    execFileSync('qemu-img', ['snapshot', '-d', tagOf(first), path]);
    const without = await bench.snapshots.planRevert('vmone', first, { keepCurrent: true });
    expect(without.blockers).toMatchObject([{ code: 'tag-missing' }]);
  });

  it('is whole on both disks, as it was or as it shall be, whenever the server is killed', {
    timeout: 120_000,
  }, async () => {
    for (const [phase, keepCurrent] of [
      ['keeping', true],
      ['kept', false],
      ['applying', false],
    ] as const) {
      const then = await copiesOf(bench, folder, 'then');
      const first = await take('first');
      for (const name of names) await writeOffline(bench, folder, name, 1, 9);
      const now = await copiesOf(bench, folder, 'now');
      const started = await bench.snapshots.revert('vmone', first, { keepCurrent });
      // Half of that phase had been done: on the first disk alone.
      const { beforeTag, tag } = leftAt(folder, started.id, { phase });
      await createTag(pathOf('a'), beforeTag);
      if (phase !== 'keeping') await createTag(pathOf('b'), beforeTag);
      if (phase === 'applying') await applyTag(pathOf('a'), tag);
      const [next, outcome] = await takenUp(folder, started.id);
      bench = next;
      expect(outcome, phase).toMatchObject({ state: 'done' });
      await expectReads(then, phase);
      await expectTag(first, then, phase);
      for (const name of names) expect(await tagsOf(bench, name), phase).toHaveLength(keepCurrent ? 2 : 1);
      if (keepCurrent && phase === 'keeping')
        await expectTag(String(outcome.result?.keptSnapshotId), now, phase);
      folder.dispose();
      await build();
    }
  });
});

it('is what it was, as far as it can be opened, when a disk stays locked after half of it was taken back', async () => {
  const first = await take('first');
  for (const name of names) await writeOffline(bench, folder, name, 1, 9);
  const now = await copiesOf(bench, folder, 'now');
  const { id } = await bench.snapshots.revert('vmone', first, { keepCurrent: false });
  const { beforeTag, tag } = leftAt(folder, id, { phase: 'applying' });
  for (const name of names) await createTag(pathOf(name), beforeTag);
  await applyTag(pathOf('a'), tag);
  const holder = spawn('qemu-io', ['-f', 'qcow2', pathOf('b')]);
  try {
    await once(holder.stdout, 'data');
    const [next, { state, error }] = await takenUp(folder, id);
    bench = next;
    expect(state).toBe('failed');
    expect(error?.message).toContain(`inside each of them as “${beforeTag}”`);
  } finally {
    holder.kill();
    await once(holder, 'exit');
  }
  await expectReads(now);
  for (const name of names) expect(await tagsOf(bench, name)).toContain(beforeTag);
});

describe('a running VM', () => {
  let guest: BenchGuest;
  let boots = 0;
  const boot = async (cpus: 'running' | 'stopped' = 'running'): Promise<BenchGuest> => {
    await bench.images.scan();
    boots += 1;
    const copies = await flatten(bench, join(folder.folder, `guest-${boots}`));
    guest = await startGuest(folder, bench, 'vmone', copies, cpus);
    bench.vms.setLive('vmone', guest.live);
    bench.vms.setStarter(async (_id, paused) => (await boot(paused ? 'stopped' : 'running')).live);
    return guest;
  };
  beforeEach(async () => void (await boot()));
  afterEach(() => guest.kill());
  const end = async (): Promise<void> => {
    await guest.kill();
    bench.vms.setLive('vmone', null);
    await bench.images.scan();
  };
  const writeBoth = async (at: number, pattern: number): Promise<void> => {
    await guest.write(0, at, pattern);
    await guest.write(1, at, pattern);
  };
  /** The copies that get what the guest writes, as they are now. */
  const expectedNow = (as: string): Map<string, string> =>
    new Map(
      names.map((name, disk) => [
        layerId(bench, name),
        keptCopy(folder, guest.expected(disk), `${as}-${disk}.raw`),
      ]),
    );

  it.each([
    ['kept', true],
    ['given up', false],
  ])('goes back with its memory, in the QEMU that runs; what it leaves is %s', async (_how, keepCurrent) => {
    await writeBoth(20, 20);
    const then = expectedNow('then');
    const first = await take('first', true);
    await writeBoth(20, 21);
    const now = expectedNow('now');
    const { qmp } = guest.live;
    const plan = await bench.snapshots.planRevert('vmone', first, { keepCurrent });
    expect(plan.freeSpaceNeeded > 0).toBe(keepCurrent);
    const operation = await revert(first, { keepCurrent });
    expect(operation).toMatchObject({ state: 'done' });
    expect(bench.vms.live('vmone')?.qmp).toBe(qmp);
    expect(await guest.isRunning()).toBe(true);
    await end();
    await expectReads(then);
    await expectTag(first, then);
    for (const name of names) expect(await tagsOf(bench, name)).toHaveLength(keepCurrent ? 2 : 1);
    if (!keepCurrent) return;
    const kept = String(operation.result?.keptSnapshotId);
    expect(bench.snapshots.get('vmone', kept)).toMatchObject({ memory: true, consistency: 'memory' });
    await expectTag(kept, now);
  });

  it('is powered off and started again for one without memory', async () => {
    await writeBoth(20, 20);
    const then = expectedNow('then');
    const first = await take('first');
    await writeBoth(20, 21);
    const now = expectedNow('now');
    const before = guest.live;
    const operation = await revert(first);
    expect(operation).toMatchObject({ state: 'done' });
    expect(bench.vms.live('vmone')).not.toBe(before);
    expect(await guest.isRunning()).toBe(true);
    await end();
    await expectReads(then);
    await expectTag(String(operation.result?.keptSnapshotId), now);
  });

  it('that is off gets its memory back too, and with start: false stands there', async () => {
    await writeBoth(20, 20);
    const then = expectedNow('then');
    const first = await take('first', true);
    await writeBoth(20, 21);
    await end();
    for (const start of [false, undefined]) {
      const wish = start === undefined ? {} : { start };
      expect(await revert(first, { keepCurrent: false, ...wish })).toMatchObject({ state: 'done' });
      expect(await guest.isRunning()).toBe(start !== false);
      await end();
      await expectReads(then);
    }
  });

  it('goes on as it was when there is no memory of that name', async () => {
    const first = await take('first', true);
    const started = await bench.snapshots.revert('vmone', first, { keepCurrent: false });
    expect(await bench.operations.wait(started.id, 60)).toMatchObject({ state: 'done' });
    const disks = names.map((name, disk) => ({
      diskId: `vmoned${disk}`,
      path: bench.images.pathOf(`${name}.qcow2`),
    }));
    await dropTag(guest.live, { jobId: 'gone', tag: tagOf(first), disks });
    await expect(revert(first)).rejects.toMatchObject({ code: 'plan-blocked' });
    expect(await guest.isRunning()).toBe(true);
  });

  it('is back or as it was, and runs, whichever call the server is killed before', {
    timeout: 300_000,
  }, async () => {
    for (let at = 1; at < 60; at += stride) {
      await writeBoth(20, 20);
      const then = expectedNow('then');
      const first = await take('first', true);
      await writeBoth(20, 21);
      const points = killPoints({ at, only: /^(stop|snapshot-.*|transaction|job-dismiss|cont)$/ });
      bench = folder.open();
      bench.vms.setLive('vmone', points.watch(guest.live));
      await bench.images.scan();
      const started = await bench.snapshots.revert('vmone', first, { keepCurrent: at % 4 < 2 });
      const ended = bench.operations.wait(started.id, 30).then(() => 'ended-before');
      const how = await Promise.race([ended, points.reached]);
      bench = folder.open();
      bench.vms.setLive('vmone', guest.live);
      await bench.images.scan();
      await bench.operations.recover();
      const outcome = await bench.operations.wait(started.id, 60);
      const place = `killed before call ${at} (${how}): ${JSON.stringify(outcome.error)}`;
      expect(outcome.state, place).toBe('done');
      expect(await guest.isRunning(), place).toBe(true);
      await end();
      await expectReads(then, place);
      for (const name of names) expect(await tagsOf(bench, name), place).toHaveLength(at % 4 < 2 ? 2 : 1);
      if (how === 'ended-before') {
        expect(at).toBeGreaterThan(5);
        return;
      }
      folder.dispose();
      await build();
      await boot();
    }
  });

  it('whose QEMU is killed meanwhile is back or as it was, on both disks', async () => {
    await writeBoth(20, 20);
    const then = expectedNow('then');
    const first = await take('first', true);
    await writeBoth(20, 21);
    const now = expectedNow('now');
    const started = await bench.snapshots.revert('vmone', first, { keepCurrent: true });
    const dying = guest;
    await dying.kill();
    bench.vms.setLive('vmone', null);
    const outcome = await bench.operations.wait(started.id, 60);
    if (bench.vms.live('vmone') !== null) await end();
    await expectReads(outcome.state === 'done' ? then : now, JSON.stringify(outcome.error));
  });
});

it('a snapshot of one disk of two takes that disk back alone', async () => {
  await buildLayers(bench, [{ name: 'c', on: null, format: 'raw', writes: [[3, 3]] }]);
  bench.vms.define('vmtwo', [layerId(bench, 'b'), bench.images.idOf('c.raw')]);
  // Of vmone nothing may stand on it.
  bench.db.prepare("DELETE FROM vm_disks WHERE vm_id = 'vmone'").run();
  const wish = { name: 'half', kind: 'internal' as const, memory: false, disks: ['vmtwod0'] };
  const { result } = await bench.operations.wait((await bench.snapshots.take('vmtwo', wish)).id, 30);
  const then = await copiesOf(bench, folder, 'then');
  await writeOffline(bench, folder, 'b', 7, 7);
  const reverted = await bench.snapshots.revert('vmtwo', String(result?.snapshotId), { keepCurrent: false });
  expect(await bench.operations.wait(reverted.id, 30)).toMatchObject({ state: 'done' });
  await bench.images.scan();
  expect(await readsAs(bench, layerId(bench, 'b'), then.get(layerId(bench, 'b')))).toBe(true);
  expect(bench.vms.diskImage('vmtwo', 1)).toBe(bench.images.idOf('c.raw'));
});
