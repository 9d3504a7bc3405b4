import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChainRequest } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildLayers, fileOf, fiveLayers, flatten, readsAs } from '../testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../testing/chain-bench.ts';
import { type KillPoints, killPoints } from '../testing/kill-points.ts';

let folder: BenchFolder;
let bench: Bench;
let points: KillPoints;
let copies: Map<string, string>;
const id = (name: string) => bench.images.idOf(fileOf({ name }));

beforeEach(async () => {
  folder = await benchFolder();
  points = killPoints({ at: null, speed: 64 * 1024 });
  bench = folder.open(points.disturbance);
  await buildLayers(bench, fiveLayers());
  bench.vms.define('vmone', [id('active')]);
  copies = await flatten(bench, join(folder.folder, 'before'));
});
afterEach(() => folder.dispose());

const start = async (request: ChainRequest): Promise<string> => {
  const { fingerprint } = await bench.chains.plan(request);
  return (await bench.chains.run(request, fingerprint)).id;
};
const untilCopying = async (operation: string): Promise<void> => {
  while (bench.operations.get(operation).progress.done === 0) await delay(20);
};
const problemsOf = (name: string) => bench.images.get(id(name)).problems.map(({ code }) => code);

describe('a commit that is cancelled after its first byte', () => {
  const request = (): ChainRequest => ({ operation: 'commit', top: id('s3'), base: id('s1') });
  beforeEach(async () => {
    const operation = await start(request());
    await untilCopying(operation);
    expect(await bench.operations.cancel(operation)).toMatchObject({ state: 'cancelled' });
    await bench.images.scan();
  });

  it('leaves the top and everything above it whole, and every file in its place', async () => {
    for (const name of ['active', 's3', 'base'])
      expect(await readsAs(bench, id(name), copies.get(id(name)))).toBe(true);
    expect(bench.images.list()).toHaveLength(5);
  });

  it('marks the layers that no longer read as they did, also for the next server', () => {
    expect(['active', 's3', 's2', 's1', 'base'].map(problemsOf)).toEqual([
      [],
      [],
      ['tainted'],
      ['tainted'],
      [],
    ]);
    bench = folder.open();
    expect(
      bench.operations.taints
        .list()
        .map(({ imageId }) => imageId)
        .sort(),
    ).toEqual([id('s2'), id('s1')].sort());
  });

  it.each([
    [
      'a pull that would end on one of these layers',
      (): ChainRequest => ({ operation: 'pull', into: id('active'), from: id('s3'), deleteUnused: false }),
    ],
    [
      'a pull into one of these layers',
      (): ChainRequest => ({ operation: 'pull', into: id('s2'), deleteUnused: false }),
    ],
    ['a shorter commit', (): ChainRequest => ({ operation: 'commit', top: id('s2'), base: id('s1') })],
    [
      'a commit into another base',
      (): ChainRequest => ({ operation: 'commit', top: id('s3'), base: id('base') }),
    ],
  ])('blocks %s', async (_what, other) => {
    const plan = await bench.chains.plan(other());
    expect(plan.blockers.map(({ code }) => code)).toContain('tainted');
    expect(plan.blockers[0]?.message).toContain('Repeat the commit');
    await expect(bench.chains.run(other(), plan.fingerprint)).rejects.toMatchObject({ code: 'plan-blocked' });
  });

  it.each(['s3', 'active'])('is also repaired by a pull into “%s” past all of them', async (into) => {
    const pull: ChainRequest = { operation: 'pull', into: id(into), from: id('s1'), deleteUnused: true };
    expect(await bench.run(pull)).toMatchObject({ state: 'done' });
    await bench.images.scan();
    expect(bench.images.chainFacts(id('active')).map(({ name }) => name)).toEqual(
      into === 's3' ? ['active', 's3', 'base'] : ['active', 'base'],
    );
    for (const name of ['active', 'base'])
      expect(await readsAs(bench, id(name), copies.get(id(name)))).toBe(true);
  });

  it('blocks a VM that would write one of them', () => {
    const guarded = bench.operations.taints.list().map(({ imageId }) => imageId);
    bench.vms.define('vmtwo', guarded.slice(0, 1));
    return expect(bench.vms.start('vmtwo')).rejects.toMatchObject({ code: 'plan-blocked' });
  });

  it('may be repeated, and then nothing is marked any more', async () => {
    bench = folder.open();
    await bench.images.scan();
    expect(await bench.run(request())).toMatchObject({ state: 'done' });
    await bench.images.scan();
    expect(bench.operations.taints.list()).toEqual([]);
    expect(bench.images.list()).toHaveLength(3);
    expect(await readsAs(bench, id('active'), copies.get(id('active')))).toBe(true);
  });
});

it('a pull that is cancelled leaves all images reading the same, and nothing blocked', async () => {
  const operation = await start({ operation: 'pull', into: id('active'), deleteUnused: true });
  await untilCopying(operation);
  expect(await bench.operations.cancel(operation)).toMatchObject({ state: 'cancelled' });
  await bench.images.scan();
  expect(bench.images.list()).toHaveLength(5);
  for (const { id: image } of bench.images.list())
    expect(await readsAs(bench, image, copies.get(image))).toBe(true);
  expect(bench.operations.taints.list()).toEqual([]);
});

it('a paused operation moves nothing, and goes on when it is resumed at another speed', async () => {
  const operation = await start({ operation: 'pull', into: id('active'), deleteUnused: false });
  await untilCopying(operation);
  expect(await bench.operations.pause(operation)).toMatchObject({ state: 'paused' });
  await delay(700);
  const { done } = bench.operations.get(operation).progress;
  await delay(700);
  expect(bench.operations.get(operation).progress.done).toBe(done);
  await bench.operations.setSpeed(operation, 0);
  expect(await bench.operations.resume(operation)).toMatchObject({ state: 'running' });
  expect(await bench.operations.wait(operation, 30)).toMatchObject({ state: 'done' });
});

it.each([
  ['a commit', (): ChainRequest => ({ operation: 'commit', top: id('s3'), base: id('base') })],
  ['a pull', (): ChainRequest => ({ operation: 'pull', into: id('active'), deleteUnused: false })],
])('%s whose storage daemon is killed begins again by itself', async (_what, request) => {
  const operation = await start(request());
  await untilCopying(operation);
  process.kill(points.daemonPid() ?? 0, 'SIGKILL');
  const ended = await bench.operations.wait(operation, 60);
  expect(ended).toMatchObject({ state: 'done', recovery: expect.stringContaining('was killed') });
  await bench.images.scan();
  expect(await readsAs(bench, id('active'), copies.get(id('active')))).toBe(true);
});
