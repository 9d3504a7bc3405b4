import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  expectSame,
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
  writeAt,
} from '../../../testing/work-bench.ts';

/*
 *    top ●"then, and there"    written on since
 *    base
 */

let folder: WorkFolder;
let bench: WorkBench;
const at = (name: string): string => folder.at(name);
const idOf = (name: string): string => bench.library.images.findByPath(at(name))?.id ?? `no ${name}`;
const then = (): string => join(folder.folder, '..', 'then.flat');
const left = (): string[] => readdirSync(folder.folder).filter((name) => name.startsWith('.strata-'));
const tag = 'then, and there';

beforeEach(async () => {
  folder = await workFolder();
  bench = await folder.open();
  qemuImg('create', '-q', '-f', 'qcow2', at('base.qcow2'), '8M');
  writeAt(at('base.qcow2'), 0, 1);
  qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', at('top.qcow2'));
  writeAt(at('top.qcow2'), 1, 2);
  qemuImg('convert', '-f', 'qcow2', '-O', 'qcow2', at('top.qcow2'), then());
  qemuImg('snapshot', '-c', tag, at('top.qcow2'));
  writeAt(at('top.qcow2'), 0, 3);
  writeAt(at('top.qcow2'), 1, 4);
  await bench.library.images.scan();
});
afterEach(async () => {
  for (const { id } of bench.vms.list()) if (bench.vms.isLive(id)) await bench.vms.poweroff(id);
  await folder.dispose();
});

const extract = async (name: string, wish: { tag?: string } = {}) =>
  bench.ended(await bench.work.extract(idOf('top.qcow2'), { tag, name, ...wish }));

describe('an internal snapshot', () => {
  it('is extracted as an image that stands on nothing and shows what it showed', async () => {
    const before = join(folder.folder, '..', 'before.flat');
    copyFileSync(at('top.qcow2'), before);
    const operation = await extract('out');
    expect(operation).toMatchObject({ state: 'done', kind: 'image-copy', progress: { unit: 'bytes' } });
    const image = bench.library.images.get(String(operation.result?.imageId));
    expect(image).toMatchObject({ name: 'out', format: 'qcow2', backingId: null, internalSnapshots: [] });
    expectSame(image.path, then());
    expect(qemuImg('check', image.path)).toContain('No errors');
    expect(qemuImg('snapshot', '-l', at('top.qcow2'))).toContain(tag);
    expect(left()).toEqual([]);
  });

  it('of a name that is given twice is told by its number', async () => {
    qemuImg('snapshot', '-c', tag, at('top.qcow2'));
    await bench.library.images.scan();
    await expect(extract('never')).rejects.toMatchObject({
      code: 'not-possible',
      message: expect.stringContaining('1, 2'),
    });
    await extract('first', { tag: '1' });
    expectSame(at('first.qcow2'), then());
    await extract('second', { tag: '2' });
    expectSame(at('second.qcow2'), at('top.qcow2'));
  });

  it('that is not there is not found, and no name of an option', async () => {
    for (const wrong of ['nothing', '-l', 'snapshot.id=1'])
      await expect(extract('never', { tag: wrong })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('in a layer that a running VM writes waits until that is frozen, and is then extracted under the VM', async () => {
    const vm = await bench.defineVm({ name: 'writer', disks: [{ imageId: idOf('top.qcow2') }] });
    await bench.vms.start(vm);
    await expect(extract('never')).rejects.toMatchObject({
      code: 'image-in-use',
      message: expect.stringContaining('writer'),
    });
    const wish = { name: 'freeze', kind: 'external' as const, memory: false };
    expect(await bench.ended(await bench.snapshots.take(vm, wish))).toMatchObject({ state: 'done' });
    expect(await extract('below')).toMatchObject({ state: 'done' });
    expect(bench.vms.get(vm).state).toBe('running');
    expectSame(at('below.qcow2'), then());
  });

  it('is extracted completely or not at all, whenever the server is killed', async () => {
    for (let step = 1; ; step += 1) {
      bench = await folder.open(step);
      const started = bench.work.extract(idOf('top.qcow2'), { tag, name: `out ${step}` });
      const ended = started.then((operation) => bench.ended(operation));
      const outcome = await Promise.race([folder.died(), ended]);
      const survived = typeof outcome !== 'string';
      if (!survived) {
        bench = await folder.open();
        for (const { id } of bench.operations.list({}).items) await bench.operations.wait(id, 60);
      }
      const found = bench.library.images.list().filter(({ name }) => name === `out ${step}`);
      // The first call looks whether there is room, before anything is written down.
      expect(found).toHaveLength(step === 1 ? 0 : 1);
      if (found[0] !== undefined) expectSame(found[0].path, then());
      expect(left()).toEqual([]);
      if (survived) break;
    }
  });

  it('is not extracted when that was cancelled, and nothing is left', async () => {
    const started = await bench.work.extract(idOf('top.qcow2'), { tag, name: 'cancelled' });
    await bench.operations.cancel(started.id).catch(() => {});
    const { state } = await bench.ended(started);
    const found = bench.library.images.list().filter(({ name }) => name === 'cancelled');
    expect(found).toHaveLength(state === 'done' ? 1 : 0);
    expect(left()).toEqual([]);
  });
});
