import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChainRequest } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkImage, createImage, createOverlay } from '../../../qemu/qemu-img.ts';
import { writeBlocks } from '../../../qemu/qemu-io.ts';
import { flatten, readsAs } from '../testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../testing/chain-bench.ts';

const MiB = 1024 ** 2;
const size = 32 * MiB;

/*
 *    layer ──┐             raw: data, and zeros that are stored
 *    old     other
 */
let folder: BenchFolder;
let bench: Bench;
let copies: Map<string, string>;
const path = (name: string) => bench.images.pathOf(name);
const id = (name: string) => bench.images.idOf(name);

beforeEach(async () => {
  folder = await benchFolder();
  bench = folder.open();
  for (const [index, name] of ['old.qcow2', 'other.qcow2', 'disk.raw'].entries()) {
    const format = name.endsWith('raw') ? 'raw' : 'qcow2';
    await createImage({ path: path(name), format, size });
    const writes = [{ offset: 0, length: size, pattern: 10 + index }];
    await writeBlocks({ path: path(name), format }, writes, dirname(path(name)));
  }
  execFileSync('qemu-io', ['-f', 'raw', '-c', `write -P 0 ${size / 2} ${size / 4}`, path('disk.raw')]);
  await createOverlay({ path: path('layer.qcow2'), backing: 'old.qcow2', backingFormat: 'qcow2' });
  const writes = [
    { offset: 0, length: 4 * MiB, pattern: 77 },
    { offset: 8 * MiB, length: 8 * MiB, pattern: 0 },
  ];
  await writeBlocks({ path: path('layer.qcow2'), format: 'qcow2' }, writes, dirname(path('layer.qcow2')));
  await bench.images.scan();
  copies = await flatten(bench, join(folder.folder, 'before'));
});
afterEach(() => folder.dispose());

const start = async (request: ChainRequest): Promise<string> => {
  const { fingerprint } = await bench.chains.plan(request);
  return (await bench.chains.run(request, fingerprint)).id;
};
/** As soon as it can be: before that, it says why it cannot. */
const pause = async (operation: string): Promise<void> => {
  while (bench.operations.get(operation).cannotPause !== undefined) await delay(2);
  expect(await bench.operations.pause(operation)).toMatchObject({ state: 'paused' });
};
const expectSame = async (): Promise<void> => {
  await bench.images.scan();
  expect(bench.images.list()).toHaveLength(4);
  for (const image of bench.images.list()) {
    expect(await readsAs(bench, image.id, copies.get(image.id)), image.name).toBe(true);
    if (image.format === 'qcow2') expect(await checkImage(image)).toMatchObject({ errors: 0 });
  }
};

describe.each([
  [
    'a rebase onto an image of another chain',
    (): ChainRequest => ({
      operation: 'rebase',
      imageId: id('layer.qcow2'),
      backing: id('other.qcow2'),
      mode: 'safe',
    }),
  ],
  ['a compact of a qcow2', (): ChainRequest => ({ operation: 'compact', imageId: id('layer.qcow2') })],
  ['a compact of a raw image', (): ChainRequest => ({ operation: 'compact', imageId: id('disk.raw') })],
])('%s', (_what, request) => {
  it('is paused, goes on with a limit, and without one to its end', async () => {
    const operation = await start(request());
    await pause(operation);
    await delay(300);
    const { state, progress } = bench.operations.get(operation);
    expect(state).toBe('paused');
    await delay(300);
    expect(bench.operations.get(operation).progress).toEqual(progress);
    expect(await bench.operations.setSpeed(operation, MiB)).not.toHaveProperty('cannotLimit');
    expect(await bench.operations.resume(operation)).toMatchObject({ state: 'running' });
    await delay(200);
    expect((await bench.operations.setSpeed(operation, 0)).endedAt).toBeNull();
    expect(await bench.operations.wait(operation, 60)).toMatchObject({ state: 'done' });
    await expectSame();
  });

  it('is cancelled while it is paused, and nothing has changed', async () => {
    const operation = await start(request());
    await pause(operation);
    expect(await bench.operations.cancel(operation)).toMatchObject({ state: 'cancelled' });
    await expectSame();
  });
});
