import { join } from 'node:path';
import type { ChainRequest, Operation } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOverlay } from '../../../qemu/qemu-img.ts';
import { type BenchGuest, startGuest } from '../testing/bench-guest.ts';
import { buildLayers, fileOf, fiveLayers, flatten, readsAs } from '../testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../testing/chain-bench.ts';
import { killPoints, killStride } from '../testing/kill-points.ts';

let folder: BenchFolder;
let bench: Bench;
let guest: BenchGuest;
const id = (name: string) => bench.images.idOf(fileOf({ name }));
const names = (image: string) => bench.images.chainFacts(image).map(({ name }) => name);

const prepare = async (): Promise<void> => {
  folder = await benchFolder();
  bench = folder.open();
  await buildLayers(bench, fiveLayers());
  bench.vms.define('vmone', [id('active')]);
  const copies = await flatten(bench, join(folder.folder, 'before'));
  guest = await startGuest(folder, bench, 'vmone', copies);
  bench.vms.setLive('vmone', guest.live);
};
const cleanUp = async (): Promise<void> => {
  await guest.kill();
  folder.dispose();
};
beforeEach(prepare);
afterEach(cleanUp);

/** The same world, seen by a server whose calls are counted or slowed. */
const reopen = (disturb?: Parameters<BenchFolder['open']>[0]): void => {
  bench = folder.open(disturb);
  bench.vms.setLive('vmone', guest.live);
};

const cases: ReadonlyArray<readonly [what: string, request: () => ChainRequest, left: readonly string[]]> = [
  [
    'an intermediate commit',
    () => ({ operation: 'commit', top: id('s2'), base: id('base') }),
    ['active', 's3', 'base'],
  ],
  [
    'a commit of the active layer',
    () => ({ operation: 'commit', top: id('active'), base: id('s1') }),
    ['s1', 'base'],
  ],
  [
    'a pull into the active layer',
    () => ({ operation: 'pull', into: id('active'), from: id('s1'), deleteUnused: true }),
    ['active', 'base'],
  ],
  [
    'a pull into a layer in the middle',
    () => ({ operation: 'pull', into: id('s3'), from: id('s2'), deleteUnused: false }),
    ['active', 's3', 's1', 'base'],
  ],
];

const start = async (request: ChainRequest): Promise<string> => {
  await bench.images.scan();
  const { fingerprint, live } = await bench.chains.plan(request);
  expect(live).toBe(true);
  return (await bench.chains.run(request, fingerprint)).id;
};

const verify = async (operation: Operation, left: readonly string[]): Promise<void> => {
  expect(operation.state, JSON.stringify(operation)).toBe('done');
  await bench.images.scan();
  const disk = bench.vms.diskImage('vmone');
  expect(names(disk)).toEqual(left);
  expect(await readsAs(bench, disk, guest.expected(0))).toBe(true);
};

describe.each(cases)('%s under a running VM', (_what, request, left) => {
  it('keeps what the guest writes before, during and after it', async () => {
    await guest.write(0, 20, 1);
    reopen(killPoints({ at: null, speed: 512 * 1024 }).disturbance);
    const operation = await start(request());
    for (let at = 0; at < 8; at += 1) await guest.write(0, 3 + 7 * at, 50 + at);
    const ended = await bench.operations.wait(operation, 60);
    expect(await guest.isRunning()).toBe(true);
    await guest.write(0, 2, 99);
    await guest.kill();
    bench.vms.setLive('vmone', null);
    await verify(ended, left);
  });

  it('goes on without the VM when its QEMU is killed in the middle', async () => {
    reopen(killPoints({ at: null, speed: 64 * 1024 }).disturbance);
    const operation = await start(request());
    await guest.write(0, 5, 77);
    await guest.live.qmp.execute('human-monitor-command', {
      'command-line': `qemu-io -d ${guest.live.qdevOf('vmoned0')} flush`,
    });
    await guest.kill();
    bench.vms.setLive('vmone', null);
    const ended = await bench.operations.wait(operation, 60);
    expect(ended.recovery).toContain('went on without it');
    await verify(ended, left);
  });
});

it('a disk that somebody has switched without Strata is not worked on, and the words say what it writes', async () => {
  const before = bench.images.list().map(({ name }) => name);
  const overlay = join(folder.folder, 'by-hand.qcow2');
  const active = bench.images.facts(bench.vms.diskImage('vmone')).path;
  await createOverlay({ path: overlay, backing: active, backingFormat: 'qcow2' });
  const { qmp } = guest.live;
  const chain = await bench.engines.live(guest.live, 'vmoned0').chain();
  await qmp.execute('blockdev-add', {
    driver: 'qcow2',
    'node-name': 'by-hand',
    file: { driver: 'file', filename: overlay },
    backing: null,
  });
  await qmp.execute('transaction', {
    actions: [{ type: 'blockdev-snapshot', data: { node: chain[0]?.node ?? '', overlay: 'by-hand' } }],
  });
  const operation = await bench.operations.wait(
    await start({ operation: 'commit', top: id('s2'), base: id('base') }),
    60,
  );
  expect(operation).toMatchObject({ state: 'failed', error: { code: 'plan-stale' } });
  expect(operation.error?.message).toContain('by-hand.qcow2');
  expect(bench.operations.taints.list()).toEqual([]);
  await guest.kill();
  bench.vms.setLive('vmone', null);
  await bench.images.scan();
  expect(bench.images.list().map(({ name }) => name)).toEqual(before);
});

const stride = killStride(2);

describe.each(cases)('%s under a running VM, the server killed before any call', (_what, request, left) => {
  it('is finished by the next server, and the VM runs on', { timeout: 300_000 }, async () => {
    for (let at = 1; at < 100; at += stride) {
      const points = killPoints({ at });
      reopen(points.disturbance);
      const operation = await start(request());
      const ended = bench.operations.wait(operation, 60).then(() => 'ended-before');
      const how = await Promise.race([ended, points.reached]);
      // The tools socket of the VM is opened anew by the next server; here it must only not have been closed.
      reopen();
      await bench.images.scan();
      await bench.operations.recover();
      const outcome = await bench.operations.wait(operation, 60);
      const place = `killed before call ${at} (${how}): ${JSON.stringify(outcome.error)}`;
      expect(outcome.state, place).toBe('done');
      expect(await guest.isRunning(), place).toBe(true);
      await guest.write(0, 2, at);
      await guest.kill();
      bench.vms.setLive('vmone', null);
      await verify(outcome, left);
      if (how === 'ended-before') {
        expect(at).toBeGreaterThan(10);
        return;
      }
      await cleanUp();
      await prepare();
    }
  });
});

/** As when the disk of the data folder is full at the one moment that matters. */
const forbid = `CREATE TRIGGER no_switch BEFORE UPDATE ON operations WHEN NEW.journal LIKE '%"switched"%'
  BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END`;

it.each(['the same server', 'the next server'])(
  'a switch that cannot be written down keeps the VM still until %s can, and loses nothing',
  async (who) => {
    bench.db.exec(forbid);
    const operation = await start({ operation: 'commit', top: id('active'), base: id('s1') });
    const waiting = { state: 'finishing', recovery: expect.stringContaining('stands still') };
    await expect.poll(() => bench.operations.get(operation), { timeout: 20_000 }).toMatchObject(waiting);
    expect(await guest.isRunning()).toBe(false);
    await expect(bench.vms.resume('vmone')).rejects.toMatchObject({ code: 'operation-running' });
    await expect(bench.vms.start('vmone')).rejects.toMatchObject({ code: 'operation-running' });
    expect(await guest.isRunning()).toBe(false);
    if (who === 'the next server') {
      reopen();
      await bench.images.scan();
      await expect(bench.vms.resume('vmone')).rejects.toMatchObject({ code: 'operation-running' });
      bench.db.exec('DROP TRIGGER no_switch');
      await bench.operations.recover();
    } else bench.db.exec('DROP TRIGGER no_switch');
    const ended = await bench.operations.wait(operation, 60);
    expect(await guest.isRunning()).toBe(true);
    await bench.vms.resume('vmone');
    await guest.write(0, 2, 99);
    await guest.kill();
    bench.vms.setLive('vmone', null);
    await verify(ended, ['s1', 'base']);
  },
);
