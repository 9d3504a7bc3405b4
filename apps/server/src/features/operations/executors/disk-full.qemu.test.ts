import { join } from 'node:path';
import type { ChainRequest } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkImage, relinkImage } from '../../../qemu/qemu-img.ts';
import { rebaseImage } from '../../../qemu/rebase-image.ts';
import { canMount, mountSmallDisk, type SmallDisk } from '../../../testing/full-disk.ts';
import { buildLayers, fileOf, flatten, readsAs } from '../testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder, type Disturbance } from '../testing/chain-bench.ts';
import { killPoints } from '../testing/kill-points.ts';

/** The disk is full to the last byte while each operation copies: nothing is lost, and with room it goes on or is repeated. */

let folder: BenchFolder;
let disk: SmallDisk;
let copies: Map<string, string>;
const idIn = (bench: Bench) => (name: string) => bench.images.idOf(fileOf({ name }));
/** A place of its own for each layer, so that whatever goes elsewhere needs new clusters. */
const place = (at: number, pattern: number) =>
  Array.from({ length: 12 }, (_, offset) => [at * 12 + offset, pattern] as const);

beforeEach(async () => {
  folder = await benchFolder();
  if (!canMount) return;
  disk = mountSmallDisk(join(folder.folder, 'images'), 24);
  const first = folder.open();
  await buildLayers(first, [
    { name: 'base', on: null, writes: place(0, 1) },
    { name: 's1', on: 'base', writes: place(1, 2) },
    { name: 's2', on: 's1', writes: place(2, 3) },
    { name: 'active', on: 's2', writes: place(3, 4) },
    { name: 'branch', on: 's2', writes: [[60, 5]] },
    { name: 'other', on: null, writes: place(4, 6) },
  ]);
  copies = await flatten(first, join(folder.folder, 'before'));
});
afterEach(() => {
  if (canMount) disk.unmount();
  folder.dispose();
});

const open = async (disturbance: Disturbance): Promise<Bench> => {
  const bench = folder.open(disturbance);
  await bench.images.scan();
  return bench;
};
const begin = async (bench: Bench, request: ChainRequest): Promise<string> => {
  const { fingerprint, blockers } = await bench.chains.plan(request);
  expect(blockers).toEqual([]);
  // So small a disk is smaller than the reserve.
  return (await bench.chains.run(request, fingerprint, { useReserve: true })).id;
};
const expectWhole = async (bench: Bench, names: readonly string[]): Promise<void> => {
  await bench.images.scan();
  for (const name of names) {
    const { path, format } = bench.images.facts(idIn(bench)(name));
    expect(await readsAs(bench, idIn(bench)(name), copies.get(idIn(bench)(name))), name).toBe(true);
    expect((await checkImage({ path, format })).errors, name).toBe(0);
  }
};

const jobs: ReadonlyArray<
  readonly [what: string, request: (id: (name: string) => string) => ChainRequest, left: readonly string[]]
> = [
  [
    'a commit',
    (id) => ({ operation: 'commit', top: id('s2'), base: id('base') }),
    ['active', 'branch', 'other'],
  ],
  [
    'a pull',
    (id) => ({ operation: 'pull', into: id('active'), from: id('s1'), deleteUnused: false }),
    ['active', 'branch', 's2', 's1', 'base'],
  ],
  [
    'a flattening',
    (id) => ({ operation: 'flatten', imageId: id('branch') }),
    ['active', 'branch', 's2', 's1', 'base'],
  ],
  [
    'the deletion of a layer with two overlays',
    (id) => ({ operation: 'delete', imageId: id('s2'), mode: 'pull' }),
    ['active', 'branch', 's1', 'base'],
  ],
];

describe.runIf(canMount)('a disk that becomes full', () => {
  it.each(jobs)('pauses %s, which goes on when there is room', async (_what, request, left) => {
    const bench = await open(killPoints({ at: null, speed: 256 * 1024 }).disturbance);
    const operation = await begin(bench, request(idIn(bench)));
    disk.fill();
    const state = () => bench.operations.get(operation);
    await expect.poll(state, { timeout: 20_000 }).toMatchObject({
      state: 'paused',
      pausedBecause: 'no-space',
    });
    // Too early: it says so again.
    await bench.operations.resume(operation);
    await expect.poll(state, { timeout: 20_000 }).toMatchObject({ pausedBecause: 'no-space' });
    disk.free();
    await bench.operations.resume(operation);
    await bench.operations.setSpeed(operation, 0).catch(() => {});
    expect(await bench.operations.wait(operation, 60)).toMatchObject({ state: 'done' });
    await expectWhole(bench, left);
  });

  it('pauses a commit that the next server finds paused, and ends when there is room', async () => {
    const points = killPoints({ at: 1, only: /^job-resume$/, speed: 256 * 1024 });
    const bench = await open(points.disturbance);
    const operation = await begin(bench, jobs[0]?.[1](idIn(bench)) as ChainRequest);
    disk.fill();
    await expect
      .poll(() => bench.operations.get(operation).pausedBecause, { timeout: 20_000 })
      .toBe('no-space');
    bench.operations.resume(operation).catch(() => {});
    await points.reached;
    const next = await open({});
    await next.operations.recover();
    await expect
      .poll(() => next.operations.get(operation).pausedBecause, { timeout: 20_000 })
      .toBe('no-space');
    disk.free();
    await next.operations.resume(operation);
    await next.operations.setSpeed(operation, 0).catch(() => {});
    expect(await next.operations.wait(operation, 60)).toMatchObject({ state: 'done' });
    await expectWhole(next, ['active', 'branch', 'other']);
  });

  it('ends a rebase in words and with the old link; repeated with room, it is done', async () => {
    const full: typeof rebaseImage = (...args) => {
      disk.fill();
      return rebaseImage(...args);
    };
    const bench = await open({ rebase: { rebaseImage: full, relinkImage } });
    const request: ChainRequest = {
      operation: 'rebase',
      imageId: idIn(bench)('active'),
      backing: idIn(bench)('other'),
      mode: 'safe',
    };
    const failed = await bench.operations.wait(await begin(bench, request), 60);
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'disk-full' } });
    disk.free();
    await expectWhole(bench, ['active', 'branch', 's2', 's1', 'base', 'other']);
    expect(bench.images.chainFacts(idIn(bench)('active')).map(({ name }) => name)).toContain('s2');
    const next = await open({});
    const again = await begin(next, request);
    expect(await next.operations.wait(again, 60)).toMatchObject({ state: 'done' });
    await expectWhole(next, ['active', 'branch', 's2', 's1', 'base', 'other']);
  });
});
