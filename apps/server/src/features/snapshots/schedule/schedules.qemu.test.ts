import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { checkImage } from '../../../qemu/qemu-img.ts';
import { writeBlocks } from '../../../qemu/qemu-io.ts';
import { type BenchGuest, startGuest } from '../../operations/testing/bench-guest.ts';
import { buildLayers, cluster, fileOf, flatten, readsAs } from '../../operations/testing/bench-layers.ts';
import {
  type Bench,
  type BenchFolder,
  benchFolder,
  type Disturbance,
} from '../../operations/testing/chain-bench.ts';
import { killPoints, killStride } from '../../operations/testing/kill-points.ts';
import { scheduledName } from './schedule-times.ts';
import { createSchedulesService } from './schedules.service.ts';
import type { SchedulesService } from './schedules.types.ts';
import { type TestClock, testClock } from './testing/test-clock.ts';

const start = Date.parse('2026-03-01T10:00:00Z');
const hour = 3_600_000;
const patience = { timeout: 30_000, interval: 20 };

let folder: BenchFolder;
let bench: Bench;
let clock: TestClock;
let schedules: SchedulesService;
/** What each disk showed when a snapshot was taken: `snapshot disk` → a flat copy. */
let shown: Map<string, string>;
/** Looks at the files that have begun and not ended: with one, a schedule begins to thin. */
let looking: number;

const build = async (): Promise<void> => {
  folder = await benchFolder();
  bench = folder.open();
  shown = new Map();
  looking = 0;
  await buildLayers(bench, [
    { name: 'base', on: null, writes: [[0, 1]] },
    { name: 'a', on: 'base', writes: [[1, 2]] },
    { name: 'b', on: null, writes: [[2, 3]] },
  ]);
  const image = (name: string) => bench.images.idOf(fileOf({ name }));
  bench.vms.define('vmone', [image('a'), image('b')]);
  clock = testClock(start);
  serve();
};
beforeEach(build);
afterEach(() => {
  schedules.close();
  folder.dispose();
});

/** The schedules of a server that has just begun. */
const serve = (): void => {
  const events = { publish: () => {}, subscribe: () => () => {} };
  const log = (error: unknown): void => console.error(error);
  const scan = async (): Promise<void> => {
    looking += 1;
    await bench.images.scan().finally(() => {
      looking -= 1;
    });
  };
  const images = { ...bench.images, scan };
  schedules = createSchedulesService({ ...bench, images, events, log, clock });
  schedules.start();
};

const every = (keep: number) =>
  schedules.put('vmone', {
    ...{ enabled: true, every: { count: 1, unit: 'hours' }, keep, memory: false, quiesce: false },
  });

const nodes = async () => {
  const { tree } = await bench.snapshots.tree('vmone');
  const all = (some: typeof tree): typeof tree => some.flatMap((node) => [node, ...all(node.children)]);
  return all(tree);
};
const names = async (): Promise<string[]> => (await nodes()).map(({ name }) => name);
/** The name of an automatic snapshot of so many hours after the start. */
const at = (hours: number): string => scheduledName(start + hours * hour);

/** An hour goes by; what is due then is carried out, and the snapshots are these. */
const due = async (expected: readonly string[]) => {
  const before = schedules.get('vmone').last;
  await clock.pass(hour);
  const last = await vi.waitFor(() => {
    const now = schedules.get('vmone').last;
    expect(now).not.toEqual(before);
    return now;
  }, patience);
  await vi.waitFor(async () => {
    expect(await names()).toEqual(expected);
    expect([looking, bench.operations.activeOn({ vms: ['vmone'] })]).toEqual([0, null]);
  }, patience);
  return last;
};

const idOf = async (name: string): Promise<string> =>
  (await nodes()).find((node) => node.name === name)?.id ?? '';

/** Every snapshot that is left, and both disks, read as they were recorded; every file is sound. */
const expectKept = async (now: readonly [string, string]): Promise<void> => {
  await bench.images.scan();
  for (const { id, name, disks } of await nodes())
    for (const { diskId, imageId } of disks)
      expect(await readsAs(bench, imageId, shown.get(`${id} ${diskId}`)), `${name} ${diskId}`).toBe(true);
  for (const [disk, copy] of now.entries())
    expect(await readsAs(bench, bench.vms.diskImage('vmone', disk), copy), `disk ${disk}`).toBe(true);
  for (const { path, format } of bench.images.list())
    expect((await checkImage({ path, format })).errors, path).toBe(0);
};

describe('automatic snapshots of a running VM', () => {
  let guest: BenchGuest;
  beforeEach(async () => {
    guest = await startGuest(folder, bench, 'vmone', await flatten(bench, join(folder.folder, 'guest')));
    bench.vms.setLive('vmone', guest.live);
  });
  afterEach(() => guest.kill());

  const record = async (name: string): Promise<void> => {
    const id = await idOf(name);
    for (const disk of [0, 1]) {
      const copy = join(folder.folder, `${id}-${disk}.raw`);
      copyFileSync(guest.expected(disk), copy);
      shown.set(`${id} ${bench.vms.diskId('vmone', disk)}`, copy);
    }
  };
  const work = async (number: number): Promise<void> => {
    await guest.write(0, 10 + number, 50 + number);
    await guest.write(0, 5, 80 + number);
    await guest.write(1, 30 + number, 110 + number);
  };

  it('are taken and thinned by merging; those that are left, and the guest, read what they read then', {
    timeout: 120_000,
  }, async () => {
    every(2);
    await work(1);
    expect(await due([at(1)])).toMatchObject({ outcome: 'taken', detail: expect.stringContaining(at(1)) });
    await record(at(1));
    await work(2);
    await due([at(1), at(2)]);
    await record(at(2));
    await work(3);
    const mine = await bench.snapshots.take('vmone', { name: 'mine', kind: 'external', memory: false });
    await bench.operations.wait(mine.id, 30);
    await record('mine');
    await work(4);
    await due([at(2), 'mine', at(3)]);
    await record(at(3));
    expect((await nodes()).map(({ origin }) => origin)).toEqual(['schedule', 'taken', 'schedule']);
    // Somebody's from now on.
    bench.snapshots.patch('vmone', await idOf(at(2)), { name: 'kept by name' });
    await work(5);
    await due(['kept by name', 'mine', at(3), at(4)]);
    await record(at(4));
    await work(6);
    await due(['kept by name', 'mine', at(4), at(5)]);
    await record(at(5));
    await work(7);
    expect(await guest.isRunning()).toBe(true);
    await guest.kill();
    bench.vms.setLive('vmone', null);
    await expectKept([guest.expected(0), guest.expected(1)]);
    // One layer for each snapshot and disk, the two that are written, and the base.
    expect(bench.images.list()).toHaveLength(4 * 2 + 2 + 1);
  });
});

describe('automatic snapshots of a VM that is off', () => {
  const write = async (disk: number, where: number, pattern: number): Promise<void> => {
    const { path, format } = bench.images.facts(bench.vms.diskImage('vmone', disk));
    await writeBlocks(
      { path, format },
      [{ offset: where * cluster, length: cluster, pattern }],
      folder.folder,
    );
    await bench.images.scan();
  };

  it('do not pile up while nothing is written, and leave what a branch stands on', {
    timeout: 120_000,
  }, async () => {
    every(1);
    await due([at(1)]);
    expect(await due([at(1)])).toEqual({
      at: new Date(start + 2 * hour).toISOString(),
      outcome: 'skipped',
      detail: `Nothing has changed since “${at(1)}”.`,
      operationId: null,
    });
    const [disk] = bench.snapshots.get('vmone', await idOf(at(1))).disks;
    const branch = await bench.images.createOverlay({ backingId: disk?.imageId ?? '', stem: 'branch' });
    const copies = await flatten(bench, join(folder.folder, 'copies'));
    await write(0, 20, 20);
    await due([at(1), at(3)]);
    await write(1, 21, 21);
    await due([at(1), at(4)]);
    await bench.images.scan();
    expect(await readsAs(bench, branch.id, copies.get(branch.id))).toBe(true);
    const first = await idOf(at(1));
    for (const { diskId, imageId } of bench.snapshots.get('vmone', first).disks) {
      expect(await readsAs(bench, imageId, copies.get(imageId))).toBe(true);
      shown.set(`${first} ${diskId}`, copies.get(imageId) ?? '');
    }
    const now = await flatten(bench, join(folder.folder, 'now'));
    const active = [0, 1].map((position) => bench.vms.diskImage('vmone', position));
    const last = await idOf(at(4));
    for (const [position, { diskId }] of bench.snapshots.get('vmone', last).disks.entries())
      shown.set(`${last} ${diskId}`, now.get(active[position] ?? '') ?? '');
    await expectKept([now.get(active[0] ?? '') ?? '', now.get(active[1] ?? '') ?? '']);
  });

  it('says what keeps an older one from being merged, and goes on taking', { timeout: 120_000 }, async () => {
    every(1);
    await due([at(1)]);
    await write(0, 20, 20);
    // A tag of another tool, inside the layer into which the older one would go.
    const inside = await bench.snapshots.take('vmone', { name: 'inside', kind: 'internal', memory: false });
    await bench.operations.wait(inside.id, 30);
    await write(0, 21, 21);
    await due([at(1), 'inside', at(2)]);
    await vi.waitFor(() => {
      expect(schedules.get('vmone').last).toMatchObject({
        outcome: 'taken',
        detail: expect.stringContaining(`“${at(1)}” stays for now`),
      });
    }, patience);
  });

  /** Four, with a write before and after each; and what each of them, and both disks, show. */
  const four = async (): Promise<readonly [string, string]> => {
    every(4);
    for (const number of [1, 2, 3, 4]) {
      for (const disk of [0, 1]) await write(disk, 20 + number, number);
      await due([1, 2, 3, 4].slice(0, number).map(at));
    }
    const copies = await flatten(bench, join(folder.folder, 'copies'));
    for (const { id, disks } of await nodes())
      for (const { diskId, imageId } of disks) shown.set(`${id} ${diskId}`, copies.get(imageId) ?? '');
    const [first = '', second = ''] = [0, 1].map((position) =>
      copies.get(bench.vms.diskImage('vmone', position)),
    );
    return [first, second];
  };
  const thinnings = () =>
    bench.operations.list({ limit: 100 }).items.filter(({ kind }) => kind === 'snapshot-delete');
  const open = async (disturb?: Disturbance): Promise<void> => {
    schedules.close();
    bench = folder.open(disturb);
    await bench.images.scan();
    await bench.operations.recover();
    serve();
  };

  it('goes on with a thinning in the middle of which the server was killed: one operation, and all reads the same', {
    timeout: 240_000,
  }, async () => {
    let killed = 0;
    for (let point = 1; ; point += killStride(5)) {
      const now = await four();
      const points = killPoints({ at: point, only: /^(block-|job-|unlink|trash|refresh)/ });
      await open(points.disturbance);
      every(1);
      // Nothing was written since: it only thins.
      await clock.pass(hour);
      await vi.waitFor(() => expect(thinnings()).toHaveLength(1), patience);
      const [{ id } = { id: '' }] = thinnings();
      const outcome = await Promise.race([points.reached, bench.operations.ended(id)]);
      await open();
      expect(await bench.operations.wait(id, 60)).toMatchObject({ state: 'done' });
      expect(thinnings()).toHaveLength(1);
      expect(await names()).toEqual([at(4)]);
      await expectKept(now);
      if (typeof outcome !== 'string') break;
      killed += 1;
      schedules.close();
      folder.dispose();
      await build();
    }
    expect(killed).toBeGreaterThan(2);
  });
});
