import { setTimeout as delay } from 'node:timers/promises';
import type { ChainRequest } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOverlay } from '../../../qemu/qemu-img.ts';
import { killPoints } from '../testing/kill-points.ts';
import { type LibraryBench, startLibraryBench } from '../testing/library-bench.ts';

let bench: LibraryBench;
let beforeCopying: () => Promise<void>;
const { disturbance } = killPoints({ at: null, speed: 2 * 1024 ** 2 });
beforeEach(async () => {
  beforeCopying = () => Promise.resolve();
  bench = await startLibraryBench((plain) => {
    const engines = disturbance.engines?.(plain) ?? plain;
    return {
      ...engines,
      openDaemon: async (request) => {
        await beforeCopying();
        return engines.openDaemon(request);
      },
    };
  });
  await bench.build(['base', null], ['s1', 'base'], ['s2', 's1'], ['s3', 's2']);
});
afterEach(() => bench.stop());

const s2ToBase = (): ChainRequest => ({ operation: 'commit', top: bench.id('s2'), base: bench.id('base') });
const startCopying = async (): Promise<string> => {
  const operation = await bench.start(s2ToBase());
  while (bench.operations.get(operation).progress.done === 0) await delay(20);
  return operation;
};
const overlayOn = (path: string, name: string): Promise<void> =>
  createOverlay({ path: bench.at(name), backing: path, backingFormat: 'qcow2' });

describe('while a commit writes its layers', () => {
  it.each(['base', 's1', 's2', 's3'])(
    'no new overlay is made on %s, and the commit ends well',
    async (name) => {
      const s3 = await bench.copyOf('s3');
      const operation = await startCopying();
      for (const make of [
        () =>
          bench.images.create({
            name: 'new',
            backing: bench.id(name),
            format: 'qcow2',
            preallocation: 'off',
          }),
        () => bench.images.createOverlay({ backingId: bench.id(name), stem: 'new' }),
      ])
        await expect(make()).rejects.toMatchObject({ code: 'operation-running' });
      await bench.operations.setSpeed(operation, 0);
      expect(await bench.operations.wait(operation, 60)).toMatchObject({ state: 'done' });
      expect(await bench.reads(bench.at('s3'), s3)).toBe(true);
      expect(bench.operations.taints.list()).toEqual([]);
      expect(bench.images.list()).toHaveLength(2);
    },
  );

  it('its layers are marked from before the first byte, for whatever server comes next', async () => {
    await startCopying();
    expect(
      bench.operations.taints
        .list()
        .map(({ imageId }) => imageId)
        .sort(),
    ).toEqual([bench.id('base'), bench.id('s1')].sort());
  });

  it('an overlay that somebody else makes on a merged layer keeps that layer, marked for ever, and nothing else waits for it', async () => {
    const s3 = await bench.copyOf('s3');
    const operation = await startCopying();
    await overlayOn('s1.qcow2', 'stranger');
    await bench.operations.setSpeed(operation, 0);
    const ended = await bench.operations.wait(operation, 60);
    expect(ended).toMatchObject({
      state: 'done',
      recovery: expect.stringContaining('“s1.qcow2” could not be removed'),
    });
    await bench.images.scan();
    expect(bench.images.get(bench.id('s1')).problems).toMatchObject([{ code: 'tainted' }]);
    expect(await bench.reads(bench.at('s3'), s3)).toBe(true);
    const again = bench.images.createOverlay({ backingId: bench.id('s1'), stem: 'new' });
    await expect(again).rejects.toMatchObject({ code: 'plan-blocked' });
    // The repair that is named is possible.
    await bench.images.delete(bench.id('stranger'));
    await bench.images.delete(bench.id('s1'));
  });
});

it('a commit stops before its first byte when something has come to stand on its layers after the plan', async () => {
  const [base, s3] = [await bench.copyOf('base'), await bench.copyOf('s3')];
  beforeCopying = () => overlayOn('base.qcow2', 'stranger');
  const ended = await bench.run(s2ToBase());
  expect(ended).toMatchObject({ state: 'failed', error: { code: 'plan-stale' } });
  expect(await bench.reads(bench.at('stranger'), base)).toBe(true);
  expect(await bench.reads(bench.at('s3'), s3)).toBe(true);
  expect(bench.operations.taints.list()).toEqual([]);
});

it('a layer that a cancelled commit has changed stays marked when it is deleted and restored, and its cure is not thrown away', async () => {
  const s3 = await bench.copyOf('s3');
  const operation = await startCopying();
  await bench.operations.cancel(operation);
  await bench.operations.wait(operation, 20);
  for (const name of ['s3', 's2', 's1']) await bench.images.delete(bench.id(name));
  const inTrash = (name: string): string =>
    bench.trash.list().find((item) => item.path === bench.at(name))?.id ?? '';
  await expect(bench.trash.deleteForGood(inTrash('s2'))).rejects.toMatchObject({ code: 'image-in-use' });
  expect(bench.operations.taints.list()).toHaveLength(2);
  expect(bench.images.get(bench.id('base')).problems).toMatchObject([{ code: 'tainted' }]);
  for (const name of ['s1', 's2', 's3']) await bench.trash.restore(inTrash(name));
  expect(bench.images.get(bench.id('s1')).problems).toMatchObject([{ code: 'tainted' }]);
  expect(await bench.run(s2ToBase())).toMatchObject({ state: 'done' });
  expect(await bench.reads(bench.at('s3'), s3)).toBe(true);
  expect(bench.operations.taints.list()).toEqual([]);
});
