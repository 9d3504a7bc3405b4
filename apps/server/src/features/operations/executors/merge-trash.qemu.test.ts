import { copyFileSync, renameSync } from 'node:fs';
import type { ChainRequest } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LibraryBench, startLibraryBench } from '../testing/library-bench.ts';

let bench: LibraryBench;
beforeEach(async () => {
  bench = await startLibraryBench();
});
afterEach(() => bench.stop());

const commit = (top: string, base: string): ChainRequest => ({
  operation: 'commit',
  top: bench.id(top),
  base: bench.id(base),
});
const trashId = (name: string): string =>
  bench.trash.list().find((item) => item.path === bench.at(name))?.id ?? `no ${name} in the trash`;
const blockersOf = async (request: ChainRequest) =>
  (await bench.plan(request)).blockers.map(({ code }) => code);

describe('a deleted image can be restored as it was', () => {
  it.each([
    ['on the base', 'base'],
    ['on a layer in between', 's1'],
    ['on the top', 's2'],
  ])('so a commit is blocked while one stands %s, until it is deleted for good', async (_where, backing) => {
    await bench.build(['base', null], ['s1', 'base'], ['s2', 's1'], ['s3', 's2'], ['b', backing]);
    const [b, s3] = [await bench.copyOf('b'), await bench.copyOf('s3')];
    await bench.images.delete(bench.id('b'));
    const request = commit('s2', 'base');
    const { blockers, fingerprint } = await bench.plan(request);
    expect(blockers).toMatchObject([
      {
        code: 'trash-stands',
        message: expect.stringContaining('Delete it from the trash for good, or restore it'),
      },
    ]);
    await expect(bench.chains.run(request, fingerprint)).rejects.toMatchObject({ code: 'plan-blocked' });
    await bench.trash.restore(trashId('b'));
    expect(await bench.reads(bench.at('b'), b)).toBe(true);
    await bench.images.delete(bench.id('b'));
    await bench.trash.deleteForGood(trashId('b'));
    expect(await bench.run(request)).toMatchObject({ state: 'done' });
    expect(await bench.reads(bench.at('s3'), s3)).toBe(true);
  });

  it('also the state that a revert has thrown away', async () => {
    await bench.build(['base', null], ['s1', 'base'], ['active', 's1']);
    bench.vms.define('vmone', [bench.id('active')]);
    const taken = await bench.snapshots.take('vmone', { name: 'clean', kind: 'external', memory: false });
    await bench.operations.wait(taken.id, 30);
    const [snapshot] = (await bench.snapshots.tree('vmone')).tree;
    const left = bench.images.get(bench.vms.diskImage('vmone'));
    const reverted = await bench.snapshots.revert('vmone', snapshot?.id ?? '', {
      keepCurrent: false,
      start: false,
    });
    expect(await bench.operations.wait(reverted.id, 30)).toMatchObject({ state: 'done' });
    expect(bench.trash.list()).toMatchObject([{ path: left.path }]);
    expect(await blockersOf(commit('active', 's1'))).toEqual(['trash-stands']);
  });

  it('so no VM writes what it stands on', async () => {
    await bench.build(['base', null], ['b', 'base']);
    await bench.images.delete(bench.id('b'));
    bench.vms.define('vmone', [bench.id('base')]);
    await expect(bench.vms.start('vmone')).rejects.toMatchObject({ code: 'image-in-use' });
    await bench.trash.deleteForGood(trashId('b'));
    await expect(bench.vms.start('vmone')).resolves.toBeDefined();
  });

  it('a whole chain, from the base up, and nothing below it is deleted for good before it', async () => {
    await bench.build(['base', null], ['b', 'base'], ['c', 'b']);
    const c = await bench.copyOf('c');
    for (const name of ['c', 'b', 'base']) await bench.images.delete(bench.id(name));
    await expect(bench.trash.deleteForGood(trashId('base'))).rejects.toMatchObject({ code: 'image-in-use' });
    await expect(bench.trash.restore(trashId('c'))).rejects.toThrow('Restore that first');
    for (const name of ['base', 'b', 'c']) await bench.trash.restore(trashId(name));
    expect(await bench.reads(bench.at('c'), c)).toBe(true);
    expect(bench.images.get(bench.id('c')).problems).toEqual([]);
  });

  it('but not over a file that has taken the place of its backing', async () => {
    await bench.build(['base', null], ['b', 'base']);
    await bench.images.delete(bench.id('b'));
    renameSync(bench.at('base'), bench.at('elsewhere'));
    copyFileSync(bench.at('elsewhere'), bench.at('base'));
    await bench.images.scan();
    await expect(bench.trash.restore(trashId('b'))).rejects.toThrow('Another file has taken the place');
    expect(bench.trash.list()).toHaveLength(1);
  });
});
