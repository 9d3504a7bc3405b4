import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestLibrary, type TestLibrary } from '../../testing/image-library.ts';

const qemuImg = (...args: string[]): string => execFileSync('qemu-img', args, { encoding: 'utf8' });
const write = (path: string, format: string, ...commands: string[]): string =>
  execFileSync('qemu-io', ['-f', format, ...commands.flatMap((command) => ['-c', command]), path], {
    encoding: 'utf8',
  });
const mebi = 1024 ** 2;

let library: TestLibrary;
beforeEach(async () => {
  library = await startTestLibrary();
});
afterEach(() => library.stop());

interface Info {
  'virtual-size': number;
  'backing-filename'?: string;
  'full-backing-filename'?: string;
  'backing-filename-format'?: string;
}
const info = (path: string): Info => JSON.parse(qemuImg('info', '--output=json', path)) as Info;

describe('creating', () => {
  test('makes qcow2 and raw images under free names and never overwrites', async () => {
    const wishes = { name: 'Büro: disk, 1', format: 'qcow2', size: 20 * mebi, preallocation: 'off' } as const;
    const first = await library.images.create(wishes);
    const second = await library.images.create(wishes);
    expect(first.path).toBe(library.at('Buro-disk-1.qcow2'));
    expect(second.path).toBe(library.at('Buro-disk-1-2.qcow2'));
    expect(info(first.path)['virtual-size']).toBe(20 * mebi);
    expect(statSync(first.path).mode & 0o777).toBe(0o600);
    const raw = await library.images.create({
      name: 'flat',
      format: 'raw',
      size: 3 * mebi,
      preallocation: 'full',
    });
    expect(raw).toMatchObject({ format: 'raw', virtualSize: 3 * mebi, name: 'flat' });
    expect(raw.allocatedSize).toBeGreaterThanOrEqual(3 * mebi);
    expect(library.images.list()).toHaveLength(3);
  });

  test('refuses what cannot fit, before anything is written', async () => {
    const size = 60 * 1024 * 1024 * mebi;
    const huge = { name: 'huge', format: 'raw', size, preallocation: 'full' } as const;
    await expect(library.images.create(huge)).rejects.toMatchObject({ code: 'disk-full', status: 507 });
    expect(existsSync(library.at('huge.raw'))).toBe(false);
  });

  test('a raw image that was made here stays raw even for a new scan of everything', async () => {
    const raw = await library.images.create({
      name: 'guest',
      format: 'raw',
      size: mebi,
      preallocation: 'off',
    });
    qemuImg(
      'create',
      '-f',
      'qcow2',
      '-u',
      '-b',
      '/etc/passwd',
      '-F',
      'raw',
      join(library.outside, 'evil'),
      '1M',
    );
    copyFileSync(join(library.outside, 'evil'), raw.path);
    await library.images.refresh();
    expect(library.images.get(raw.id)).toMatchObject({ format: 'raw', backingId: null });
  });
});

describe('overlays', () => {
  test('stand on their backing by a relative name with the format recorded, also across folders', async () => {
    const base = await library.images.create({
      name: 'base',
      format: 'qcow2',
      size: 8 * mebi,
      preallocation: 'off',
    });
    write(base.path, 'qcow2', 'write -P 7 0 1M');
    const overlay = await library.images.createOverlay({ backingId: base.id, stem: 'before update' });
    expect(overlay).toMatchObject({ name: 'before-update', backingId: base.id, virtualSize: 8 * mebi });
    expect(info(overlay.path)).toMatchObject({
      'backing-filename': 'base.qcow2',
      'backing-filename-format': 'qcow2',
    });
    mkdirSync(library.at('a:b'));
    const deep = await library.images.createOverlay({
      backingId: base.id,
      stem: 'x',
      folder: library.at('a:b'),
    });
    expect(info(deep.path)['backing-filename']).toBe('../base.qcow2');
    qemuImg('compare', '-f', 'qcow2', '-F', 'qcow2', base.path, deep.path);
    const branch = await library.images.createOverlay({
      backingId: deep.id,
      stem: 'y',
      folder: library.folder,
    });
    expect(info(branch.path)['backing-filename']).toBe('./a:b/x.qcow2');
    expect(library.images.chainFacts(branch.id).map(({ id }) => id)).toEqual([branch.id, deep.id, base.id]);
    qemuImg('compare', '-f', 'qcow2', '-F', 'qcow2', base.path, branch.path);
    expect(library.images.get(base.id).overlays).toHaveLength(2);
  });

  test('that Strata makes by itself are called as nothing else in the library or the trash', async () => {
    const size = 8 * mebi;
    const wish = { name: 'Demo', format: 'qcow2', size, preallocation: 'off' } as const;
    const base = await library.images.create(wish);
    await library.folders.add(library.outside);
    qemuImg('create', '-f', 'qcow2', join(library.outside, 'demo-2.qcow2'), '1M');
    await library.images.scan();
    const made = [3, 4].map(async () => library.images.createOverlay({ backingId: base.id, stem: 'Demo' }));
    const [one, two] = await Promise.all(made);
    expect([one?.name, two?.name].sort()).toEqual(['Demo-3', 'Demo-4']);
    await library.images.delete(one?.id ?? '');
    const third = await library.images.createOverlay({ backingId: base.id, stem: 'Demo' });
    expect(third).toMatchObject({ name: 'Demo-5', path: library.at('Demo-5.qcow2') });
    await library.trash.restore(library.trash.list()[0]?.id ?? '');
    expect(new Set(library.images.list().map(({ name }) => name)).size).toBe(library.images.list().length);
    // A person may give a name twice; the files differ.
    const twice = await library.images.create(wish);
    expect(twice).toMatchObject({ name: 'Demo', path: library.at('Demo-2.qcow2') });
    expect((await library.images.create(wish, 'unique')).name).toBe('Demo-6');
  });

  test('lie beside the layer they continue, or in the default folder when that is asked for', async () => {
    await library.folders.add(library.outside);
    qemuImg('create', '-f', 'qcow2', join(library.outside, 'mine.qcow2'), '1M');
    await library.images.scan();
    const mine = library.byName('mine.qcow2');
    const beside = await library.images.createOverlay({ backingId: mine.id, stem: 'vm' });
    expect(beside.path).toBe(join(library.outside, 'vm.qcow2'));
    const apart = await library.images.createOverlay({ backingId: mine.id, stem: 'vm', place: 'default' });
    expect(apart.path).toBe(library.at('vm-2.qcow2'));
    qemuImg('compare', '-f', 'qcow2', '-F', 'qcow2', apart.path, mine.path);
  });

  test.each(['raw', 'vmdk', 'vdi', 'vpc', 'vhdx'])('stand on %s images too', async (format) => {
    const path = library.at(format === 'raw' ? 'foreign.img' : `foreign.${format}`);
    qemuImg('create', '-f', format, path, '4M');
    await library.images.scan();
    const [base] = library.images.list();
    expect(base?.format).toBe(format);
    const overlay = await library.images.createOverlay({ backingId: base?.id ?? '', stem: 'try it' });
    expect(info(overlay.path)['backing-filename-format']).toBe(format);
    expect(overlay.problems).toEqual([]);
    expect((await library.images.checkedChain(overlay.id)).map((member) => member.format)).toEqual([
      'qcow2',
      format,
    ]);
    const map = await library.images.map(overlay.id);
    expect(map.layers).toHaveLength(2);
  });

  test('are refused on a layer that a broken commit has left half changed', async () => {
    const base = await library.images.create({
      name: 'base',
      format: 'qcow2',
      size: mebi,
      preallocation: 'off',
    });
    library.images.addUseSource({
      taints: () => [{ imageId: base.id, message: 'Half changed.', repair: 'Repeat.' }],
    });
    expect(library.images.get(base.id).problems).toMatchObject([{ code: 'tainted' }]);
    const overlay = library.images.createOverlay({ backingId: base.id, stem: 'x' });
    await expect(overlay).rejects.toMatchObject({ code: 'plan-blocked' });
  });

  test('are refused on the active layer of a VM, which goes on being written', async () => {
    const active = await library.images.create({
      name: 'active',
      format: 'qcow2',
      size: mebi,
      preallocation: 'off',
    });
    library.images.addUseSource({
      disks: () => [
        {
          vmId: 'vm01',
          vmName: 'Debian',
          diskId: 'd1',
          imageId: active.id,
          running: false,
          suspended: false,
        },
      ],
    });
    const overlay = library.images.create({
      name: 'x',
      format: 'qcow2',
      backing: active.id,
      preallocation: 'off',
    });
    await expect(overlay).rejects.toMatchObject({ code: 'image-in-use' });
    expect(library.images.get(active.id).overlays).toEqual([]);
  });

  test('the gate before a start reads headers afresh', async () => {
    const base = await library.images.create({
      name: 'base',
      format: 'qcow2',
      size: mebi,
      preallocation: 'off',
    });
    const overlay = await library.images.createOverlay({ backingId: base.id, stem: 'top' });
    await expect(library.images.checkedChain(overlay.id)).resolves.toHaveLength(2);
    qemuImg('rebase', '-u', '-f', 'qcow2', '-b', '/etc/passwd', '-F', 'raw', overlay.path);
    await expect(library.images.checkedChain(overlay.id)).rejects.toMatchObject({ status: 422 });
    qemuImg('rebase', '-u', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', overlay.path);
    await expect(library.images.checkedChain(overlay.id)).resolves.toHaveLength(2);
    qemuImg('rebase', '-u', '-f', 'qcow2', '-b', 'top.qcow2', '-F', 'qcow2', base.path);
    await expect(library.images.checkedChain(overlay.id)).rejects.toThrow(/circle/);
  });
});

describe('the map of a chain', () => {
  interface MapEntry {
    start: number;
    length: number;
    depth: number;
    present: boolean;
    data: boolean;
  }
  const perDepth = (path: string, depth: number): number =>
    (JSON.parse(qemuImg('map', '-f', 'qcow2', '--output=json', path)) as MapEntry[])
      .filter((entry) => entry.present && entry.depth === depth && (depth < 2 || entry.data))
      .reduce((sum, { length }) => sum + length, 0);

  test('tells which layer provides what, as qemu-img does, on a raw base', async () => {
    writeFileSync(library.at('base.img'), '');
    qemuImg('create', '-f', 'raw', library.at('base.img'), '32M');
    write(library.at('base.img'), 'raw', 'write -P 1 0 8M', 'write -P 1 20M 2M');
    await library.images.scan();
    const base = library.byName('base.img');
    const middle = await library.images.createOverlay({ backingId: base.id, stem: 'middle' });
    write(middle.path, 'qcow2', 'write -P 2 4M 8M', 'write -z 20M 1M');
    const top = await library.images.createOverlay({ backingId: middle.id, stem: 'top' });
    write(top.path, 'qcow2', 'write -P 3 6M 1M', 'write -P 3 30M 64k');
    const map = await library.images.map(top.id);
    expect(map).toMatchObject({ virtualSize: 32 * mebi, approximate: false });
    expect(map.layers.map(({ imageId }) => imageId)).toEqual([top.id, middle.id, base.id]);
    const [one, two, three] = map.layers;
    expect(one?.visible).toEqual([
      [6 * mebi, mebi],
      [30 * mebi, 65_536],
    ]);
    expect(two?.visible).toEqual([
      [4 * mebi, 2 * mebi],
      [7 * mebi, 5 * mebi],
      [20 * mebi, mebi],
    ]);
    expect(two?.shadowed).toEqual([[6 * mebi, mebi]]);
    expect(three?.visible).toEqual([
      [0, 4 * mebi],
      [21 * mebi, mebi],
    ]);
    for (const [depth, layer] of map.layers.entries())
      expect(layer.visibleBytes).toBe(perDepth(top.path, depth));
  });

  test('asks for a flush of what a VM writes, and says when there was none', async () => {
    const image = await library.images.create({
      name: 'live',
      format: 'qcow2',
      size: mebi,
      preallocation: 'off',
    });
    const disk = {
      vmId: 'vm01',
      vmName: 'VM',
      diskId: 'd1',
      imageId: image.id,
      running: true,
      suspended: false,
    };
    library.images.addUseSource({ disks: () => [disk] });
    const flushed: string[] = [];
    let answer = true;
    library.images.setFlusher((id) => {
      flushed.push(id);
      return Promise.resolve(answer);
    });
    expect((await library.images.map(image.id)).approximate).toBe(false);
    answer = false;
    expect((await library.images.map(image.id)).approximate).toBe(true);
    expect(flushed).toEqual([image.id, image.id]);
  });

  test('tells as much as the columns can show, sums exactly all the same, and tells a range closer', async () => {
    const image = await library.images.create({
      name: 'dots',
      format: 'qcow2',
      size: 64 * mebi,
      preallocation: 'off',
    });
    const dots = Array.from({ length: 60 }, (_, index) => `write -P 1 ${index * mebi} 64k`);
    write(image.path, 'qcow2', ...dots, 'write -P 1 63M 1M');
    const whole = await library.images.map(image.id);
    expect(whole.layers[0]?.visible).toHaveLength(61);
    expect(whole.layers[0]?.visibleHeld).toBeUndefined();
    const coarse = (await library.images.map(image.id, { columns: 16 })).layers[0];
    expect(coarse?.visible).toHaveLength(16);
    expect(coarse?.visible.at(-1)).toEqual([63 * mebi, mebi]);
    expect(coarse?.visibleHeld?.[0]).toBe(4 * 65_536);
    const near = await library.images.map(image.id, { start: 2 * mebi, length: 4 * mebi, columns: 16 });
    expect(near).toMatchObject({ start: 2 * mebi, length: 4 * mebi, virtualSize: 64 * mebi });
    expect(near.layers[0]?.visible).toEqual([2, 3, 4, 5].map((at) => [at * mebi, 65_536]));
    for (const layer of [whole.layers[0], coarse, near.layers[0]])
      expect(layer).toMatchObject({ visibleBytes: 60 * 65_536 + mebi, allocatedBytes: 60 * 65_536 + mebi });
  });
});

describe('importing real files', () => {
  test('shows a registered overlay whose base is elsewhere, and mends it when that is registered too', async () => {
    qemuImg('create', '-f', 'qcow2', join(library.outside, 'b.qcow2'), '1M');
    qemuImg('create', '-f', 'qcow2', '-b', 'b.qcow2', '-F', 'qcow2', join(library.outside, 't.qcow2'));
    const top = await library.images.register({ path: join(library.outside, 't.qcow2') });
    expect(top.backing?.state).toBe('foreign');
    expect(top.problems).toMatchObject([{ code: 'backing-outside' }]);
    expect(() => library.images.chainFacts(top.id)).toThrow(/not in the library/);
    await library.images.register({ path: join(library.outside, 'b.qcow2') });
    expect(library.images.get(top.id).problems).toEqual([]);
    expect(library.images.chainFacts(top.id)).toHaveLength(2);
  });

  test.each([
    ['an external data file', ['create', '-f', 'qcow2', '-o', 'data_file=d.raw', 'x', '1M']],
    ['a flat VMDK', ['create', '-f', 'vmdk', '-o', 'subformat=monolithicFlat', 'x', '1M']],
    ['QED', ['create', '-f', 'qed', 'x', '1M']],
    ['Parallels', ['create', '-f', 'parallels', 'x', '64M']],
    ['qcow version 1', ['create', '-f', 'qcow', 'x', '1M']],
  ])('refuses %s', async (_name, args) => {
    execFileSync('qemu-img', args, { cwd: library.outside });
    const refused = library.images.register({ path: join(library.outside, 'x') });
    await expect(refused).rejects.toMatchObject({ code: 'image-refused' });
  });
});

test('an image that another program has open is not deleted', async () => {
  const image = await library.images.create({
    name: 'held',
    format: 'qcow2',
    size: mebi,
    preallocation: 'off',
  });
  const holder = spawn('qemu-io', ['-f', 'qcow2', image.path], { stdio: ['pipe', 'pipe', 'ignore'] });
  try {
    holder.stdin.write('read 0 512\n');
    await once(holder.stdout, 'data');
    await expect(library.images.delete(image.id)).rejects.toMatchObject({ code: 'image-locked' });
  } finally {
    holder.stdin.end('quit\n');
    await once(holder, 'exit');
  }
  await library.images.delete(image.id);
  expect(library.trash.list()).toHaveLength(1);
});
