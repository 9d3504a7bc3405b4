import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskChain, expectSameContent, run } from '../testing/disk-chain.ts';
import { startTestVm, type TestVm, writeAsGuest } from '../testing/live-disk.ts';
import { createBlockEngines } from './block-engines.ts';
import { commitLayers, pullLayers, untilReady } from './block-jobs.ts';
import { snapshotDisks } from './live-snapshot.ts';
import type { LiveOverlay } from './live-snapshot.types.ts';
import { pivot } from './pivot.ts';
import { createOverlay } from './qemu-img.ts';
import { readQcow2Header } from './read-header.ts';

let folder: string;
let chains: Record<'d0' | 'd1', DiskChain>;
let vm: TestVm;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snap-'));
  chains = { d0: await DiskChain.make(), d1: await DiskChain.make() };
  vm = await startTestVm(folder, { d0: chains.d0.path('active'), d1: chains.d1.path('active') });
});
afterEach(async () => {
  await vm.kill();
  for (const chain of Object.values(chains)) await chain.remove();
  await rm(folder, { recursive: true, force: true });
});

const overlayOf = (disk: 'd0' | 'd1', name = 'new'): string => join(chains[disk].folder, `vm/${name}.img`);
const engine = (disk: string) => createBlockEngines({ runDir: folder }).live(vm, disk);
const topOf = async (disk: string) => (await engine(disk).chain())[0]?.path;

async function makeOverlays(isRead = false): Promise<LiveOverlay[]> {
  const overlays: LiveOverlay[] = [];
  for (const diskId of ['d0', 'd1'] as const) {
    const overlayPath = overlayOf(diskId);
    await createOverlay({ path: overlayPath, backing: 'active.img', backingFormat: 'qcow2' });
    const { virtualSize } = await readQcow2Header(overlayPath);
    const says = { on: chains[diskId].path('active'), driver: 'qcow2', virtualSize };
    overlays.push({ diskId, overlayPath, ...(isRead ? { says } : {}) });
  }
  return overlays;
}
const openOverlays = async () => {
  const nodes = await vm.qmp.execute('query-named-block-nodes', { flat: true });
  return nodes.filter(({ file }) => file.includes('new.img'));
};

describe('a snapshot of a running VM whose overlays were read when they were made', () => {
  it('switches all disks with one round of questions, and can be taken again', async () => {
    await snapshotDisks(vm, await makeOverlays(true));
    expect([await topOf('d0'), await topOf('d1')]).toEqual([overlayOf('d0'), overlayOf('d1')]);
    await writeAsGuest(vm, 'd0', 'write -P 0xee 0 2M');
    const path = overlayOf('d0', 'next');
    await createOverlay({ path, backing: 'new.img', backingFormat: 'qcow2' });
    const { virtualSize } = await readQcow2Header(path);
    const says = { on: overlayOf('d0'), driver: 'qcow2', virtualSize };
    await snapshotDisks(vm, [{ diskId: 'd0', overlayPath: path, says }]);
    expect(await topOf('d0')).toBe(path);
    await vm.kill();
    await expectSameContent(chains.d0.path('active'), chains.d0.flat('active'));
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0xee 0 2M', chains.d0.flat('active')]);
    await expectSameContent(path, chains.d0.flat('active'));
  });

  it.each([
    ['stands on another layer', { on: '/elsewhere.img' }],
    ['takes it for another format', { driver: 'raw' }],
    ['is of another size', { virtualSize: 512 }],
  ])('refuses one that %s before anything is opened', async (_what, other) => {
    const [first, second] = await makeOverlays(true);
    if (first === undefined || second?.says === undefined) throw new Error('two overlays were made');
    const wrong = { ...second, says: { ...second.says, ...other } };
    await expect(snapshotDisks(vm, [first, wrong])).rejects.toMatchObject({ code: 'plan-stale' });
    expect(await topOf('d0')).toBe(chains.d0.path('active'));
    expect(await openOverlays()).toEqual([]);
  });

  it('switches none when one cannot be opened, and none stays open', async () => {
    const overlays = await makeOverlays(true);
    await rm(overlayOf('d1'));
    await expect(snapshotDisks(vm, overlays)).rejects.toMatchObject({ code: 'image-unreadable' });
    expect(await topOf('d0')).toBe(chains.d0.path('active'));
    expect(await topOf('d1')).toBe(chains.d1.path('active'));
    expect(await openOverlays()).toEqual([]);
  });
});

describe('a snapshot of a running VM', () => {
  it('switches all disks to their overlays; what was frozen stays as it is', async () => {
    await snapshotDisks(vm, await makeOverlays());
    expect(await topOf('d0')).toBe(overlayOf('d0'));
    expect(await topOf('d1')).toBe(overlayOf('d1'));
    expect(await engine('d0').chain()).toHaveLength(6);
    await writeAsGuest(vm, 'd0', 'write -P 0xee 0 2M');
    await engine('d0').flush(overlayOf('d0'));
    await vm.kill();
    await expectSameContent(chains.d0.path('active'), chains.d0.flat('active'));
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0xee 0 2M', chains.d0.flat('active')]);
    await expectSameContent(overlayOf('d0'), chains.d0.flat('active'));
    await expectSameContent(overlayOf('d1'), chains.d1.flat('active'));
  });

  it('switches none when one cannot, and the overlays can be deleted', async () => {
    const overlays = await makeOverlays();
    // A commit on d1 keeps its top from being replaced.
    await untilReady(engine('d1'), { jobId: 'a', top: chains.d1.path('active'), base: chains.d1.path('s3') });
    await expect(snapshotDisks(vm, overlays)).rejects.toMatchObject({ code: 'qemu-refused' });
    expect(await topOf('d0')).toBe(chains.d0.path('active'));
    expect(await topOf('d1')).toBe(chains.d1.path('active'));
    expect(await openOverlays()).toEqual([]);
  });

  it('refuses an overlay that does not stand on what the disk writes', async () => {
    const path = overlayOf('d0');
    await createOverlay({ path, backing: 'snaps/s3.img', backingFormat: 'qcow2' });
    await expect(snapshotDisks(vm, [{ diskId: 'd0', overlayPath: path }])).rejects.toMatchObject({
      code: 'plan-stale',
    });
    expect(await topOf('d0')).toBe(chains.d0.path('active'));
  });

  it('refuses an overlay of another size', async () => {
    const path = overlayOf('d0');
    await run('qemu-img', [
      'create',
      '-q',
      '-u',
      '-f',
      'qcow2',
      '-b',
      'active.img',
      '-F',
      'qcow2',
      path,
      '1M',
    ]);
    await expect(snapshotDisks(vm, [{ diskId: 'd0', overlayPath: path }])).rejects.toMatchObject({
      code: 'plan-stale',
    });
  });

  it('can be taken so often that QEMU no longer says the whole name of the layer it writes', async () => {
    // Each name holds all below it, and QEMU cuts it off after 4095 bytes.
    const deep = join(chains.d0.folder, 'vm', 'x'.repeat(200));
    await mkdir(deep);
    const layers = Array.from({ length: 24 }, (_, at) => join(deep, `${at}.img`));
    let below = '../active.img';
    for (const path of layers) {
      await createOverlay({ path, backing: below, backingFormat: 'qcow2' });
      await snapshotDisks(vm, [{ diskId: 'd0', overlayPath: path }]);
      below = basename(path);
    }
    const paths = (await engine('d0').chain()).map(({ path }) => path);
    expect(paths.slice(0, 25)).toEqual([...layers.reverse(), chains.d0.path('active')]);
    expect((await engine('d1').chain())[0]?.path).toBe(chains.d1.path('active'));
  });

  it('can be taken again and again, and everything below merged, without a restart', async () => {
    await snapshotDisks(vm, await makeOverlays());
    const second = overlayOf('d0', 'second');
    await createOverlay({ path: second, backing: 'new.img', backingFormat: 'qcow2' });
    await snapshotDisks(vm, [{ diskId: 'd0', overlayPath: second }]);
    await writeAsGuest(vm, 'd0', 'write -P 0xdd 1M 1M');

    const d0 = engine('d0');
    const at = chains.d0;
    const commit = { jobId: 'c', top: overlayOf('d0'), base: at.path('s2'), backingFile: 'snaps/s2.img' };
    expect(await commitLayers(d0, commit)).toBe('done');
    expect((await d0.chain()).map(({ path }) => path)).toEqual([
      second,
      at.path('s2'),
      at.path('s1'),
      at.path('base'),
    ]);
    const pull = {
      jobId: 'p',
      into: at.path('s2'),
      base: at.path('base'),
      backingFile: '../../library/base.img',
    };
    expect(await pullLayers(d0, pull)).toBe('done');
    const active = { jobId: 'a', top: second, base: at.path('base') };
    expect(await untilReady(d0, active)).toBe('ready');
    await pivot(d0, active, { intend: () => undefined, persist: () => undefined });
    expect((await d0.chain()).map(({ path }) => path)).toEqual([at.path('base')]);

    // And once more on the layer that is active now, whose node QEMU named.
    const third = overlayOf('d0', 'third');
    await createOverlay({ path: third, backing: '../library/base.img', backingFormat: 'qcow2' });
    await snapshotDisks(vm, [{ diskId: 'd0', overlayPath: third }]);
    await writeAsGuest(vm, 'd0', 'write -P 0xcc 3M 1M');
    await d0.flush(third);
    await vm.kill();
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0xdd 1M 1M', at.flat('active')]);
    await expectSameContent(at.path('base'), at.flat('active'));
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0xcc 3M 1M', at.flat('active')]);
    await expectSameContent(third, at.flat('active'));
  });
});
