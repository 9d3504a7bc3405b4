import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PromoteRequest } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeBlocks } from '../../qemu/qemu-io.ts';
import { buildLayers, cluster, fileOf, flatten, readsAs } from '../operations/testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../operations/testing/chain-bench.ts';
import { killPoints, killStride } from '../operations/testing/kill-points.ts';

/*
 *    active <- disk 0    tip        second <- disk 1    spare (raw)
 *    mid                 side
 *      └───────┬──────────┘
 *            base
 */

const stride = killStride(3);

let folder: BenchFolder;
let bench: Bench;
const id = (name: string, format: 'qcow2' | 'raw' = 'qcow2') => bench.images.idOf(fileOf({ name, format }));

const build = async (): Promise<void> => {
  folder = await benchFolder();
  bench = folder.open();
  await buildLayers(bench, [
    { name: 'base', on: null, writes: [[0, 1]] },
    { name: 'mid', on: 'base', writes: [[1, 2]] },
    { name: 'active', on: 'mid', writes: [[2, 3]] },
    { name: 'side', on: 'base', writes: [[1, 4]] },
    { name: 'tip', on: 'side', writes: [[2, 5]] },
    { name: 'second', on: null, writes: [[3, 6]] },
    { name: 'spare', on: null, format: 'raw', writes: [[3, 7]] },
  ]);
  bench.vms.define('vmone', [id('active'), id('second')]);
};
beforeEach(build);
afterEach(() => folder.dispose());

const onto = (targets: Record<number, string>, differs: Partial<PromoteRequest> = {}): PromoteRequest => ({
  operation: 'promote',
  vmId: 'vmone',
  disks: Object.entries(targets).map(([position, imageId]) => ({
    diskId: bench.vms.diskId('vmone', Number(position)),
    imageId,
  })),
  overlay: false,
  keepCurrent: false,
  powerOff: false,
  ...differs,
});
const take = async (name: string): Promise<string> => {
  const { id: operation } = await bench.snapshots.take('vmone', { name, kind: 'external', memory: false });
  return String((await bench.operations.wait(operation, 30)).result?.snapshotId);
};
const noDaemonLeft = async (): Promise<void> => expect(await readdir(join(folder.folder, 'run'))).toEqual([]);

describe('a VM that is off continues on another branch', () => {
  it('on its tip, which it then writes; what it leaves stays as it is, and it can go back to it', async () => {
    const copies = await flatten(bench, join(folder.folder, 'before'));
    expect(await bench.run(onto({ 0: id('tip') }))).toMatchObject({ state: 'done', kind: 'promote' });
    expect(bench.vms.diskImage('vmone')).toBe(id('tip'));
    expect(bench.vms.diskImage('vmone', 1)).toBe(id('second'));
    expect(bench.images.list()).toHaveLength(7);
    for (const { id: image } of bench.images.list())
      expect(await readsAs(bench, image, copies.get(image))).toBe(true);
    const { path, format } = bench.images.facts(id('tip'));
    await writeBlocks(
      { path, format },
      [{ offset: 9 * cluster, length: cluster, pattern: 9 }],
      folder.folder,
    );
    expect(await readsAs(bench, id('active'), copies.get(id('active')))).toBe(true);
    expect(await bench.run(onto({ 0: id('active') }))).toMatchObject({ state: 'done' });
    expect(bench.vms.diskImage('vmone')).toBe(id('active'));
    await noDaemonLeft();
  });

  it('on a new overlay where something stands on the layer, with what it leaves kept as a snapshot', async () => {
    const copies = await flatten(bench, join(folder.folder, 'before'));
    const request = onto({ 0: id('side'), 1: id('spare', 'raw') }, { keepCurrent: true, name: 'as it was' });
    const plan = await bench.chains.plan(request);
    expect(plan).toMatchObject({
      operation: 'promote',
      before: [{ layers: [{ name: 'active' }, { name: 'mid' }, { name: 'base' }] }, { layers: [{}] }],
      after: [
        { layers: [{ isNew: true, activeOf: [{ id: 'vmone' }] }, { name: 'side' }, { name: 'base' }] },
        { layers: [{ name: 'spare', activeOf: [{ id: 'vmone' }] }] },
      ],
      deletes: [],
      losesSnapshots: [],
    });
    const operation = await bench.run(request);
    expect(operation).toMatchObject({ state: 'done' });
    const active = bench.vms.diskImage('vmone');
    expect(bench.images.facts(active).backingId).toBe(id('side'));
    expect(bench.vms.diskImage('vmone', 1)).toBe(id('spare', 'raw'));
    expect(await readsAs(bench, active, copies.get(id('side')))).toBe(true);
    const [kept] = (await bench.snapshots.tree('vmone')).tree;
    expect(kept).toMatchObject({ name: 'as it was', disks: [{ imageId: id('active') }, {}] });
    expect(await readsAs(bench, id('active'), copies.get(id('active')))).toBe(true);
    // A snapshot shows it now: going back makes an overlay.
    expect((await bench.chains.plan(onto({ 0: id('active') }))).after[0]?.layers[0]).toMatchObject({
      isNew: true,
    });
  });

  it('and stands in the tree of snapshots at the nearest one below', async () => {
    const first = await take('first');
    const branch = bench.vms.diskImage('vmone');
    const second = await take('second');
    const left = bench.vms.diskImage('vmone');
    expect((await bench.snapshots.tree('vmone')).current.snapshotId).toBe(second);
    const plan = await bench.chains.plan(onto({ 0: id('active'), 1: id('second') }));
    expect(plan.leavesSnapshots).toEqual([{ id: second, name: 'second' }]);
    await bench.run(onto({ 0: id('active'), 1: id('second') }));
    expect((await bench.snapshots.tree('vmone')).current).toEqual({ snapshotId: first, changed: false });
    expect(bench.images.get(left).usedBy).toEqual([]);
    await bench.run(onto({ 0: left }));
    expect(bench.vms.diskImage('vmone')).toBe(left);
    expect((await bench.snapshots.tree('vmone')).current.snapshotId).toBe(second);
    expect(bench.images.facts(left).backingId).toBe(branch);
    await bench.run(onto({ 0: id('tip') }));
    expect((await bench.snapshots.tree('vmone')).current.snapshotId).toBeNull();
  });
});

describe('continuing on another branch is refused', () => {
  const foreign = async (image: string): Promise<ChildProcess> => {
    const { path, format } = bench.images.facts(image);
    const program = spawn('qemu-io', ['-f', format, path], { stdio: ['pipe', 'pipe', 'ignore'] });
    program.stdin?.write('length\n');
    await once(program.stdout as NodeJS.ReadableStream, 'data');
    return program;
  };

  it('on what another VM writes', async () => {
    bench.vms.define('vmtwo', [id('tip')]);
    const plan = await bench.chains.plan(onto({ 0: id('tip') }));
    expect(plan.blockers.map(({ code }) => code)).toEqual(['disk-stands']);
    await expect(bench.chains.run(onto({ 0: id('tip') }), plan.fingerprint)).rejects.toMatchObject({
      code: 'plan-blocked',
    });
    expect(bench.vms.diskImage('vmone')).toBe(id('active'));
  });

  it('while a program has the tip, or the layer that is left, open: it is named', async () => {
    for (const image of [id('tip'), id('active')]) {
      const program = await foreign(image);
      const { blockers } = await bench.chains.plan(onto({ 0: id('tip') }));
      expect(blockers.map(({ code }) => code)).toEqual(['image-locked']);
      expect(blockers[0]?.message).toContain('qemu-io');
      program.stdin?.end('quit\n');
      await once(program, 'close');
    }
  });

  it('when the world has changed since the plan', async () => {
    const { fingerprint } = await bench.chains.plan(onto({ 0: id('tip') }));
    await buildLayers(bench, [{ name: 'twig', on: 'tip', writes: [] }]);
    await expect(bench.chains.run(onto({ 0: id('tip') }), fingerprint)).rejects.toMatchObject({
      code: 'plan-stale',
    });
    expect(bench.vms.diskImage('vmone')).toBe(id('active'));
  });

  it('for a disk that the VM does not have, and for the layer it writes already', async () => {
    const other = { ...onto({ 0: id('tip') }), disks: [{ diskId: 'nodisk', imageId: id('tip') }] };
    await expect(bench.chains.plan(other)).rejects.toMatchObject({ code: 'not-found' });
    await expect(bench.chains.plan(onto({ 0: id('active') }))).rejects.toMatchObject({
      code: 'not-possible',
    });
  });
});

it.each([
  ['on a tip', { 0: 'tip' }, 7],
  ['on a new overlay, and on a tip', { 0: 'side', 1: 'spare' }, 8],
] as const)(
  'continues %s or stays as it was, whichever call the server is killed before',
  {
    timeout: 120_000,
  },
  async (_how, targets, files) => {
    for (let at = 1; at < 40; at += stride) {
      const points = killPoints({ at });
      bench = folder.open(points.disturbance);
      await bench.images.scan();
      const copies = await flatten(bench, join(folder.folder, 'before'));
      const wish = onto(
        Object.fromEntries(
          Object.entries(targets).map(([disk, name]) => [disk, id(name, name === 'spare' ? 'raw' : 'qcow2')]),
        ),
        { keepCurrent: true },
      );
      // Killed while it plans, there is no operation yet.
      const ended = bench.run(wish);
      ended.catch(() => {});
      const how = await Promise.race([ended.then(() => 'ended'), points.reached]);
      const place = `killed before call ${at} (${how})`;
      bench = folder.open();
      await bench.images.scan();
      await bench.operations.recover();
      const [operation] = bench.operations.list({}).items;
      const outcome = operation === undefined ? null : await bench.operations.wait(operation.id, 60);
      await bench.images.scan();
      const done = outcome?.state === 'done';
      if (!done && outcome !== null) expect(outcome.error?.message, place).toContain('Nothing has changed');
      expect(bench.images.list(), place).toHaveLength(done ? files : 7);
      for (const [image, copy] of copies)
        expect(await readsAs(bench, image, copy), `${place} ${bench.images.facts(image).name}`).toBe(true);
      for (const [position, active] of ['active', 'second'].entries()) {
        const target = wish.disks[position]?.imageId;
        const shown = done && target !== undefined ? target : id(active);
        expect(await readsAs(bench, bench.vms.diskImage('vmone', position), copies.get(shown)), place).toBe(
          true,
        );
      }
      expect((await bench.snapshots.tree('vmone')).tree, place).toHaveLength(done ? 1 : 0);
      await noDaemonLeft();
      if (how === 'ended') {
        expect(at).toBeGreaterThan(4);
        return;
      }
      folder.dispose();
      await build();
    }
    throw new Error('it never ended');
  },
);
