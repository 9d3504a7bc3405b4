import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FreeableKind, FreeableList, Usage } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canMount, mountSmallDisk } from '../../testing/full-disk.ts';
import { qemuImg, type WorkBench, type WorkFolder, workFolder, writeAt } from '../../testing/work-bench.ts';
import { createUsageService, type UsageService } from './usage.service.ts';

let place: WorkFolder;
let bench: WorkBench;
let usage: UsageService;
const dataDir = (): string => join(place.folder, '..');

beforeEach(async () => {
  place = await workFolder();
  bench = await place.open();
  usage = createUsageService({
    ...{ dataDir: dataDir(), library: bench.library, vms: bench.vms },
    uploads: { list: () => Promise.resolve([]) },
    downloads: { list: () => Promise.resolve([]) },
  });
});
afterEach(() => place.dispose());

const idOf = (name: string): string => bench.library.images.findByPath(place.at(name))?.id ?? `no ${name}`;
const create = (name: string, ...rest: string[]): void =>
  void qemuImg('create', '-q', '-f', name.split('.')[1] ?? 'qcow2', place.at(name), ...rest);
const overlay = (name: string, base: string): void => create(name, '-b', base, '-F', 'qcow2');

/** base ← a (VM a), base ← b (VM b), a raw image of VM b, an orphan, an ISO that nobody uses. */
const furnish = async (): Promise<void> => {
  create('base.qcow2', '64M');
  writeAt(place.at('base.qcow2'), 0, 1);
  overlay('a.qcow2', 'base.qcow2');
  writeAt(place.at('a.qcow2'), 3, 2);
  overlay('b.qcow2', 'base.qcow2');
  create('data.raw', '32M');
  writeAt(place.at('data.raw'), 9, 3, 'raw');
  create('alone.qcow2', '16M');
  overlay('orphan.qcow2', 'alone.qcow2');
  await bench.library.images.scan();
  await bench.defineVm({ name: 'a', disks: [{ imageId: idOf('a.qcow2') }] });
  await bench.defineVm({ name: 'b', disks: [{ imageId: idOf('b.qcow2') }, { imageId: idOf('data.raw') }] });
};

/** Of every regular file below, each once, as `du` counts. */
const du = (folder: string): number => {
  // A file system may settle the blocks of what was just written a moment later.
  execFileSync('sync', ['-f', folder]);
  const list = execFileSync('find', [folder, '-type', 'f', '-print0']);
  const lines = execFileSync('du', ['-c', '-B1', '--files0-from=-'], { input: list, encoding: 'utf8' });
  return Number(lines.trim().split('\n').at(-1)?.split('\t')[0]);
};
const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

const expectConsistent = (view: Usage): void => {
  const others = sum(view.others.map(({ bytes }) => bytes));
  expect(view.images + view.vmFiles + others).toBe(view.total);
  expect(sum(view.folders.map(({ bytes }) => bytes))).toBe(view.images);
  expect(sum(view.trees.map(({ bytes }) => bytes))).toBe(view.images);
  expect(view.ofVms + view.sharedByVms + view.unused).toBe(view.images);
  for (const { own, parts } of view.vms) expect(sum(Object.values(parts))).toBe(own);
  expect(sum(view.fileSystems.map(({ strata }) => strata))).toBe(view.total);
};

describe('what takes how much', () => {
  it('is what du says, and every way of adding it up gives the same', async () => {
    await furnish();
    linkSync(place.at('data.raw'), place.at('same.raw'));
    for (const name of ['incoming', 'outgoing', 'making']) {
      mkdirSync(join(dataDir(), name), { recursive: true });
      writeFileSync(join(dataDir(), name, 'x.part'), Buffer.alloc(70_000, 1));
    }
    await bench.library.images.scan();
    await bench.library.images.delete(idOf('orphan.qcow2'));
    await expect.poll(async () => (await usage.usage()).total - du(dataDir())).toBe(0);
    const view = await usage.usage();
    expectConsistent(view);
    expect(view.hardLinked).toBeGreaterThan(0);
    expect(view.others.find(({ kind }) => kind === 'uploads')?.bytes).toBeGreaterThanOrEqual(70_000);
    expect(view.others.find(({ kind }) => kind === 'trash')?.files).toBe(1);
  });

  it('counts a layer that two VMs stand on once, and shows it with both as shared', async () => {
    await furnish();
    const view = await usage.usage();
    expectConsistent(view);
    const base = view.trees.find(({ imageId }) => imageId === idOf('base.qcow2'));
    const [a, b] = ['a', 'b'].map((name) => view.vms.find((vm) => vm.name === name));
    expect(base).toMatchObject({ images: 3, vms: ['a', 'b'] });
    expect(a?.shared).toBe(base?.baseBytes);
    expect(b?.shared).toBe(base?.baseBytes);
    expect(view.sharedByVms).toBe(base?.baseBytes);
    expect([a?.sharedWith, b?.sharedWith]).toEqual([['b'], ['a']]);
    expect(b?.parts.disks).toBe(du(place.at('b.qcow2')) + du(place.at('data.raw')));
  });

  it('promises what the images that can be written may still grow by', async () => {
    create('thin.qcow2', '200G');
    await bench.library.images.scan();
    const { promised } = (await usage.usage()).folders[0] ?? {};
    expect(promised).toBe(200 * 1024 ** 3 - du(place.at('thin.qcow2')));
    overlay('above.qcow2', 'thin.qcow2');
    await bench.library.images.scan();
    const after = (await usage.usage()).folders[0];
    // What something stands on is written no more.
    expect(after?.promised).toBe(200 * 1024 ** 3 - du(place.at('above.qcow2')));
  });

  it('tells the layers and the memory of a snapshot apart from what the VM writes now', async () => {
    create('disk.qcow2', '16M');
    writeAt(place.at('disk.qcow2'), 0, 5);
    await bench.library.images.scan();
    const id = await bench.defineVm({ name: 'kept', disks: [{ imageId: idOf('disk.qcow2') }] });
    const taken = await bench.snapshots.take(id, {
      name: 'one',
      description: '',
      kind: 'external',
      memory: false,
    });
    await bench.ended(taken);
    mkdirSync(join(dataDir(), 'vms', id), { recursive: true });
    writeFileSync(join(dataDir(), 'vms', id, 'uefi-vars.fd'), Buffer.alloc(50_000, 7));
    const vm = (await usage.usage()).vms[0];
    const disk = bench.vms.get(id).disks[0]?.imageId ?? '';
    expect(vm?.parts.snapshots).toBe(du(place.at('disk.qcow2')));
    expect(vm?.parts.disks).toBe(du(bench.library.images.facts(disk).path));
    expect(vm?.parts.firmware).toBeGreaterThanOrEqual(50_000);
    const { items } = await usage.freeable();
    // What a snapshot shows is not offered for a merge with what was written since.
    expect(items.map(({ kind }) => kind)).not.toContain('merge');
    expect(items.find(({ kind }) => kind === 'snapshots')).toMatchObject({
      bytes: vm?.parts.snapshots,
      certainty: 'up-to',
      link: { to: 'snapshots', vmId: id },
    });
  });
});

const of = ({ items }: FreeableList, kind: FreeableKind) => items.filter((item) => item.kind === kind);

describe('what could be freed', () => {
  it('names what nothing uses, with its bytes, and nothing that a VM stands on', async () => {
    await furnish();
    const list = await usage.freeable();
    expect(of(list, 'orphan').map(({ name }) => name)).toEqual(['orphan.qcow2']);
    expect(of(list, 'unused').map(({ name }) => name)).toEqual(['alone.qcow2']);
    const gone = [...of(list, 'orphan'), ...of(list, 'unused')];
    for (const { link, bytes } of gone)
      expect(bytes).toBe(du(bench.library.images.facts(link.imageId ?? '').path));
    expect(of(list, 'unused')[0]?.how).toContain('Delete what stands on it first');
    const exact = gone.filter(({ certainty }) => certainty === 'exact');
    expect(list.certain).toBe(sum(exact.map(({ bytes }) => bytes ?? 0)));
  });

  it('says of shared layers that flattening is a price', async () => {
    await furnish();
    const [flatten] = of(await usage.freeable(), 'flatten');
    expect(flatten).toMatchObject({ name: 'base.qcow2', bytes: 0, costs: du(place.at('base.qcow2')) });
  });

  it('offers layers that are no restore point for a merge', async () => {
    create('low.qcow2', '16M');
    writeAt(place.at('low.qcow2'), 0, 1);
    overlay('high.qcow2', 'low.qcow2');
    writeAt(place.at('high.qcow2'), 0, 2);
    await bench.library.images.scan();
    const id = await bench.defineVm({ name: 'deep', disks: [{ imageId: idOf('high.qcow2') }] });
    const [merge] = of(await usage.freeable(), 'merge');
    const smaller = Math.min(du(place.at('low.qcow2')), du(place.at('high.qcow2')));
    expect(merge).toMatchObject({ bytes: smaller, certainty: 'up-to', link: { to: 'layers', vmId: id } });
  });

  it.skipIf(!canMount)('gives back to the byte what it said of the trash', async () => {
    const folder = join(dataDir(), 'images', 'small');
    const disk = mountSmallDisk(folder, 64);
    try {
      create('small/big.raw', '16M');
      writeAt(place.at('small/big.raw'), 0, 9, 'raw');
      await bench.library.images.scan();
      await bench.library.images.delete(idOf('small/big.raw'));
      const [item] = of(await usage.freeable(), 'trash');
      expect(item).toMatchObject({ name: 'big.raw', certainty: 'exact' });
      const freeBytes = (): number => statfsSync(folder).bavail * statfsSync(folder).bsize;
      const before = freeBytes();
      const [row] = bench.library.trash.list();
      await bench.library.trash.deleteForGood(row?.id ?? '');
      expect(freeBytes() - before).toBe(item?.bytes);
    } finally {
      disk.unmount();
    }
  });
});
