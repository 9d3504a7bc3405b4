import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ChainRequest, Plan } from '@strata/contract';
import type { QmpClient } from '@strata/qmp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkImage } from '../../qemu/qemu-img.ts';
import { startGuest } from '../operations/testing/bench-guest.ts';
import { buildLayers, fileOf, flatten, readsAs } from '../operations/testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../operations/testing/chain-bench.ts';

const run = promisify(execFile);

let folder: BenchFolder;
let bench: Bench;
beforeEach(async () => {
  folder = await benchFolder();
  bench = folder.open();
});
afterEach(() => folder.dispose());

/** A name that a shell, QEMU and JSON each read in their own way. */
const odd = (name: string): string => `${name}: it's $HOME "1,2"`;
const id = (name: string, format: 'qcow2' | 'raw' = 'qcow2') =>
  bench.images.idOf(fileOf({ name: odd(name), format }));

/** base ← s1 ← s2 ← s3 ← active, and `branch` beside s3 on s2; `other` shares nothing. */
const build = async (base: 'qcow2' | 'raw'): Promise<Map<string, string>> => {
  const on = (name: string, below: string | null, at: number, format: 'qcow2' | 'raw' = 'qcow2') => ({
    name: odd(name),
    on: below === null ? null : odd(below),
    format,
    writes: [
      [at, 16 + at],
      [at + 1, 32 + at],
      [20, 64 + at],
    ] as const,
  });
  await buildLayers(bench, [
    on('base', null, 0, base),
    on('s1', 'base', 1),
    on('s2', 's1', 2),
    on('s3', 's2', 3),
    on('active', 's3', 4),
    on('branch', 's2', 7),
    on('other', null, 9),
    on('twin', 'base', 1),
  ]);
  return flatten(bench, join(folder.folder, 'before'));
};

const whenOf = (line: string): string | undefined => /^# when query-jobs says "(\w+)":$/.exec(line)?.[1];

/** As a person would: into a shell, or into the monitor, waiting where the comments say so. */
const follow = async (commands: readonly string[], qmp?: QmpClient): Promise<void> => {
  for (const line of commands) {
    const status = whenOf(line);
    if (status !== undefined) {
      const reached = async () => (await qmp?.execute('query-jobs'))?.[0]?.status === status;
      for (let tries = 0; !(await reached()); tries += 1) {
        if (tries > 500) throw new Error(`the job is never ${status}`);
        await sleep(10);
      }
    } else if (line.startsWith('{')) {
      const { execute, arguments: args } = JSON.parse(line);
      expect(await qmp?.execute(execute, args), line).toSatisfy(
        (answer) => answer === '' || JSON.stringify(answer) === '{}',
      );
    } else await run('sh', ['-euc', line], { cwd: '/' });
  }
};

/** What the files are now is what the plan has drawn, and everything that is left reads as before. */
const expectAsPlanned = async (plan: Plan, copies: ReadonlyMap<string, string>): Promise<void> => {
  await bench.images.scan();
  for (const { layers } of plan.after)
    expect(bench.images.chainFacts(layers[0]?.imageId ?? '').map(({ id: layer }) => layer)).toEqual(
      layers.map(({ imageId }) => imageId),
    );
  const trashed = plan.toTrash === true;
  const left = bench.images.list();
  for (const { imageId } of plan.deletes) expect(left.some(({ id: at }) => at === imageId)).toBe(trashed);
  const changed =
    plan.operation === 'commit' || plan.method === 'commit' ? plan.moves.map(({ to }) => to) : [];
  const active = plan.after.flatMap(({ layers }) => layers.slice(0, 1)).map(({ imageId }) => imageId);
  for (const { id: image, path, format } of left) {
    if (format === 'qcow2') expect((await checkImage({ path, format })).errors).toBe(0);
    if (!changed.includes(image)) expect(await readsAs(bench, image, copies.get(image)), path).toBe(true);
  }
  // What became of a merged active layer.
  for (const image of active.filter((layer) => changed.includes(layer)))
    expect(await readsAs(bench, image, copies.get(plan.before[0]?.layers[0]?.imageId ?? ''))).toBe(true);
};

describe('the commands of a plan, typed into a shell, do what the plan says', () => {
  const wishes: [string, () => ChainRequest][] = [
    ['a commit under two overlays', () => ({ operation: 'commit', top: id('s2'), base: id('s1') })],
    ['a commit of the active layer', () => ({ operation: 'commit', top: id('active'), base: id('s3') })],
    ['a pull', () => ({ operation: 'pull', into: id('s3'), from: id('s1'), deleteUnused: false })],
    ['a flatten', () => ({ operation: 'flatten', imageId: id('active') })],
    ['a deletion by pull', () => ({ operation: 'delete', imageId: id('s2'), mode: 'pull' })],
    ['a deletion by commit', () => ({ operation: 'delete', imageId: id('s2'), mode: 'commit' })],
    ['a safe rebase', () => ({ operation: 'rebase', imageId: id('s2'), backing: id('other'), mode: 'safe' })],
    ['a relink', () => ({ operation: 'rebase', imageId: id('s2'), backing: id('twin'), mode: 'relink' })],
  ];
  it.each(wishes)('%s', async (_name, wish) => {
    const copies = await build('qcow2');
    const plan = await bench.chains.plan(wish());
    expect(plan.blockers).toEqual([]);
    await follow(plan.commands);
    await expectAsPlanned(plan, copies);
  });

  it('a commit into a raw base', async () => {
    const copies = await build('raw');
    bench.images.idOf(fileOf({ name: odd('base'), format: 'raw' }));
    const { path } = bench.images.facts(id('twin'));
    await run('rm', ['--', path]);
    await bench.images.scan();
    const plan = await bench.chains.plan({ operation: 'commit', top: id('s1'), base: id('base', 'raw') });
    expect(plan.blockers).toEqual([]);
    await follow(plan.commands);
    await expectAsPlanned(plan, copies);
  });
});

describe('the commands of a plan, given to the QEMU of a running VM, do what the plan says', () => {
  const wishes: [string, () => ChainRequest][] = [
    ['a commit below the active layer', () => ({ operation: 'commit', top: id('s2'), base: id('s1') })],
    ['a commit of the active layer', () => ({ operation: 'commit', top: id('active'), base: id('s3') })],
    [
      'a pull into a layer in the middle',
      () => ({ operation: 'pull', into: id('s3'), from: id('s1'), deleteUnused: false }),
    ],
    ['a flatten', () => ({ operation: 'flatten', imageId: id('active') })],
  ];
  it.each(wishes)('%s', async (_name, wish) => {
    const copies = await build('qcow2');
    bench.vms.define('vmone', [id('active')]);
    const guest = await startGuest(folder, bench, 'vmone', copies);
    bench.vms.setLive('vmone', guest.live);
    let plan: Plan;
    try {
      await guest.write(0, 50, 99);
      plan = await bench.chains.plan(wish());
      expect(plan).toMatchObject({ live: true, blockers: [] });
      expect(plan.commands.join('\n')).not.toContain('<');
      await follow(plan.commands, guest.live.qmp);
      expect(await guest.isRunning()).toBe(true);
      await guest.live.qmp.execute('quit').catch(() => {});
      await guest.live.exited;
    } finally {
      await guest.kill();
      bench.vms.setLive('vmone', null);
    }
    await expectAsPlanned(plan, copies);
  });
});

it('an operation on files whose names hold a colon links them by names that QEMU reads as files', async () => {
  const copies = await build('qcow2');
  const commit = { operation: 'commit', top: id('s2'), base: id('s1') } as const;
  const plan = await bench.chains.plan(commit);
  expect(await bench.run(commit)).toMatchObject({ state: 'done' });
  await expectAsPlanned(plan, copies);
  const pull = { operation: 'pull', into: id('s3'), from: id('s1'), deleteUnused: false } as const;
  const next = await bench.chains.plan(pull);
  expect(await bench.run(pull)).toMatchObject({ state: 'done' });
  await bench.images.scan();
  for (const { layers } of next.after)
    expect(bench.images.chainFacts(layers[0]?.imageId ?? '')).toHaveLength(layers.length);
  expect(await readsAs(bench, id('active'), copies.get(id('active')))).toBe(true);
});
