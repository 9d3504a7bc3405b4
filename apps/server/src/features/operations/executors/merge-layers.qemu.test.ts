import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkImage } from '../../../qemu/qemu-img.ts';
import { buildLayers, fileOf, fiveLayers, flatten, readsAs } from '../testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../testing/chain-bench.ts';

let folder: BenchFolder;
let bench: Bench;
const id = (name: string, format: 'qcow2' | 'raw' = 'qcow2') => bench.images.idOf(fileOf({ name, format }));
const names = (image: string) => bench.images.chainFacts(image).map(({ name }) => name);

beforeEach(async () => {
  folder = await benchFolder();
  bench = folder.open();
});
afterEach(() => folder.dispose());

describe('a commit in a chain of five layers', () => {
  it.each([
    ['s3', 'base', ['active', 'base']],
    ['s2', 'base', ['active', 's3', 'base']],
    ['s1', 'base', ['active', 's3', 's2', 'base']],
    ['s2', 's1', ['active', 's3', 's1', 'base']],
    ['s3', 's2', ['active', 's2', 's1', 'base']],
    ['s3', 's1', ['active', 's1', 'base']],
  ])('of %s into %s leaves %j, and the VM reads the same', async (top, base, left) => {
    await buildLayers(bench, fiveLayers());
    bench.vms.define('vmone', [id('active')]);
    const copies = await flatten(bench, join(folder.folder, 'before'));
    const topCopy = copies.get(id(top));
    const operation = await bench.run({ operation: 'commit', top: id(top), base: id(base) });
    expect(operation).toMatchObject({ state: 'done' });
    await bench.images.scan();
    expect(names(id('active'))).toEqual(left);
    expect(bench.images.list()).toHaveLength(left.length);
    expect(await readsAs(bench, id('active'), copies.get(id('active')))).toBe(true);
    expect(await readsAs(bench, id(base), topCopy)).toBe(true);
    for (const { path, format } of bench.images.list())
      expect(await checkImage({ path, format })).toEqual({ errors: 0, leaks: 0 });
  });

  it.each([
    ['s3', ['s3', 's2', 's1', 'base']],
    ['base', ['base']],
  ])('of the active layer into %s lets the VM continue on it', async (base, left) => {
    await buildLayers(bench, fiveLayers());
    bench.vms.define('vmone', [id('active')]);
    const copies = await flatten(bench, join(folder.folder, 'before'));
    const active = id('active');
    expect(await bench.run({ operation: 'commit', top: active, base: id(base) })).toMatchObject({
      state: 'done',
      result: { imageId: id(base) },
    });
    await bench.images.scan();
    expect(bench.vms.diskImage('vmone')).toBe(id(base));
    expect(names(id(base))).toEqual(left);
    expect(await readsAs(bench, id(base), copies.get(active))).toBe(true);
  });

  it('goes into a raw base as well', async () => {
    await buildLayers(bench, fiveLayers('raw'));
    const copies = await flatten(bench, join(folder.folder, 'before'));
    const operation = await bench.run({ operation: 'commit', top: id('s2'), base: id('base', 'raw') });
    expect(operation).toMatchObject({ state: 'done' });
    expect(names(id('active'))).toEqual(['active', 's3', 'base']);
    expect(await readsAs(bench, id('active'), copies.get(id('active')))).toBe(true);
  });

  it('relinks every other overlay of the top, and keeps what each of them reads', async () => {
    await buildLayers(bench, [
      ...fiveLayers(),
      { name: 'branch', on: 's2', writes: [[5, 77]] },
      { name: 'twig', on: 'branch', writes: [[6, 78]] },
    ]);
    bench.vms.define('vmone', [id('active')]);
    bench.vms.define('vmtwo', [id('twig')]);
    const copies = await flatten(bench, join(folder.folder, 'before'));
    expect(await bench.run({ operation: 'commit', top: id('s2'), base: id('s1') })).toMatchObject({
      state: 'done',
    });
    await bench.images.scan();
    expect(names(id('twig'))).toEqual(['twig', 'branch', 's1', 'base']);
    expect(names(id('active'))).toEqual(['active', 's3', 's1', 'base']);
    for (const name of ['active', 'twig', 'branch', 's3'])
      expect(await readsAs(bench, id(name), copies.get(id(name)))).toBe(true);
  });

  it('is refused when another overlay stands on the base, and touches nothing', async () => {
    await buildLayers(bench, [...fiveLayers(), { name: 'branch', on: 's1', writes: [[5, 77]] }]);
    const hashes = () =>
      Promise.all(
        bench.images.list().map(async ({ path }) =>
          createHash('sha256')
            .update(await readFile(path))
            .digest('hex'),
        ),
      );
    const before = await hashes();
    const request = { operation: 'commit', top: id('s2'), base: id('s1') } as const;
    const plan = await bench.chains.plan(request);
    expect(plan.blockers.map(({ code }) => code)).toContain('overlay-stands');
    await expect(bench.chains.run(request, plan.fingerprint)).rejects.toMatchObject({
      code: 'plan-blocked',
      extras: { blockers: plan.blockers },
    });
    expect(await hashes()).toEqual(before);
    expect(bench.operations.list({}).total).toBe(0);
  });

  it('is refused when a layer has changed since the plan', async () => {
    await buildLayers(bench, fiveLayers());
    const request = { operation: 'commit', top: id('s2'), base: id('s1') } as const;
    const { fingerprint } = await bench.chains.plan(request);
    await buildLayers(bench, [{ name: 'late', on: 's3', writes: [] }]);
    await expect(bench.chains.run(request, fingerprint)).rejects.toMatchObject({ code: 'plan-stale' });
  });
});

describe('a pull', () => {
  it.each([
    ['active', undefined, ['active']],
    ['active', 's2', ['active', 's1', 'base']],
    ['s3', 's1', ['active', 's3', 'base']],
    ['s3', undefined, ['active', 's3']],
  ])('into %s from %s leaves %j, and all read the same', async (into, from, left) => {
    await buildLayers(bench, fiveLayers());
    bench.vms.define('vmone', [id('active')]);
    const copies = await flatten(bench, join(folder.folder, 'before'));
    const request = { operation: 'pull', into: id(into), deleteUnused: false } as const;
    const operation = await bench.run(from === undefined ? request : { ...request, from: id(from) });
    expect(operation).toMatchObject({ state: 'done' });
    await bench.images.scan();
    expect(names(id('active'))).toEqual(left);
    for (const { id: image } of bench.images.list())
      expect(await readsAs(bench, image, copies.get(image))).toBe(true);
  });

  it('moves what nothing stands on any more to the trash when asked to', async () => {
    await buildLayers(bench, fiveLayers());
    bench.vms.define('vmone', [id('active')]);
    const copies = await flatten(bench, join(folder.folder, 'before'));
    const active = id('active');
    const request = { operation: 'pull', into: active, from: id('s1'), deleteUnused: true } as const;
    expect(await bench.run(request)).toMatchObject({ state: 'done' });
    await bench.images.scan();
    expect(
      bench.images
        .list()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['active', 'base']);
    expect(await readsAs(bench, active, copies.get(active))).toBe(true);
  });
});
