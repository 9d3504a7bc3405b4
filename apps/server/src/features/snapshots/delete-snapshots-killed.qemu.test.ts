import { join } from 'node:path';
import type { Operation } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkImage } from '../../qemu/qemu-img.ts';
import { type BenchGuest, startGuest } from '../operations/testing/bench-guest.ts';
import { buildLayers, fileOf, flatten, readsAs } from '../operations/testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../operations/testing/chain-bench.ts';
import { killPoints } from '../operations/testing/kill-points.ts';
import { snapshotsRepository } from './snapshots.repository.ts';

/** Each run takes a second: by default some calls, other ones each day; all with STRATA_ALL_KILLS=1. */
const stride = process.env.STRATA_ALL_KILLS === '1' ? 1 : 37;
const first = 1 + ((new Date().getDate() * 7) % stride);

let folder: BenchFolder;
let bench: Bench;
/** By image: a flat copy of what it showed before anything happened. */
let copies: Map<string, string>;
beforeEach(async () => {
  folder = await benchFolder();
});
afterEach(() => folder.dispose());

const image = (name: string): string => bench.images.idOf(fileOf({ name }));

/** A restore point of these layers, one a disk. */
const insert = (id: string, parentId: string | null, layers: readonly string[]): void =>
  snapshotsRepository(bench.db).insert({
    ...{ id, vmId: 'vmone', parentId, name: id },
    ...{ description: '', kind: 'external', memory: false, consistency: 'crash', vmWasOff: true },
    ...{ pauseMs: null, screenshot: null, createdAt: new Date().toISOString(), origin: 'taken' },
    ...{ definition: null, memoryFile: null, memoryBytes: null, varsFile: null },
    disks: layers.map((imageId, at) => ({
      diskId: bench.vms.diskId('vmone', at),
      imageId,
      internalTag: null,
    })),
  });

/*
 *     a3  b3   the VM writes these
 *     a2  b2   ● later
 *     a1  b1   ● target: goes up in disk a (a little is stored in it), down in disk b (little is stored in b2)
 *     a0  b0   ● earlier
 */
const build = async (): Promise<void> => {
  bench = folder.open();
  const many = (from: number, pattern: number) =>
    Array.from({ length: 8 }, (_, at) => [from + at, pattern + at] as const);
  await buildLayers(
    bench,
    ['a', 'b'].flatMap((disk) => [
      { name: `${disk}0`, on: null, writes: many(0, 10) },
      { name: `${disk}1`, on: `${disk}0`, writes: disk === 'a' ? [[4, 40]] : many(4, 40) },
      { name: `${disk}2`, on: `${disk}1`, writes: disk === 'a' ? many(8, 60) : [[8, 60]] },
      { name: `${disk}3`, on: `${disk}2`, writes: [[30, 80]] },
    ]),
  );
  bench.vms.define('vmone', [image('a3'), image('b3')]);
  for (const [depth, name] of ['earlier', 'target', 'later'].entries())
    insert(name, ['earlier', 'target'][depth - 1] ?? null, [image(`a${depth}`), image(`b${depth}`)]);
  bench.vms.setCurrentSnapshot('vmone', 'later');
  copies = await flatten(bench, join(folder.folder, 'before'));
};

/** Where the bytes of each restore point are afterwards, and what they are. */
const expectWhole = async (operation: Operation, place: string): Promise<void> => {
  expect(operation.state, `${place}: ${JSON.stringify(operation.error)}`).toBe('done');
  await bench.images.scan();
  const { tree, current } = await bench.snapshots.tree('vmone');
  expect(tree, place).toMatchObject([{ id: 'earlier', children: [{ id: 'later', children: [] }] }]);
  expect(current.snapshotId, place).toBe('later');
  const named = new Map(bench.images.list().map(({ name, id }) => [name, id]));
  expect([...named.keys()].sort(), place).toEqual(['a0', 'a2', 'a3', 'b0', 'b1', 'b3']);
  for (const [at, layers] of [
    ['a0', 'a2', 'a3'],
    ['b0', 'b1', 'b3'],
  ].entries()) {
    expect(
      bench.images.chainFacts(bench.vms.diskImage('vmone', at)).map(({ name }) => name),
      place,
    ).toEqual(layers.toReversed());
    for (const [depth, id] of ['earlier', 'later'].entries())
      expect(bench.snapshots.get('vmone', id).disks[at]?.imageId, place).toBe(named.get(layers[depth] ?? ''));
  }
  for (const { path, format } of bench.images.list())
    expect((await checkImage({ path, format })).errors, place).toBe(0);
};

/** The copies of what is left, by the layer that has its bytes now: b2 lives on in b1. */
const expectRead = async (place: string, ids: ReadonlyMap<string, string>, skip = ''): Promise<void> => {
  for (const [now, then] of [
    ['a0', 'a0'],
    ['a2', 'a2'],
    ['a3', 'a3'],
    ['b0', 'b0'],
    ['b1', 'b2'],
    ['b3', 'b3'],
  ] as const) {
    if (skip.includes(now)) continue;
    expect(await readsAs(bench, image(now), copies.get(ids.get(then) ?? '')), `${place}: ${now}`).toBe(true);
  }
};

const run = async (): Promise<string> => {
  await bench.images.scan();
  const { id } = await bench.deletions.run('vmone', { snapshots: ['target'], mode: 'auto' });
  return id;
};
const namedIds = (): Map<string, string> => new Map(bench.images.list().map(({ name, id }) => [name, id]));

/** Killed before the given call; then a new server takes over. */
const killedAt = async (wish: Parameters<typeof killPoints>[0]): Promise<'ended-before' | 'recovered'> => {
  await build();
  const ids = namedIds();
  const points = killPoints(wish);
  bench = folder.open(points.disturbance);
  const id = await run();
  const ended = bench.operations.wait(id, 60).then(() => 'ended-before' as const);
  const how = await Promise.race([ended, points.reached.then(() => 'recovered' as const)]);
  bench = folder.open();
  await bench.images.scan();
  await bench.operations.recover();
  const place = `killed before call ${wish.at} (${points.calls.at(-1)})`;
  await expectWhole(await bench.operations.wait(id, 60), place);
  await expectRead(place, ids);
  return how;
};

describe('the deletion of a restore point of two disks comes to its end with every byte right', () => {
  it.each([
    ['the server', false],
    ['the server and the storage daemon', true],
  ])('when %s is killed, before any call', { timeout: 600_000 }, async (_who, daemonToo) => {
    for (let at = first; at < 300; at += stride) {
      if ((await killedAt({ at, daemonToo })) === 'ended-before') return;
      folder.dispose();
      folder = await benchFolder();
    }
    throw new Error('it never ended');
  });

  it('when the server is killed between the disks', async () => {
    expect(await killedAt({ at: 2, only: /^open$/ })).toBe('recovered');
  });
});

it('a deletion that is cancelled between the disks leaves no restore point that lies', async () => {
  await build();
  const ids = namedIds();
  const points = killPoints({ at: null });
  bench = folder.open({
    ...points.disturbance,
    engines: (engines) => {
      const watched = points.disturbance.engines?.(engines) ?? engines;
      let opened = 0;
      return {
        ...watched,
        openDaemon: async (request) => {
          opened += 1;
          if (opened === 2) await bench.operations.cancel(request.id.split('-')[0] ?? '');
          return watched.openDaemon(request);
        },
      };
    },
  });
  const operation = await bench.operations.wait(await run(), 60);
  expect(operation.state).toBe('cancelled');
  await bench.images.scan();
  // The first disk was pulled: its layer is untouched, and the restore point whole.
  expect((await bench.snapshots.tree('vmone')).tree).toMatchObject([
    { id: 'earlier', children: [{ id: 'target', children: [{ id: 'later' }] }] },
  ]);
  for (const name of ['a0', 'a1', 'a2', 'a3', 'b0', 'b1', 'b2', 'b3'])
    expect(await readsAs(bench, image(name), copies.get(ids.get(name) ?? '')), name).toBe(true);
  // Once more, to its end.
  const again = await bench.operations.wait(await run(), 60);
  await expectWhole(again, 'again');
  await expectRead('again', ids);
});

describe('under a running VM', () => {
  let guest: BenchGuest;
  afterEach(() => guest.kill());
  const reopen = (wish: Parameters<typeof killPoints>[0] | null): ReturnType<typeof killPoints> | null => {
    const points = wish === null ? null : killPoints(wish);
    bench = folder.open(points?.disturbance ?? {});
    bench.vms.setLive('vmone', guest.live);
    return points;
  };
  const boot = async (): Promise<Map<string, string>> => {
    await build();
    guest = await startGuest(folder, bench, 'vmone', copies);
    bench.vms.setLive('vmone', guest.live);
    return namedIds();
  };
  const expectGuest = async (place: string): Promise<void> => {
    await guest.kill();
    bench.vms.setLive('vmone', null);
    for (const disk of [0, 1])
      expect(await readsAs(bench, bench.vms.diskImage('vmone', disk), guest.expected(disk)), place).toBe(
        true,
      );
  };

  it('both disks keep what the guest writes meanwhile, and all others read as before', async () => {
    const ids = await boot();
    reopen({ at: null, speed: 512 * 1024 });
    const id = await run();
    for (const [at, pattern] of [
      [3, 91],
      [9, 92],
      [40, 93],
    ] as const)
      for (const disk of [0, 1]) await guest.write(disk, at, pattern + disk);
    const operation = await bench.operations.wait(id, 60);
    expect(await guest.isRunning()).toBe(true);
    await expectGuest('live');
    await expectWhole(operation, 'live');
    await expectRead('live', ids, 'a3 b3');
  });

  it('goes on where it was when the server is killed', { timeout: 600_000 }, async () => {
    for (let at = first; at < 300; at += stride) {
      const ids = await boot();
      const points = reopen({ at });
      const id = await run();
      const ended = bench.operations.wait(id, 60).then(() => 'ended-before' as const);
      const how = await Promise.race([ended, points?.reached.then(() => 'recovered' as const)]);
      await guest.write(0, 41, 71);
      reopen(null);
      await bench.images.scan();
      await bench.operations.recover();
      const operation = await bench.operations.wait(id, 60);
      const place = `killed before call ${at} (${points?.calls.at(-1)})`;
      expect(await guest.isRunning(), place).toBe(true);
      await guest.write(1, 42, 72);
      await expectGuest(place);
      await expectWhole(operation, place);
      await expectRead(place, ids, 'a3 b3');
      if (how === 'ended-before') return;
      folder.dispose();
      folder = await benchFolder();
    }
    throw new Error('it never ended');
  });
});

describe('an empty restore point goes without a process that copies, and with every byte right', () => {
  const buildEmpty = async (): Promise<void> => {
    bench = folder.open();
    await buildLayers(bench, [
      { name: 'base', on: null, writes: [[1, 10]] },
      { name: 'empty', on: 'base', writes: [] },
      { name: 'active', on: 'empty', writes: [] },
    ]);
    bench.vms.define('vmone', [image('active')]);
    insert('target', null, [image('empty')]);
    copies = await flatten(bench, join(folder.folder, 'before'));
  };

  it.each([
    ['pull', 'active'],
    ['commit', 'empty'],
  ] as const)('by %s, also when the server is killed before any call', async (mode, left) => {
    let ended = false;
    for (let at = 1 + (first % 3); at < 60 && !ended; at += stride === 1 ? 1 : 5) {
      await buildEmpty();
      const copy = copies.get(image('active'));
      const points = killPoints({ at });
      bench = folder.open(points.disturbance);
      await bench.images.scan();
      const { id } = await bench.deletions.run('vmone', { snapshots: ['target'], mode });
      ended = await Promise.race([
        bench.operations.wait(id, 60).then(() => true),
        points.reached.then(() => false),
      ]);
      if (ended) expect(points.calls).not.toContain('open');
      bench = folder.open();
      await bench.images.scan();
      await bench.operations.recover();
      const operation = await bench.operations.wait(id, 60);
      const place = `killed before call ${at} (${points.calls.at(-1)}): ${JSON.stringify(operation.error)}`;
      expect(operation.state, place).toBe('done');
      await bench.images.scan();
      expect(
        bench.images
          .list()
          .map(({ name }) => name)
          .sort(),
        place,
      ).toEqual([left, 'base'].sort());
      expect(bench.vms.diskImage('vmone'), place).toBe(image(left));
      expect(await readsAs(bench, image(left), copy), place).toBe(true);
      folder.dispose();
      folder = await benchFolder();
    }
    expect(ended).toBe(true);
  });
});
