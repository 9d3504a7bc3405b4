import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkImage } from '../../qemu/qemu-img.ts';
import { holdOpen } from '../../testing/damaged-image.ts';
import { buildLayers, diskSize, fileOf, flatten, readsAs } from '../operations/testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../operations/testing/chain-bench.ts';
import { snapshotsRepository } from './snapshots.repository.ts';

let folder: BenchFolder;
let bench: Bench;
/** By image: a flat copy of what it showed before anything happened. */
let copies: Map<string, string>;
/** Whether a process was started that copies. */
let copied: boolean;
beforeEach(async () => {
  folder = await benchFolder();
  copied = false;
  bench = folder.open({
    engines: (engines) => ({
      ...engines,
      openDaemon: (request) => {
        copied = true;
        return engines.openDaemon(request);
      },
    }),
  });
});
afterEach(() => folder.dispose());

const image = (name: string): string => bench.images.idOf(fileOf({ name }));
const pathOf = (name: string): string => bench.images.pathOf(fileOf({ name }));
const write = (name: string, ...commands: string[]): void => {
  execFileSync('qemu-io', ['-f', 'qcow2', ...commands.flatMap((one) => ['-c', one]), pathOf(name)]);
};

/*
 *    active   branch      the VM writes active; branch is another image on the same layer
 *       └──┬────┘
 *        layer ●          the restore point that goes
 *         base
 */
const build = async (prepare: () => void): Promise<void> => {
  await buildLayers(bench, [
    { name: 'base', on: null, writes: [1, 2, 3, 40].map((at) => [at, at + 10] as const) },
    { name: 'layer', on: 'base', writes: [] },
  ]);
  prepare();
  await buildLayers(bench, [
    { name: 'active', on: 'layer', writes: [[2, 77]] },
    { name: 'branch', on: 'layer', writes: [] },
  ]);
  bench.vms.define('vmone', [image('active')]);
  snapshotsRepository(bench.db).insert({
    ...{ id: 'target', vmId: 'vmone', parentId: null, name: 'target' },
    ...{ description: '', kind: 'external', memory: false, consistency: 'crash', vmWasOff: true },
    ...{ pauseMs: null, screenshot: null, createdAt: new Date().toISOString(), origin: 'taken' },
    ...{ definition: null, memoryFile: null, memoryBytes: null, varsFile: null },
    disks: [{ diskId: bench.vms.diskId('vmone', 0), imageId: image('layer'), internalTag: null }],
  });
  copies = await flatten(bench, join(folder.folder, 'before'));
};

const expectSame = async (): Promise<void> => {
  await bench.images.scan();
  for (const { id, name, path, format } of bench.images.list()) {
    expect(await readsAs(bench, id, copies.get(id)), name).toBe(true);
    expect(await checkImage({ path, format }), name).toMatchObject({ errors: 0 });
  }
};

const remove = async (): Promise<string> => {
  const { id } = await bench.deletions.run('vmone', { snapshots: ['target'], mode: 'pull' });
  const operation = await bench.operations.wait(id, 60);
  expect(operation.error).toBeUndefined();
  return operation.state;
};

describe('the layer of a restore point that is deleted', () => {
  it('and holds nothing goes without a copy, out from under every overlay', async () => {
    await build(() => {});
    expect(await remove()).toBe('done');
    expect(copied).toBe(false);
    await expectSame();
    for (const name of ['active', 'branch'])
      expect(bench.images.chainFacts(image(name)).map((layer) => layer.name)).toEqual([name, 'base']);
  });

  it('and holds only a bitmap goes in the same way', async () => {
    await build(() => {
      execFileSync('qemu-img', ['bitmap', '--add', '-f', 'qcow2', pathOf('layer'), 'changes']);
    });
    expect(await remove()).toBe('done');
    expect(copied).toBe(false);
    await expectSame();
  });

  it.each([
    ['zeros that hide the data below', () => write('layer', 'write -z 64k 64k')],
    ['zeros of its own data', () => write('layer', 'write -P 5 192k 4k', 'write -z -u 192k 64k')],
    ['one sector', () => write('layer', 'write -P 9 2621440 512')],
  ])('and holds %s is copied, and every overlay reads the same', async (_what, prepare) => {
    await build(prepare);
    expect(await remove()).toBe('done');
    expect(copied).toBe(true);
    await expectSame();
  });

  it('and is longer than what it stands on leaves zeros behind the end', async () => {
    await build(() => {
      const longer = String(diskSize + 1024 * 1024);
      execFileSync('qemu-img', ['resize', '-q', '-f', 'qcow2', pathOf('layer'), longer]);
    });
    expect(await remove()).toBe('done');
    await expectSame();
  });

  it('stays while a program has an overlay of it open, and nothing changes', async () => {
    await build(() => {});
    const holder = await holdOpen(pathOf('active'));
    try {
      const { id } = await bench.deletions.run('vmone', { snapshots: ['target'], mode: 'pull' });
      const ended = await bench.operations.wait(id, 60);
      expect(ended).toMatchObject({ state: 'failed', error: { code: 'image-locked' } });
    } finally {
      await holder.close();
    }
    expect(bench.images.facts(image('active')).backingId).toBe(image('layer'));
    await expectSame();
  });
});
