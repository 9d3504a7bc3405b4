import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as later } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startTestLibrary, type TestLibrary } from '../../testing/image-library.ts';
import { writeQcow2File } from '../../testing/qcow2-file.ts';
import { walkFolder } from './disk-reader.ts';
import type { UseSource } from './images.types.ts';

let library: TestLibrary;
let uses: { -readonly [Key in keyof UseSource]: UseSource[Key] };
beforeEach(async () => {
  uses = {};
  library = await startTestLibrary({
    disks: () => uses.disks?.() ?? [],
    snapshots: () => uses.snapshots?.() ?? [],
    taints: () => uses.taints?.() ?? [],
  });
});
afterEach(() => library.stop());

const codes = (name: string): string[] => library.byName(name).problems.map(({ code }) => code);
const vmOn = (imageId: string): void => {
  uses.disks = () => [
    { vmId: 'vm01', vmName: 'Debian', diskId: 'd001', imageId, running: false, suspended: false },
  ];
};

describe('scanning', () => {
  test('knows images by their first bytes, and raw ones by their name', async () => {
    writeQcow2File(library.at('disk.anything'));
    writeFileSync(library.at('plain.raw'), Buffer.alloc(4096));
    writeFileSync(library.at('notes.txt'), 'no image');
    mkdirSync(library.at('.hidden'));
    writeQcow2File(library.at('.hidden/secret.qcow2'));
    await library.images.scan();
    expect(library.images.list().map(({ name, format }) => [name, format])).toEqual([
      ['disk.anything', 'qcow2'],
      ['plain.raw', 'raw'],
    ]);
    expect(library.images.forest().complete).toBe(true);
  });

  test('finds every overlay: deep down, hidden, behind links, with any name', async () => {
    writeQcow2File(library.at('base.qcow2'));
    const backing = { backing: library.at('base.qcow2'), backingFormat: 'qcow2' };
    const deep = library.at(Array.from({ length: 12 }, (_, index) => `d${index}`).join('/'));
    for (const folder of [deep, library.at('.cache'), join(library.outside, 'more')])
      mkdirSync(folder, { recursive: true });
    writeQcow2File(join(deep, 'deep.qcow2'), backing);
    writeQcow2File(library.at('.hidden.qcow2'), backing);
    writeQcow2File(library.at('.cache/cached'), backing);
    writeQcow2File(join(library.outside, 'more', 'linked.qcow2'), backing);
    writeQcow2File(join(library.outside, 'single'), backing);
    symlinkSync(join(library.outside, 'more'), library.at('elsewhere'));
    symlinkSync(join(library.outside, 'single'), library.at('single.qcow2'));
    symlinkSync(library.folder, join(library.outside, 'more', 'circle'));
    symlinkSync('/nowhere-at-all', library.at('broken'));
    symlinkSync('/etc', library.at('system'));
    await library.images.scan();
    const { overlays } = library.byName('base.qcow2');
    expect(overlays.map((id) => library.images.get(id).name).sort()).toEqual(
      ['.hidden.qcow2', 'cached', 'deep.qcow2', 'linked.qcow2', 'single'].sort(),
    );
    expect(library.images.forest().complete).toBe(true);
  });

  test('a chain that is as it was is read, and nothing is written down', async () => {
    const long = new Date(Date.now() - 3_600_000);
    writeQcow2File(library.at('base.qcow2'));
    for (const [name, backing] of [
      ['one.qcow2', 'base.qcow2'],
      ['two.qcow2', 'one.qcow2'],
    ] as const)
      writeQcow2File(library.at(name), { backing, backingFormat: 'qcow2' });
    for (const name of ['base.qcow2', 'one.qcow2', 'two.qcow2']) utimesSync(library.at(name), long, long);
    // Read in the tick in which they were made they would prove nothing, and be read and written once more.
    await later(100);
    await library.images.scan();
    await library.remembered();
    const changes = () => library.db.prepare('SELECT total_changes()').pluck().get();
    const before = changes();
    expect(await library.images.checkedChain(library.byName('two.qcow2').id)).toHaveLength(3);
    expect(changes()).toBe(before);
    rmSync(library.at('base.qcow2'));
    await expect(library.images.checkedChain(library.byName('two.qcow2').id)).rejects.toMatchObject({
      code: 'image-unreadable',
    });
    expect(changes()).not.toBe(before);
  });

  test('says so when folders are deeper than it looks', async () => {
    mkdirSync(library.at(Array.from({ length: 40 }, () => 'd').join('/')), { recursive: true });
    await library.images.scan();
    expect(library.folders.list()[0]?.problems).toMatchObject([{ code: 'folder-too-deep' }]);
    expect(library.images.forest().complete).toBe(false);
  });

  test('keeps waiting for an overlay that went without Strata, until it is deleted here', async () => {
    mkdirSync(library.at('disk'));
    writeQcow2File(library.at('base.qcow2'));
    writeQcow2File(library.at('disk/top.qcow2'), { backing: '../base.qcow2', backingFormat: 'qcow2' });
    await library.images.scan();
    const [base, top] = [library.byName('base.qcow2').id, library.byName('top.qcow2').id];
    // As when a disk is unmounted: the mount point is empty, and can be read.
    renameSync(library.at('disk'), join(library.outside, 'unmounted'));
    mkdirSync(library.at('disk'));
    await library.images.refresh([top]);
    await library.images.scan();
    expect(codes('top.qcow2')).toContain('missing');
    expect(library.images.get(base).overlays).toEqual([top]);
    await expect(library.images.delete(base)).rejects.toMatchObject({ code: 'image-in-use' });
    rmSync(library.at('disk'), { recursive: true });
    await library.images.scan();
    expect(library.images.get(base).overlays).toEqual([top]);
    renameSync(join(library.outside, 'unmounted'), library.at('disk'));
    await library.images.scan();
    expect(library.images.get(top)).toMatchObject({ present: true, problems: [] });
    rmSync(library.at('disk'), { recursive: true });
    await library.images.delete(top);
    await library.images.delete(base);
    expect(library.images.list()).toEqual([]);
  });

  test('says so when a file cannot be opened, whatever its name, and calls nothing complete', async () => {
    writeQcow2File(library.at('base.qcow2'));
    writeQcow2File(library.at('nameless'), { backing: 'base.qcow2', backingFormat: 'qcow2' });
    chmodSync(library.at('nameless'), 0);
    for (const path of [dirname(library.dataDir), library.dataDir, library.folder]) chmodSync(path, 0o755);
    chmodSync(library.at('base.qcow2'), 0o644);
    const before = process.geteuid?.() ?? 0;
    // Root may read everything.
    if (before === 0) process.seteuid?.(65_534);
    try {
      const { files } = await walkFolder(library.folder, new Set());
      expect([...files.keys()]).toContain(library.at('nameless'));
      await library.images.scan();
    } finally {
      process.seteuid?.(before);
    }
    expect(library.folders.list()[0]?.problems).toMatchObject([{ code: 'file-unreadable' }]);
    expect(library.images.forest().complete).toBe(false);
  });

  test('finds relative, absolute and hand-made backing files, with their overlays and roles', async () => {
    mkdirSync(library.at('snaps'));
    writeQcow2File(library.at('base.qcow2'));
    writeQcow2File(library.at('snaps/mid.qcow2'), { backing: '../base.qcow2', backingFormat: 'qcow2' });
    writeQcow2File(library.at('top.qcow2'), {
      backing: library.at('snaps/mid.qcow2'),
      backingFormat: 'qcow2',
    });
    writeQcow2File(library.at('branch.qcow2'), {
      backing: `file:${library.at('base.qcow2')}`,
      backingFormat: 'qcow2',
    });
    await library.images.scan();
    const [base, mid, top] = [
      library.byName('base.qcow2'),
      library.byName('mid.qcow2'),
      library.byName('top.qcow2'),
    ];
    expect(library.images.chainFacts(top.id).map(({ id }) => id)).toEqual([top.id, mid.id, base.id]);
    expect([...base.overlays].sort()).toEqual([mid.id, library.byName('branch.qcow2').id].sort());
    expect(base.usedBy.map(({ kind }) => kind)).toEqual(['overlay', 'overlay']);
    expect([base.role, mid.role]).toEqual(['base', 'layer']);
    writeQcow2File(library.at('fresh.qcow2'));
    const iso = Buffer.alloc(40_960);
    iso.write('\u0001CD001', 32_768, 'latin1');
    writeFileSync(library.at('fresh.iso'), iso);
    await library.images.scan();
    expect(library.byName('fresh.qcow2').role).toBe('base');
    expect(library.byName('fresh.iso').role).toBe('media');
    expect(mid.backing).toEqual({ path: library.at('base.qcow2'), format: 'qcow2', state: 'ok' });
  });

  test('takes a raw base of any name when an overlay names it, unless it does not look like a disk', async () => {
    writeFileSync(library.at('disk'), Buffer.alloc(65_536));
    writeFileSync(library.at('letter'), 'Dear diary');
    writeQcow2File(library.at('a.qcow2'), { backing: 'disk', backingFormat: 'raw' });
    writeQcow2File(library.at('b.qcow2'), { backing: 'letter', backingFormat: 'raw' });
    await library.images.scan();
    expect(library.byName('disk').format).toBe('raw');
    expect(library.byName('a.qcow2').backing?.state).toBe('ok');
    expect(library.byName('b.qcow2').backing?.state).toBe('foreign');
  });

  test('keeps the id of a file that is renamed or moved to another folder', async () => {
    mkdirSync(library.at('sub'));
    writeQcow2File(library.at('one.qcow2'));
    await library.images.scan();
    const { id } = library.byName('one.qcow2');
    renameSync(library.at('one.qcow2'), library.at('sub/two.qcow2'));
    await library.images.scan();
    expect(library.images.get(id)).toMatchObject({ name: 'two.qcow2', path: library.at('sub/two.qcow2') });
    expect(library.images.list()).toHaveLength(1);
  });

  test('keeps both ids when two files exchange their names', async () => {
    writeQcow2File(library.at('a.qcow2'), { size: 1024 ** 2 });
    writeQcow2File(library.at('b.qcow2'), { size: 2 * 1024 ** 2 });
    await library.images.scan();
    const [a, b] = [library.byName('a.qcow2').id, library.byName('b.qcow2').id];
    renameSync(library.at('a.qcow2'), library.at('x'));
    renameSync(library.at('b.qcow2'), library.at('a.qcow2'));
    renameSync(library.at('x'), library.at('b.qcow2'));
    await library.images.scan();
    expect(library.images.get(a).path).toBe(library.at('b.qcow2'));
    expect(library.images.get(b).path).toBe(library.at('a.qcow2'));
  });

  test('keeps what a VM refers to when its file is gone, beside an image that took its place', async () => {
    writeQcow2File(library.at('a.qcow2'));
    writeQcow2File(library.at('b.qcow2'));
    await library.images.scan();
    const [a, b] = [library.byName('a.qcow2').id, library.byName('b.qcow2').id];
    vmOn(a);
    renameSync(library.at('b.qcow2'), library.at('a.qcow2'));
    await library.images.scan();
    expect(library.images.get(b).path).toBe(library.at('a.qcow2'));
    expect(library.images.get(a)).toMatchObject({ present: false });
    await library.images.scan();
    expect(library.images.get(b)).toMatchObject({ present: true, path: library.at('a.qcow2') });
  });

  test('a hard link is the same image', async () => {
    writeQcow2File(library.at('one.qcow2'));
    linkSync(library.at('one.qcow2'), library.at('other.qcow2'));
    symlinkSync(library.at('one.qcow2'), library.at('link.qcow2'));
    await library.images.scan();
    expect(library.images.list()).toHaveLength(1);
  });

  test('forgets a file that is gone, and keeps it with a problem when something refers to it', async () => {
    for (const name of ['gone', 'used', 'base']) writeQcow2File(library.at(`${name}.qcow2`));
    writeQcow2File(library.at('top.qcow2'), { backing: 'base.qcow2', backingFormat: 'qcow2' });
    await library.images.scan();
    vmOn(library.byName('used.qcow2').id);
    for (const name of ['gone', 'used', 'base']) rmSync(library.at(`${name}.qcow2`));
    await library.images.scan();
    expect(library.images.list().map(({ name, present }) => [name, present])).toEqual([
      ['base.qcow2', false],
      ['top.qcow2', true],
      ['used.qcow2', false],
    ]);
    expect(codes('top.qcow2')).toEqual(['backing-missing']);
    expect(codes('used.qcow2')).toEqual(['missing']);
    expect(() => library.images.chainFacts(library.byName('top.qcow2').id)).toThrow(/missing/);
  });

  test('a raw image stays raw, whatever its guest writes into it', async () => {
    writeFileSync(library.at('guest.raw'), Buffer.alloc(1024 ** 2));
    await library.images.scan();
    vmOn(library.byName('guest.raw').id);
    const evil = library.at('evil');
    writeQcow2File(evil, { backing: '/etc/passwd', backingFormat: 'raw' });
    writeFileSync(library.at('guest.raw'), readFileSync(evil), { flag: 'r+' });
    rmSync(evil);
    await library.images.scan();
    const image = library.byName('guest.raw');
    expect(image).toMatchObject({ format: 'raw', virtualSize: 1024 ** 2, backingId: null });
    expect(image.backing).toBeUndefined();
    expect(codes('guest.raw')).toEqual(['format-settled']);
    expect(library.images.chainFacts(image.id)).toHaveLength(1);
    uses.disks = () => [];
    writeFileSync(library.at('guest.raw'), Buffer.from('QFI'), { flag: 'r+' });
    await library.images.scan();
    expect(library.byName('guest.raw').format).toBe('raw');
  });

  test('a file that is still being written is not settled as raw, and a lost header is damage', async () => {
    writeFileSync(library.at('download.img'), Buffer.alloc(1024 ** 2));
    await library.images.scan();
    expect(library.byName('download.img').format).toBe('raw');
    const done = library.at('done');
    writeQcow2File(done);
    writeFileSync(library.at('download.img'), readFileSync(done), { flag: 'r+' });
    rmSync(done);
    await library.images.scan();
    expect(library.byName('download.img')).toMatchObject({ format: 'qcow2', problems: [] });
    truncateSync(library.at('download.img'), 0);
    await library.images.scan();
    expect(library.byName('download.img').format).toBe('qcow2');
    expect(codes('download.img')).toEqual(['unsafe']);
    writeQcow2File(library.at('download.img'));
    await library.images.scan();
    expect(library.byName('download.img').problems).toEqual([]);
  });

  test('lists 1,000 images quickly, and does not read unchanged ones again', async () => {
    writeQcow2File(library.at('0000.qcow2'));
    for (let index = 1; index < 1000; index += 1) {
      const name = `${String(index).padStart(4, '0')}.qcow2`;
      const backing = `${String(index % 40 === 0 ? 0 : index - 1).padStart(4, '0')}.qcow2`;
      writeQcow2File(library.at(name), { backing, backingFormat: 'qcow2' });
    }
    const first = performance.now();
    await library.images.scan();
    const second = performance.now();
    await library.images.scan();
    const third = performance.now();
    expect(library.images.list()).toHaveLength(1000);
    const listed = performance.now();
    console.info(
      `1,000 images: first scan ${Math.round(second - first)} ms, again ${Math.round(third - second)} ms, list ${Math.round(listed - third)} ms`,
    );
    expect(second - first).toBeLessThan(10_000);
    expect(listed - third).toBeLessThan(500);
    expect(codes('0039.qcow2')).toEqual(['chain-deep']);
  });
});

describe('hostile and broken files', () => {
  test.each([
    ['/etc/passwd', 'raw', 'foreign', 'unsafe|backing-outside'],
    ['json:{"driver":"raw","file":{"driver":"file","filename":"/etc/shadow"}}', 'raw', 'foreign', 'unsafe'],
    ['nbd://127.0.0.1:10809/x', 'raw', 'foreign', 'unsafe'],
    ['/dev/zero', 'raw', 'foreign', 'unsafe'],
    ['nowhere.qcow2', 'qcow2', 'missing', 'backing-missing'],
  ])(
    'lists an overlay of %s with a problem, and lets nobody use it',
    async (backing, backingFormat, state, code) => {
      writeQcow2File(library.at('evil.qcow2'), { backing, backingFormat });
      await library.images.scan();
      const evil = library.byName('evil.qcow2');
      expect(evil.backing?.state).toBe(state);
      expect(evil.problems.some((problem) => code.split('|').includes(problem.code))).toBe(true);
      expect(() => library.images.chainFacts(evil.id)).toThrow();
      await expect(library.images.map(evil.id)).rejects.toMatchObject({ status: 422 });
      await expect(library.images.createOverlay({ backingId: evil.id, stem: 'x' })).rejects.toMatchObject({
        status: 422,
      });
    },
  );

  test('tells a cycle, and ends', async () => {
    writeQcow2File(library.at('a.qcow2'), { backing: 'b.qcow2', backingFormat: 'qcow2' });
    writeQcow2File(library.at('b.qcow2'), { backing: 'a.qcow2', backingFormat: 'qcow2' });
    writeQcow2File(library.at('c.qcow2'), { backing: 'a.qcow2', backingFormat: 'qcow2' });
    writeQcow2File(library.at('self.qcow2'), { backing: 'self.qcow2', backingFormat: 'qcow2' });
    await library.images.scan();
    expect(['a', 'b', 'self'].map((name) => library.byName(`${name}.qcow2`).backing?.state)).toEqual([
      'cycle',
      'cycle',
      'cycle',
    ]);
    expect(codes('c.qcow2')).toEqual(['chain-broken']);
    expect(() => library.images.chainFacts(library.byName('c.qcow2').id)).toThrow(/circle/);
    expect(library.images.chain(library.byName('c.qcow2').id).layers).toHaveLength(3);
  });

  test('a FIFO and a truncated image in the folder stop nothing', async () => {
    execFileSync('mkfifo', [library.at('pipe.qcow2')]);
    writeQcow2File(library.at('short.qcow2'));
    truncateSync(library.at('short.qcow2'), 70_000);
    writeQcow2File(library.at('good.qcow2'));
    await library.images.scan();
    expect(library.images.list().map(({ name }) => name)).toEqual(['good.qcow2', 'short.qcow2']);
    expect(codes('short.qcow2')).toEqual(['unsafe']);
    expect(() => library.images.chainFacts(library.byName('short.qcow2').id)).toThrow(/beyond the end/);
  });

  test('refuses a raw base without a recorded format, and a wrong recorded format', async () => {
    writeFileSync(library.at('base.raw'), Buffer.alloc(65_536));
    writeQcow2File(library.at('q.qcow2'));
    writeQcow2File(library.at('guess.qcow2'), { backing: 'base.raw' });
    writeQcow2File(library.at('wrong.qcow2'), { backing: 'q.qcow2', backingFormat: 'raw' });
    await library.images.scan();
    expect(codes('guess.qcow2')).toEqual(['backing-format-missing']);
    expect(() => library.images.chainFacts(library.byName('guess.qcow2').id)).toThrow(/guess/);
    expect(codes('wrong.qcow2')).toEqual(['backing-format-wrong']);
    expect(() => library.images.chainFacts(library.byName('wrong.qcow2').id)).toThrow(/raw/);
  });

  test('is incomplete while a folder cannot be read', async () => {
    const { id } = await library.folders.add(library.outside);
    expect(library.images.forest().complete).toBe(true);
    rmSync(library.outside, { recursive: true });
    await library.images.scan();
    expect(library.images.forest().complete).toBe(false);
    expect(library.folders.list().find((folder) => folder.id === id)?.problems).toMatchObject([
      { code: 'folder-unreadable' },
    ]);
  });

  test('keeps the images of a folder that is empty because its disk is not mounted', async () => {
    const away = join(dirname(library.outside), 'away');
    writeQcow2File(join(library.outside, 'lone.qcow2'));
    const { id } = await library.folders.add(library.outside);
    const { id: lone } = library.byName('lone.qcow2');
    // As another disk would look: its number is not the one that was written down.
    const setDevice = () => library.db.prepare("UPDATE folders SET device = '1' WHERE id = ?").run(id);
    const device = () => library.db.prepare('SELECT device FROM folders WHERE id = ?').pluck().get(id);
    const problems = () =>
      library.folders
        .list()
        .find((folder) => folder.id === id)
        ?.problems.map(({ code }) => code);
    renameSync(library.outside, away);
    mkdirSync(library.outside);
    setDevice();
    for (let scans = 0; scans < 2; scans += 1) {
      await library.images.scan();
      expect(problems()).toEqual(['folder-not-mounted']);
      expect(library.images.forest().complete).toBe(false);
      expect(library.byName('lone.qcow2')).toMatchObject({ id: lone });
    }
    rmSync(library.outside, { recursive: true });
    renameSync(away, library.outside);
    await library.images.scan();
    expect(problems()).toEqual([]);
    expect(device()).not.toBe('1');
    expect(library.byName('lone.qcow2')).toMatchObject({ id: lone, problems: [] });
    // On the same disk, an image that is not there any more is gone.
    rmSync(join(library.outside, 'lone.qcow2'));
    await library.images.scan();
    expect(problems()).toEqual([]);
    expect(library.images.list()).toEqual([]);
  });
});

describe('folders', () => {
  test('above the data folder are scanned around it: what lies in it is never opened', async () => {
    writeFileSync(join(library.dataDir, 'strata.db'), Buffer.from('514649fb00000003', 'hex'));
    writeQcow2File(join(library.dataDir, 'trash', 'deleted.qcow2'));
    writeQcow2File(library.at('mine.qcow2'));
    writeQcow2File(join(library.outside, 'f.qcow2'));
    await library.folders.add(dirname(library.dataDir));
    expect(library.images.list().map(({ name }) => name)).toEqual(['mine.qcow2', 'f.qcow2']);
  });

  test.each(['/', '/proc', '/sys/block', '/dev', '/etc', '/proc/self/root'])('refuses %s', async (path) => {
    await expect(library.folders.add(path)).rejects.toMatchObject({ code: 'forbidden-path' });
  });

  test('refuses its own private parts, twice the same, nested ones, files and what is not there', async () => {
    await expect(library.folders.add(library.dataDir)).rejects.toMatchObject({ code: 'forbidden-path' });
    await expect(library.folders.add(join(library.dataDir, 'trash'))).rejects.toMatchObject({
      code: 'forbidden-path',
    });
    await expect(library.folders.add(library.folder)).rejects.toMatchObject({ code: 'name-taken' });
    mkdirSync(library.at('sub'));
    await expect(library.folders.add(library.at('sub'))).rejects.toMatchObject({ code: 'not-possible' });
    writeQcow2File(join(library.outside, 'f.qcow2'));
    await expect(library.folders.add(join(library.outside, 'f.qcow2'))).rejects.toMatchObject({
      code: 'not-possible',
    });
    await expect(library.folders.add('/nowhere-at-all')).rejects.toMatchObject({ code: 'not-found' });
  });

  test('are scanned when they are registered, and forgotten with their images, which stay', async () => {
    writeQcow2File(join(library.outside, 'f.qcow2'));
    const folder = await library.folders.add(library.outside);
    expect(folder).toMatchObject({ images: 1, default: false });
    vmOn(library.byName('f.qcow2').id);
    await expect(library.folders.remove(folder.id)).rejects.toMatchObject({ code: 'folder-in-use' });
    uses.disks = () => [];
    await library.folders.remove(folder.id);
    expect(library.images.list()).toEqual([]);
    expect(existsSync(join(library.outside, 'f.qcow2'))).toBe(true);
  });
});

describe('importing', () => {
  const register = (path: string) => library.images.register({ path });

  test('registers a file in place, once, by whatever path', async () => {
    const path = join(library.outside, 'f.qcow2');
    writeQcow2File(path);
    const image = await register(path);
    expect((await register(`${library.outside}/../outside/f.qcow2`)).id).toBe(image.id);
    await library.images.scan();
    expect(library.images.list()).toMatchObject([{ id: image.id, path, present: true }]);
  });

  test('refuses system files, links, hard links outside the library and what is no file', async () => {
    const path = join(library.outside, 'f.qcow2');
    writeQcow2File(path);
    symlinkSync(path, join(library.outside, 'link.qcow2'));
    execFileSync('mkfifo', [join(library.outside, 'pipe')]);
    mkdirSync(join(library.outside, 'folder'));
    const before = performance.now();
    for (const forbidden of [
      '/etc/passwd',
      '/proc/self/root/etc/passwd',
      '/dev/zero',
      `${library.outside}/link.qcow2`,
    ])
      await expect(register(forbidden)).rejects.toMatchObject({ code: 'forbidden-path' });
    for (const odd of ['pipe', 'folder'])
      await expect(register(join(library.outside, odd))).rejects.toMatchObject({ code: 'image-refused' });
    linkSync(path, join(library.outside, 'hard.qcow2'));
    await expect(register(path)).rejects.toMatchObject({ code: 'forbidden-path' });
    expect(performance.now() - before).toBeLessThan(2000);
    expect(library.images.list()).toEqual([]);
  });

  test.each([
    ['/etc/passwd', 'raw'],
    ['json:{"driver":"raw"}', 'raw'],
    ['nbd://127.0.0.1:1/x', 'raw'],
    ['/dev/zero', 'raw'],
  ])('refuses an overlay of %s', async (backing, backingFormat) => {
    const path = join(library.outside, 'evil.qcow2');
    writeQcow2File(path, { backing, backingFormat });
    await expect(register(path)).rejects.toMatchObject({ code: 'image-refused', status: 422 });
    expect(library.images.list()).toEqual([]);
  });
});

describe('the trash', () => {
  test('refuses what something stands on, and names it', async () => {
    writeQcow2File(library.at('base.qcow2'));
    writeQcow2File(library.at('top.qcow2'), { backing: 'base.qcow2', backingFormat: 'qcow2' });
    await library.images.scan();
    const base = library.byName('base.qcow2');
    const top = library.byName('top.qcow2');
    await expect(library.images.delete(base.id)).rejects.toMatchObject({
      code: 'image-in-use',
      extras: { usedBy: [{ kind: 'overlay', id: top.id, name: 'top.qcow2' }] },
    });
    vmOn(top.id);
    await expect(library.images.delete(top.id)).rejects.toMatchObject({ code: 'image-in-use' });
    expect(existsSync(base.path) && existsSync(top.path)).toBe(true);
  });

  test('is named where a deleted overlay still stands on a layer, until it is deleted for good', async () => {
    writeQcow2File(library.at('base.qcow2'));
    writeQcow2File(library.at('top.qcow2'), { backing: 'base.qcow2', backingFormat: 'qcow2' });
    await library.images.scan();
    const base = library.byName('base.qcow2').id;
    await library.images.delete(library.byName('top.qcow2').id);
    const [item] = library.trash.list();
    const told = () => library.images.chain(base).trashedByImage;
    expect(told()).toEqual({ [base]: [{ trashId: item?.id, name: 'top.qcow2' }] });
    await library.trash.deleteForGood(item?.id ?? '');
    expect(told()).toEqual({});
  });

  test('keeps a deleted image until it is restored with its id, or deleted for good', async () => {
    writeQcow2File(library.at('a.qcow2'));
    await library.images.scan();
    const before = readFileSync(library.at('a.qcow2'));
    const { id } = library.byName('a.qcow2');
    await library.images.delete(id);
    expect(existsSync(library.at('a.qcow2'))).toBe(false);
    expect(library.images.list()).toEqual([]);
    const [item] = library.trash.list();
    expect(item).toMatchObject({ name: 'a.qcow2', path: library.at('a.qcow2') });
    writeFileSync(library.at('a.qcow2'), 'in the way');
    await expect(library.trash.restore(item?.id ?? '')).rejects.toMatchObject({ code: 'image-exists' });
    rmSync(library.at('a.qcow2'));
    await library.trash.restore(item?.id ?? '');
    expect(library.images.get(id).present).toBe(true);
    expect(readFileSync(library.at('a.qcow2')).equals(before)).toBe(true);
    await library.images.delete(id);
    await library.trash.deleteForGood(library.trash.list()[0]?.id ?? '');
    expect(library.trash.list()).toEqual([]);
    await expect(library.trash.restore('gone')).rejects.toMatchObject({ code: 'not-found' });
  });

  test('waits at the start for a disk that is not mounted, and forgets what somebody else has emptied', async () => {
    writeQcow2File(library.at('a.qcow2'));
    await library.images.scan();
    await library.images.delete(library.byName('a.qcow2').id);
    const [place, elsewhere] = [join(library.dataDir, 'trash'), join(library.dataDir, 'unmounted')];
    renameSync(place, elsewhere);
    await library.trash.recover();
    const [item] = library.trash.list();
    renameSync(elsewhere, place);
    await library.trash.restore(item?.id ?? '');
    expect(existsSync(library.at('a.qcow2'))).toBe(true);
    await library.images.delete(library.byName('a.qcow2').id);
    for (const name of readdirSync(place)) rmSync(join(place, name));
    await library.trash.recover();
    expect(library.trash.list()).toEqual([]);
  });

  test('a merged layer is unlinked once and for all, but not while something stands on it', async () => {
    writeQcow2File(library.at('base.qcow2'));
    writeQcow2File(library.at('top.qcow2'), { backing: 'base.qcow2', backingFormat: 'qcow2' });
    await library.images.scan();
    const [base, top] = [library.byName('base.qcow2').id, library.byName('top.qcow2').id];
    await expect(library.images.unlinkMerged(base)).rejects.toMatchObject({ code: 'image-in-use' });
    await library.images.unlinkMerged(top);
    await library.images.unlinkMerged(top);
    expect(existsSync(library.at('top.qcow2'))).toBe(false);
    expect(library.images.list().map(({ id }) => id)).toEqual([base]);
  });
});

describe('changes in the folders', () => {
  const soon = { timeout: 8000, interval: 50 };

  test('are noticed and told: new, renamed, written and deleted files', async () => {
    writeQcow2File(library.at('a.qcow2'));
    await vi.waitFor(() => library.byName('a.qcow2'), soon);
    const { id } = library.byName('a.qcow2');
    renameSync(library.at('a.qcow2'), library.at('b.qcow2'));
    await vi.waitFor(() => expect(library.images.get(id).name).toBe('b.qcow2'), soon);
    writeQcow2File(library.at('b.qcow2'), { size: 128 * 1024 ** 2 });
    await vi.waitFor(() => expect(library.images.get(id).virtualSize).toBe(128 * 1024 ** 2), soon);
    rmSync(library.at('b.qcow2'));
    await vi.waitFor(() => expect(library.images.list()).toEqual([]), soon);
    expect(library.told.filter((event) => event.startsWith('image/'))).toEqual(
      expect.arrayContaining([`image/created/${id}`, `image/updated/${id}`, `image/deleted/${id}`]),
    );
  });
});
