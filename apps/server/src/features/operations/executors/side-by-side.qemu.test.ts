import { join } from 'node:path';
import type { ChainRequest } from '@strata/contract';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { buildLayers, fileOf, flatten, readsAs } from '../testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../testing/chain-bench.ts';
import { killPoints } from '../testing/kill-points.ts';

/*
 *    a-active       b-active    left   right      Operations that share a layer which one of them changes exclude each
 *    a-s2           b-s2          └─┬────┘        other; all others, readers of one layer included, go on side by side.
 *    a-s1           b-s1          shared
 *    a-base         b-base
 */

let folder: BenchFolder;
let bench: Bench;
let copies: Map<string, string>;
const id = (name: string) => bench.images.idOf(fileOf({ name }));
const filled = (pattern: number) => Array.from({ length: 40 }, (_, at) => [at, pattern + (at % 7)] as const);
const chain = (prefix: string, pattern: number) =>
  ['base', 's1', 's2', 'active'].map((name, index, names) => ({
    name: `${prefix}-${name}`,
    on: index === 0 ? null : `${prefix}-${names[index - 1]}`,
    writes: filled(pattern + 10 * index).slice(index * 5),
  }));

beforeEach(async () => {
  folder = await benchFolder();
  const first = folder.open();
  await buildLayers(first, [
    ...chain('a', 10),
    ...chain('b', 60),
    { name: 'shared', on: null, writes: filled(120) },
    { name: 'left', on: 'shared', writes: [[1, 1]] },
    { name: 'right', on: 'shared', writes: [[2, 2]] },
  ]);
  copies = await flatten(first, join(folder.folder, 'before'));
  // So slow that each is met at its work.
  bench = folder.open(killPoints({ at: null, speed: 512 * 1024 }).disturbance);
  await bench.images.scan();
});
afterEach(() => folder.dispose());

const start = async (request: ChainRequest): Promise<string> => {
  const { fingerprint, blockers } = await bench.chains.plan(request);
  expect(blockers).toEqual([]);
  return (await bench.chains.run(request, fingerprint)).id;
};
const commitOf = (prefix: string, top: string, base: string): ChainRequest => ({
  operation: 'commit',
  top: id(`${prefix}-${top}`),
  base: id(`${prefix}-${base}`),
});
const atWork = (...operations: readonly string[]) =>
  expect
    .poll(() => operations.map((operation) => bench.operations.get(operation).progress.done > 0), {
      timeout: 10_000,
      interval: 20,
    })
    .toEqual(operations.map(() => true));
const done = async (operation: string): Promise<void> => {
  await bench.operations.setSpeed(operation, 0).catch(() => {});
  expect(await bench.operations.wait(operation, 60)).toMatchObject({ state: 'done' });
};
const reads = async (...names: readonly string[]): Promise<void> => {
  await bench.images.scan();
  for (const name of names) expect(await readsAs(bench, id(name), copies.get(id(name))), name).toBe(true);
};

it('a commit, a pull of another tree, and two flattenings over one base are at work at the same time', async () => {
  const operations = [
    await start(commitOf('a', 's2', 'base')),
    await start({ operation: 'pull', into: id('b-active'), from: id('b-s1'), deleteUnused: false }),
    await start({ operation: 'flatten', imageId: id('left') }),
    await start({ operation: 'flatten', imageId: id('right') }),
  ];
  await atWork(...operations);
  for (const operation of operations) expect(bench.operations.get(operation).state).toBe('running');
  for (const operation of operations) await done(operation);
  await reads('a-active', 'b-active', 'b-s2', 'b-s1', 'b-base', 'left', 'right', 'shared');
});

it('while a commit is at work nothing else begins on its layers, on what it reads or on what reads them', async () => {
  const commit = await start(commitOf('a', 's2', 's1'));
  await atWork(commit);
  const wishes: ChainRequest[] = [
    commitOf('a', 's2', 'base'),
    commitOf('a', 'active', 's2'),
    commitOf('a', 's1', 'base'),
    { operation: 'pull', into: id('a-active'), from: id('a-s2'), deleteUnused: false },
    { operation: 'flatten', imageId: id('a-s1') },
    { operation: 'delete', imageId: id('a-s1'), mode: 'auto' },
    { operation: 'rebase', imageId: id('a-active'), backing: id('shared'), mode: 'safe' },
    { operation: 'rebase', imageId: id('left'), backing: id('a-s2'), mode: 'safe' },
  ];
  for (const wish of wishes) {
    const what = JSON.stringify(wish);
    const { fingerprint, blockers } = await bench.chains.plan(wish);
    expect(
      blockers.map(({ code }) => code),
      what,
    ).toContain('operation-unfinished');
    await expect(bench.chains.run(wish, fingerprint), what).rejects.toMatchObject({ code: 'plan-blocked' });
  }
  expect(bench.operations.list({ state: 'running' }).total).toBe(1);
  await done(commit);
  await reads('a-active', 'a-base', 'left', 'shared');
});

it('of two plans for one chain only the first is run, however close together they are', async () => {
  const wishes = [commitOf('a', 's2', 's1'), commitOf('a', 's1', 'base'), commitOf('a', 'active', 's2')];
  const plans = await Promise.all(wishes.map((wish) => bench.chains.plan(wish)));
  const ends = await Promise.allSettled(
    wishes.map((wish, at) => bench.chains.run(wish, plans[at]?.fingerprint ?? '')),
  );
  const begun = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value.id] : []));
  expect(begun).toHaveLength(1);
  for (const end of ends)
    if (end.status === 'rejected')
      expect(['operation-running', 'plan-stale', 'plan-blocked']).toContain(end.reason.code);
  await done(begun[0] ?? '');
});
