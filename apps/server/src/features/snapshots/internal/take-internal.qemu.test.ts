import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTag } from '../../../qemu/image-tags.ts';
import { type BenchGuest, startGuest } from '../../operations/testing/bench-guest.ts';
import { buildLayers, flatten, readsAs } from '../../operations/testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../../operations/testing/chain-bench.ts';
import { killPoints } from '../../operations/testing/kill-points.ts';
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

const build = async (): Promise<void> => {
  folder = await benchFolder();
  bench = folder.open();
  await buildTwoDisks(bench);
};
beforeEach(build);
afterEach(() => folder.dispose());

const take = async (name: string, more: { disks?: string[]; memory?: boolean } = {}) => {
  const wish = { name, kind: 'internal' as const, memory: false, ...more };
  return bench.operations.wait((await bench.snapshots.take('vmone', wish)).id, 60);
};
const taken = (operation: { result?: Record<string, unknown> | undefined }) =>
  bench.snapshots.get('vmone', String(operation.result?.snapshotId));

describe('an internal snapshot of a VM that is off', () => {
  it('lies inside the active layers, which stay active and are written on', async () => {
    const before = await copiesOf(bench, folder, 'before');
    const snapshot = taken(await take('Clean install!'));
    const [tag = ''] = await tagsOf(bench, 'a');
    expect(tag).toMatch(/^strata-Clean-install-/);
    expect(await tagsOf(bench, 'b')).toEqual([tag]);
    expect(snapshot).toMatchObject({
      ...{ name: 'Clean install!', kind: 'internal', memory: false, consistency: 'crash', vmWasOff: true },
      disks: [
        { diskId: 'vmoned0', imageId: layerId(bench, 'a'), internalTag: tag },
        { diskId: 'vmoned1', imageId: layerId(bench, 'b'), internalTag: tag },
      ],
    });
    expect((await bench.snapshots.tree('vmone')).current.snapshotId).toBe(snapshot.id);
    await writeOffline(bench, folder, 'a', 1, 9);
    await writeOffline(bench, folder, 'b', 5, 9);
    for (const name of ['a', 'b']) {
      const id = layerId(bench, name);
      expect(await tagReadsAs(bench, folder, id, tag, before.get(id) ?? '')).toBe(true);
      expect(await readsAs(bench, id, before.get(id))).toBe(false);
      expect(await isSound(bench, name)).toBe(true);
    }
    expect(bench.images.list()).toHaveLength(3);
  });

  it('is of the chosen disks alone', async () => {
    await take('half', { disks: ['vmoned1'] });
    expect([await tagsOf(bench, 'a'), (await tagsOf(bench, 'b')).length]).toEqual([[], 1]);
    await expect(take('none', { disks: ['elsewhere'] })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('has no memory, and says so', async () => {
    await expect(take('never', { memory: true })).rejects.toMatchObject({ code: 'vm-not-running' });
    expect(await tagsOf(bench, 'a')).toEqual([]);
  });

  it('is refused for a raw disk, with the kinds that are possible', async () => {
    await buildLayers(bench, [{ name: 'c', on: null, format: 'raw', writes: [] }]);
    bench.vms.define('vmtwo', [layerId(bench, 'b'), bench.images.idOf('c.raw')]);
    const wish = { name: 'never', kind: 'internal' as const, memory: false };
    await expect(bench.snapshots.take('vmtwo', wish)).rejects.toMatchObject({
      code: 'not-possible',
      message: expect.stringMatching(/“c” is raw.*external snapshot.*other disks alone/),
    });
    expect(await tagsOf(bench, 'b')).toEqual([]);
  });

  it('is taken of all disks or of none', async () => {
    const holder = spawn('qemu-io', ['-f', 'qcow2', bench.images.pathOf('b.qcow2')], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    try {
      const wish = { name: 'never', kind: 'internal' as const, memory: false };
      holder.stdin.write('read 0 512\n');
      await once(holder.stdout, 'data');
      await expect(bench.snapshots.take('vmone', wish)).rejects.toMatchObject({ code: 'image-locked' });
    } finally {
      holder.stdin.end('quit\n');
      await once(holder, 'exit');
    }
    expect([await tagsOf(bench, 'a'), await tagsOf(bench, 'b')]).toEqual([[], []]);
  });

  it('whose server was killed between two disks is completed: nobody has written meanwhile', async () => {
    const before = await copiesOf(bench, folder, 'before');
    const points = killPoints({ at: 1, only: /^screenshot$/ });
    bench = folder.open();
    const started = await (async () => {
      const screenshot = bench.vms.screenshot;
      Object.assign(bench.vms, points.count({ screenshot }));
      const begun = bench.snapshots.take('vmone', { name: 'late', kind: 'internal', memory: false });
      await points.reached;
      return begun;
    })();
    folder.kill();
    bench = folder.open();
    await bench.images.scan();
    // As if the first of the two calls had been made.
    const { journal, request } = bench.db
      .prepare<[string], { journal: string; request: string }>(
        'SELECT journal, request FROM operations WHERE id = ?',
      )
      .get(started.id) ?? { journal: '{}', request: '{}' };
    const { tag } = JSON.parse(request) as { tag: string };
    bench.db
      .prepare('UPDATE operations SET journal = ? WHERE id = ?')
      .run(JSON.stringify({ ...JSON.parse(journal), phase: 'taking' }), started.id);
    await createTag(bench.images.pathOf('a.qcow2'), tag);
    // Operations are read when a server starts.
    bench = folder.open();
    await bench.images.scan();
    await bench.operations.recover();
    expect(await bench.operations.wait(started.id, 60)).toMatchObject({ state: 'done' });
    for (const name of ['a', 'b']) {
      const id = layerId(bench, name);
      expect(await tagsOf(bench, name)).toEqual([tag]);
      expect(await tagReadsAs(bench, folder, id, tag, before.get(id) ?? '')).toBe(true);
    }
  });
});

describe('an internal snapshot of a running VM', () => {
  let guest: BenchGuest;
  const boot = async (): Promise<void> => {
    await bench.images.scan();
    guest = await startGuest(folder, bench, 'vmone', await flatten(bench, join(folder.folder, 'guest')));
    bench.vms.setLive('vmone', guest.live);
  };
  beforeEach(boot);
  afterEach(() => guest.kill());
  const end = async (): Promise<void> => {
    await guest.kill();
    bench.vms.setLive('vmone', null);
    await bench.images.scan();
  };

  it.each([
    ['without memory', false],
    ['with memory', true],
  ])('%s holds what was written until then; the guest writes on', async (_how, memory) => {
    await guest.write(0, 20, 20);
    await guest.write(1, 21, 21);
    const copies = [0, 1].map((disk) => keptCopy(folder, guest.expected(disk), `then-${disk}.raw`));
    const operation = await take('live', { memory });
    expect(operation).toMatchObject({ state: 'done' });
    const snapshot = taken(operation);
    expect(snapshot).toMatchObject({ memory, consistency: memory ? 'memory' : 'crash', vmWasOff: false });
    if (memory) {
      expect(snapshot.memoryBytes).toBeGreaterThan(100_000);
      expect(snapshot.pauseMs).toBeGreaterThan(0);
    }
    expect(await guest.isRunning()).toBe(true);
    await guest.write(0, 20, 30);
    await guest.write(1, 22, 31);
    await end();
    for (const [disk, name] of ['a', 'b'].entries()) {
      const id = layerId(bench, name);
      const tag = snapshot.disks[disk]?.internalTag ?? '';
      expect(await tagReadsAs(bench, folder, id, tag, copies[disk] ?? '')).toBe(true);
      expect(await readsAs(bench, id, guest.expected(disk))).toBe(true);
      expect(await isSound(bench, name)).toBe(true);
    }
  });

  it('with memory is of all disks', async () => {
    const one = take('never', { memory: true, disks: ['vmoned0'] });
    await expect(one).rejects.toMatchObject({ code: 'not-possible' });
  });

  it.each([
    ['without memory', false],
    ['with memory', true],
  ])(
    '%s is whole or not there, whichever call the server is killed before',
    {
      timeout: 300_000,
    },
    async (_how, memory) => {
      for (let at = 1; at < 40; at += 1) {
        const points = killPoints({ at, only: /^(query-status|snapshot-.*|transaction|job-dismiss)$/ });
        bench = folder.open();
        bench.vms.setLive('vmone', points.watch(guest.live));
        await bench.images.scan();
        const wish = { name: 'live', kind: 'internal' as const, memory };
        const started = await bench.snapshots.take('vmone', wish);
        const ended = bench.operations.wait(started.id, 30).then(() => 'ended-before');
        const how = await Promise.race([ended, points.reached]);
        bench = folder.open();
        bench.vms.setLive('vmone', guest.live);
        await bench.images.scan();
        await bench.operations.recover();
        const outcome = await bench.operations.wait(started.id, 60);
        const place = `killed before call ${at} (${how}): ${JSON.stringify(outcome.error)}`;
        expect(await guest.isRunning(), place).toBe(true);
        await guest.write(0, 23, at);
        await end();
        const whole = outcome.state === 'done' ? 1 : 0;
        expect((await bench.snapshots.tree('vmone')).tree.length, place).toBe(whole);
        for (const [disk, name] of ['a', 'b'].entries()) {
          expect((await tagsOf(bench, name)).length, place).toBe(whole);
          expect(await readsAs(bench, layerId(bench, name), guest.expected(disk)), place).toBe(true);
        }
        if (how === 'ended-before') {
          expect(at).toBeGreaterThan(memory ? 2 : 1);
          return;
        }
        folder.dispose();
        await build();
        await boot();
      }
    },
  );

  it('whose QEMU is killed meanwhile is whole or not there', async () => {
    const started = await bench.snapshots.take('vmone', { name: 'live', kind: 'internal', memory: true });
    await guest.kill();
    bench.vms.setLive('vmone', null);
    const outcome = await bench.operations.wait(started.id, 60);
    const whole = outcome.state === 'done' ? 1 : 0;
    expect(outcome.state).toMatch(/done|failed/);
    for (const [disk, name] of ['a', 'b'].entries()) {
      expect((await tagsOf(bench, name)).length).toBe(whole);
      await bench.images.scan();
      expect(await readsAs(bench, layerId(bench, name), guest.expected(disk))).toBe(true);
    }
  });
});
