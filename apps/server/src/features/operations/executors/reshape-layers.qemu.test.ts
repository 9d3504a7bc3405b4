import { createHash } from 'node:crypto';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChainRequest } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkImage } from '../../../qemu/qemu-img.ts';
import { writeBlocks } from '../../../qemu/qemu-io.ts';
import { startGuest } from '../testing/bench-guest.ts';
import { buildLayers, cluster, fileOf, fiveLayers, flatten, readsAs } from '../testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../testing/chain-bench.ts';

let folder: BenchFolder;
let bench: Bench;
const id = (name: string) => bench.images.idOf(fileOf({ name }));
const names = (image: string) => bench.images.chainFacts(image).map(({ name }) => name);
const files = () =>
  bench.images
    .list()
    .map(({ name }) => name)
    .sort();

/** Every image reads as before, and is sound. */
const expectSame = async (copies: ReadonlyMap<string, string>, except: readonly string[] = []) => {
  await bench.images.scan();
  for (const { id: image, name, path, format } of bench.images.list()) {
    if (!except.includes(name)) expect(await readsAs(bench, image, copies.get(image)), name).toBe(true);
    expect((await checkImage({ path, format })).errors, name).toBe(0);
  }
};
const hashes = () =>
  Promise.all(
    bench.images.list().map(async ({ path }) =>
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ),
  );
const build = async (besides: Parameters<typeof buildLayers>[1] = []) => {
  await buildLayers(bench, [...fiveLayers(), ...besides]);
  return flatten(bench, join(folder.folder, 'before'));
};
/** Another base with a branch of its own: it shares nothing with the five. */
const strangers: Parameters<typeof buildLayers>[1] = [
  {
    name: 'other',
    on: null,
    writes: [
      [0, 16],
      [7, 70],
      [21, 49],
      [60, 99],
    ],
  },
  { name: 'otherlayer', on: 'other', writes: [[33, 71]] },
];

beforeEach(async () => {
  folder = await benchFolder();
  bench = folder.open();
});
afterEach(() => folder.dispose());

describe('flatten', () => {
  it.each([
    ['active', ['active']],
    ['s2', ['active', 's3', 's2']],
  ])('of %s makes it stand alone, what was below stays, and all read the same', async (layer, left) => {
    const copies = await build();
    bench.vms.define('vmone', [id('active')]);
    const operation = await bench.run({ operation: 'flatten', imageId: id(layer) });
    expect(operation).toMatchObject({ kind: 'flatten', state: 'done', result: { imageId: id(layer) } });
    await bench.images.scan();
    expect(names(id('active'))).toEqual(left);
    expect(files()).toHaveLength(5);
    await expectSame(copies);
  });

  it('of a base is refused: there is nothing below', async () => {
    await build();
    await expect(bench.chains.plan({ operation: 'flatten', imageId: id('base') })).rejects.toMatchObject({
      code: 'not-possible',
    });
  });
});

describe('deleting a layer', () => {
  it.each([
    ['pull', 's2', ['active', 's3', 's1', 'base'], []],
    ['commit', 's2', ['active', 's3', 's1', 'base'], ['s1']],
    ['pull', 'base', ['active', 's3', 's2', 's1'], []],
  ] as const)('by %s: without %s the chain is %j', async (mode, layer, left, changed) => {
    const copies = await build();
    bench.vms.define('vmone', [id('active')]);
    const operation = await bench.run({ operation: 'delete', imageId: id(layer), mode });
    expect(operation).toMatchObject({ kind: 'delete', state: 'done' });
    await bench.images.scan();
    expect(names(id('active'))).toEqual(left);
    expect(files()).toEqual([...left].sort());
    await expectSame(copies, changed);
  });

  it('with several overlays pulls it into each of them and moves it to the trash', async () => {
    const copies = await build([
      { name: 'branch', on: 's2', writes: [[5, 77]] },
      { name: 'twig', on: 'branch', writes: [[6, 78]] },
    ]);
    bench.vms.define('vmone', [id('active')]);
    bench.vms.define('vmtwo', [id('twig')]);
    const plan = await bench.chains.plan({ operation: 'delete', imageId: id('s2'), mode: 'pull' });
    expect(plan).toMatchObject({ method: 'pull', toTrash: true, blockers: [] });
    expect(plan.choices?.map(({ method, impediment }) => [method, impediment])).toEqual([
      ['commit', null],
      ['pull', null],
    ]);
    expect(await bench.run({ operation: 'delete', imageId: id('s2'), mode: 'pull' })).toMatchObject({
      state: 'done',
    });
    await bench.images.scan();
    expect(names(id('active'))).toEqual(['active', 's3', 's1', 'base']);
    expect(names(id('twig'))).toEqual(['twig', 'branch', 's1', 'base']);
    expect(files()).not.toContain('s2');
    await expectSame(copies);
  });

  it('that nothing stands on moves its file to the trash, and touches no other', async () => {
    const copies = await build([{ name: 'branch', on: 's2', writes: [[5, 77]] }]);
    const operation = await bench.run({ operation: 'delete', imageId: id('branch'), mode: 'auto' });
    expect(operation).toMatchObject({ state: 'done', title: 'Delete “branch”' });
    await bench.images.scan();
    expect(files()).not.toContain('branch');
    await expectSame(copies);
  });

  it('under a running VM is pulled live, and into the overlay of one that is off as well', async () => {
    await buildLayers(bench, [...fiveLayers(), { name: 'branch', on: 's2', writes: [[5, 77]] }]);
    const copies = await flatten(bench, join(folder.folder, 'before'));
    bench.vms.define('vmone', [id('active')]);
    bench.vms.define('vmtwo', [id('branch')]);
    const one = await startGuest(folder, bench, 'vmone', copies);
    bench.vms.setLive('vmone', one.live);
    try {
      await one.write(0, 50, 201);
      const wish = { operation: 'delete', imageId: id('s2'), mode: 'pull' } as const;
      expect(await bench.chains.plan(wish)).toMatchObject({ live: true, blockers: [] });
      expect(await bench.run(wish)).toMatchObject({ state: 'done' });
      expect(await one.isRunning()).toBe(true);
      await one.write(0, 51, 202);
    } finally {
      await one.kill();
      bench.vms.setLive('vmone', null);
    }
    await bench.images.scan();
    expect(files()).not.toContain('s2');
    expect(await readsAs(bench, id('active'), one.expected(0))).toBe(true);
    expect(await readsAs(bench, id('branch'), copies.get(id('branch')))).toBe(true);
  });

  it('is refused where a disk needs the file and nothing is below, and touches nothing', async () => {
    await buildLayers(bench, [{ name: 'alone', on: null, writes: [[1, 1]] }]);
    bench.vms.define('vmone', [id('alone')]);
    const before = await hashes();
    const request = { operation: 'delete', imageId: id('alone'), mode: 'auto' } as const;
    const plan = await bench.chains.plan(request);
    expect(plan.blockers.map(({ code }) => code)).toEqual(['disk-stands']);
    await expect(bench.chains.run(request, plan.fingerprint)).rejects.toMatchObject({ code: 'plan-blocked' });
    expect(await hashes()).toEqual(before);
  });
});

describe('a safe rebase', () => {
  it.each([
    ['active', 'other', ['active', 'other']],
    ['s3', 'otherlayer', ['active', 's3', 'otherlayer', 'other']],
    ['base', 'otherlayer', ['active', 's3', 's2', 's1', 'base', 'otherlayer', 'other']],
    ['active', 's1', ['active', 's1', 'base']],
    ['s3', null, ['active', 's3']],
  ])('of %s onto %s leaves %j, and every image reads the same', async (layer, backing, left) => {
    const copies = await build(strangers);
    bench.vms.define('vmone', [id('active')]);
    const operation = await bench.run({
      operation: 'rebase',
      imageId: id(layer),
      backing: backing === null ? null : id(backing),
      mode: 'safe',
    });
    expect(operation).toMatchObject({ kind: 'rebase', state: 'done', result: { imageId: id(layer) } });
    await bench.images.scan();
    expect(names(id('active'))).toEqual(left);
    expect(files()).toHaveLength(7);
    await expectSame(copies);
  });

  it('onto another image is refused while a VM runs on the layer, onto one of its own chain it is done live', async () => {
    const copies = await build(strangers);
    bench.vms.define('vmone', [id('active')]);
    const guest = await startGuest(folder, bench, 'vmone', copies);
    bench.vms.setLive('vmone', guest.live);
    try {
      const onto = (backing: string): ChainRequest => ({
        operation: 'rebase',
        imageId: id('active'),
        backing: id(backing),
        mode: 'safe',
      });
      const plan = await bench.chains.plan(onto('other'));
      expect(plan.blockers.map(({ code }) => code)).toEqual(['held-by-running-vm']);
      await guest.write(0, 50, 201);
      expect(await bench.run(onto('s1'))).toMatchObject({ state: 'done' });
    } finally {
      await guest.kill();
      bench.vms.setLive('vmone', null);
    }
    await bench.images.scan();
    expect(names(id('active'))).toEqual(['active', 's1', 'base']);
    expect(await readsAs(bench, id('active'), guest.expected(0))).toBe(true);
  });
});

describe('a relink', () => {
  const relink = (backing: string, assumeSame?: boolean): ChainRequest => ({
    operation: 'rebase',
    imageId: id('s2'),
    backing: id(backing),
    mode: 'relink',
    ...(assumeSame === undefined ? {} : { assumeSame }),
  });
  const twin = { name: 'twin', on: 'base', writes: fiveLayers()[1]?.writes ?? [] };

  it('to a backing that was compared and reads the same changes the link and nothing else', async () => {
    const copies = await build([twin]);
    expect(await bench.run(relink('twin'))).toMatchObject({ state: 'done' });
    await bench.images.scan();
    expect(names(id('active'))).toEqual(['active', 's3', 's2', 'twin', 'base']);
    await expectSame(copies);
  });

  it.each([undefined, true])(
    'to a backing that differs in one cluster is refused after comparing (assumeSame: %s)',
    async (assumeSame) => {
      const copies = await build([twin]);
      const path = bench.images.pathOf('twin.qcow2');
      await writeBlocks(
        { path, format: 'qcow2' },
        [{ offset: 63 * cluster, length: 512, pattern: 9 }],
        join(path, '..'),
      );
      const operation = await bench.run(relink('twin', assumeSame));
      expect(operation).toMatchObject({ state: 'failed', error: { code: 'not-possible' } });
      expect(operation.error?.message).toContain('does not read like “s1”');
      await bench.images.scan();
      expect(names(id('s2'))).toEqual(['s2', 's1', 'base']);
      await expectSame(copies, ['twin']);
    },
  );

  it('when the old backing is gone asks for the word, and takes it', async () => {
    const copies = await build();
    const moved = bench.images.pathOf('moved.qcow2');
    await rename(bench.images.pathOf('s1.qcow2'), moved);
    await bench.images.scan();
    const refused = await bench.chains.plan(relink('moved'));
    expect(refused.blockers.map(({ code }) => code)).toEqual(['not-compared']);
    await expect(bench.chains.run(relink('moved'), refused.fingerprint)).rejects.toMatchObject({
      code: 'plan-blocked',
    });
    const plan = await bench.chains.plan(relink('moved', true));
    expect(plan.steps[0]).toContain('you have said that “moved” reads the same');
    expect(await bench.run(relink('moved', true))).toMatchObject({ state: 'done' });
    await bench.images.scan();
    expect(names(id('active'))).toEqual(['active', 's3', 's2', 'moved', 'base']);
    expect(await readsAs(bench, id('active'), copies.get(id('active')))).toBe(true);
  });
});
