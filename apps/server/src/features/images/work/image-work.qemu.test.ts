import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../app-error.ts';
import { clearRefcounts, holdOpen, makeLeak, rmFolder } from '../../../testing/damaged-image.ts';
import { canMount, mountSmallDisk, type SmallDisk } from '../../../testing/full-disk.ts';
import {
  expectSame,
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
  writeAt,
} from '../../../testing/work-bench.ts';

/*
 *    top  twig
 *     └──┬──┘
 *       mid      in the folder `deep`
 *      base
 */

let folder: WorkFolder;
let bench: WorkBench;
const id = (path: string): string => bench.library.images.findByPath(path)?.id ?? `no ${path}`;
const at = (name: string): string => folder.at(name);
const backingOf = (path: string): string | undefined =>
  (JSON.parse(qemuImg('info', '--output=json', path)) as { 'backing-filename'?: string })['backing-filename'];

const build = (): void => {
  mkdirSync(at('deep'));
  mkdirSync(at('other'));
  qemuImg('create', '-q', '-f', 'qcow2', at('base.qcow2'), '8M');
  writeAt(at('base.qcow2'), 0, 1);
  qemuImg('create', '-q', '-f', 'qcow2', '-b', '../base.qcow2', '-F', 'qcow2', at('deep/mid.qcow2'));
  writeAt(at('deep/mid.qcow2'), 1, 2);
  for (const [name, pattern] of [
    ['top', 3],
    ['twig', 4],
  ] as const) {
    qemuImg('create', '-q', '-f', 'qcow2', '-b', 'deep/mid.qcow2', '-F', 'qcow2', at(`${name}.qcow2`));
    writeAt(at(`${name}.qcow2`), 2, pattern);
  }
  mkdirSync(`${folder.folder}/../flat`);
  for (const name of ['base', 'deep/mid', 'top', 'twig'])
    qemuImg('convert', '-f', 'qcow2', '-O', 'qcow2', at(`${name}.qcow2`), flat(name));
};
const flat = (name: string): string => `${folder.folder}/../flat/${name.replace('/', '-')}.qcow2`;
const expectWhole = (): void => {
  for (const name of ['top', 'twig']) {
    expectSame(at(`${name}.qcow2`), flat(name));
    qemuImg('check', '-q', '-f', 'qcow2', at(`${name}.qcow2`));
  }
};
const hidden = (path = folder.folder): string[] =>
  readdirSync(path).filter((name) => name.startsWith('.strata-'));

const journalOf = (operationId: string): { file: { part: string } } =>
  JSON.parse(
    String(bench.db.prepare('SELECT journal FROM operations WHERE id = ?').pluck().get(operationId)),
  ) as { file: { part: string } };

beforeEach(async () => {
  folder = await workFolder();
  await folder.open();
  build();
  bench = await folder.open();
});
afterEach(() => folder.dispose());

describe('copying an image', () => {
  it('copies what it shows through its whole chain into an image that stands on nothing', async () => {
    const operation = await bench.ended(
      await bench.work.copy(id(at('top.qcow2')), { name: 'Whole copy', what: 'content' }),
    );
    expect(operation).toMatchObject({ state: 'done', kind: 'image-copy', progress: { unit: 'bytes' } });
    const copy = bench.library.images.get(String(operation.result?.imageId));
    expect(copy).toMatchObject({
      name: 'Whole copy',
      path: at('Whole-copy.qcow2'),
      backingId: null,
      problems: [],
    });
    expectSame(copy.path, flat('top'));
    expectWhole();
    expect(hidden()).toEqual([]);
  });

  it('copies one file with its link, which leads to the same backing from another folder', async () => {
    const operation = await bench.ended(
      await bench.work.copy(id(at('top.qcow2')), { name: 'second', what: 'file', folder: at('other') }),
    );
    expect(operation).toMatchObject({ state: 'done' });
    expect(backingOf(at('other/second.qcow2'))).toBe('../deep/mid.qcow2');
    expectSame(at('other/second.qcow2'), flat('top'));
    writeAt(at('other/second.qcow2'), 5, 9);
    expectWhole();
  });

  it('copies an image without backing byte for byte, internal snapshots included', async () => {
    qemuImg('snapshot', '-c', 'inside', at('base.qcow2'));
    await bench.library.images.scan();
    const { result } = await bench.ended(
      await bench.work.copy(id(at('base.qcow2')), { name: 'base', what: 'content' }),
    );
    const copy = bench.library.images.get(String(result?.imageId));
    expect(copy.path).toBe(at('base-2.qcow2'));
    expect(copy.internalSnapshots).toMatchObject([{ tag: 'inside' }]);
    expect(readFileSync(copy.path).equals(readFileSync(at('base.qcow2')))).toBe(true);
  });

  it('keeps a raw image raw, and its holes', async () => {
    qemuImg('create', '-q', '-f', 'raw', at('disk.raw'), '64M');
    writeAt(at('disk.raw'), 3, 7, 'raw');
    await bench.library.images.scan();
    const { result } = await bench.ended(
      await bench.work.copy(id(at('disk.raw')), { name: 'again', what: 'content' }),
    );
    const copy = bench.library.images.get(String(result?.imageId));
    expect(copy).toMatchObject({ format: 'raw', virtualSize: 64 * 1024 ** 2 });
    expect(copy.allocatedSize).toBeLessThan(4 * 1024 ** 2);
    expectSame(copy.path, at('disk.raw'), ['raw', 'raw']);
  });

  it('can be cancelled, and leaves nothing', async () => {
    const before = readdirSync(folder.folder);
    const started = await bench.work.copy(id(at('top.qcow2')), { name: 'never', what: 'content' });
    await bench.operations.cancel(started.id);
    expect((await bench.ended(started)).state).toBe('cancelled');
    expect(readdirSync(folder.folder)).toEqual(before);
  });

  it('refuses a folder outside the library, and a chain that is broken', async () => {
    const copy = (path: string, where?: string) =>
      bench.work.copy(id(path), {
        name: 'x',
        what: 'content',
        ...(where === undefined ? {} : { folder: where }),
      });
    await expect(copy(at('top.qcow2'), '/tmp')).rejects.toMatchObject({ code: 'forbidden-path' });
    qemuImg('rebase', '-u', '-f', 'qcow2', '-b', 'gone.qcow2', '-F', 'qcow2', at('twig.qcow2'));
    await bench.library.images.scan();
    await expect(copy(at('twig.qcow2'))).rejects.toMatchObject({ code: 'image-unreadable' });
  });

  it('killed at any step, it is there completely after the next start, once', async () => {
    for (let step = 1; ; step += 1) {
      bench = await folder.open(step);
      const wish = { name: `copy ${step}`, what: 'content' } as const;
      // The first call looks whether there is room, before anything is written down.
      const started = bench.work.copy(id(at('top.qcow2')), wish);
      const ended = started.then((operation) => bench.ended(operation));
      const outcome = await Promise.race([folder.died(), ended]);
      const survived = typeof outcome !== 'string';
      if (!survived) {
        bench = await folder.open();
        for (const { id: running } of bench.operations.list({}).items)
          await bench.operations.wait(running, 60);
      }
      const copies = bench.library.images.list().filter(({ name }) => name === wish.name);
      expect(copies).toHaveLength(step === 1 ? 0 : 1);
      if (copies[0] !== undefined) expectSame(copies[0].path, flat('top'));
      expect(hidden()).toEqual([]);
      if (survived) break;
    }
    expectWhole();
  });
});

describe('a copy that was killed half-way', () => {
  it('is made anew: nothing of the torn file is believed', async () => {
    bench = await folder.open(3);
    const started = await bench.work.copy(id(at('top.qcow2')), { name: 'torn', what: 'content' });
    expect(await folder.died()).toBe('make');
    const { part } = journalOf(started.id).file;
    copyFileSync(at('base.qcow2'), part);
    truncateSync(part, 200_000);
    bench = await folder.open();
    expect(await bench.operations.wait(started.id, 60)).toMatchObject({ state: 'done' });
    expectSame(at('torn.qcow2'), flat('top'));
    expect(hidden()).toEqual([]);
  });
});

describe('renaming and moving an image', () => {
  const expectMoved = (to: string): void => {
    expect(existsSync(at('deep/mid.qcow2'))).toBe(false);
    const record = bench.library.images.findByPath(to);
    expect(record).toMatchObject({ present: true });
    const image = bench.library.images.get(record?.id ?? '');
    expect(image.problems).toEqual([]);
    expect(image.overlays.toSorted()).toEqual([id(at('top.qcow2')), id(at('twig.qcow2'))].toSorted());
    expect(bench.library.images.list()).toHaveLength(4);
    expectWhole();
  };

  it('gives the file a new name and rewrites the link of every overlay', async () => {
    const mid = id(at('deep/mid.qcow2'));
    const operation = await bench.ended(await bench.work.rename(mid, { name: 'Middle layer' }));
    expect(operation).toMatchObject({ state: 'done', result: { imageId: mid } });
    expectMoved(at('deep/Middle-layer.qcow2'));
    expect(bench.library.images.get(mid)).toMatchObject({
      name: 'Middle layer',
      path: at('deep/Middle-layer.qcow2'),
    });
    expect(backingOf(at('top.qcow2'))).toBe('deep/Middle-layer.qcow2');
  });

  it('moves the file to another folder, and rewrites its own link too', async () => {
    const mid = id(at('deep/mid.qcow2'));
    expect(await bench.ended(await bench.work.rename(mid, { folder: at('other') }))).toMatchObject({
      state: 'done',
    });
    expectMoved(at('other/mid.qcow2'));
    expect(backingOf(at('other/mid.qcow2'))).toBe('../base.qcow2');
    expect(backingOf(at('twig.qcow2'))).toBe('other/mid.qcow2');
  });

  it('changes only the shown name when the file has the right one already', async () => {
    const top = id(at('top.qcow2'));
    await bench.ended(await bench.work.rename(top, { name: 'top' }));
    expect(bench.library.images.get(top)).toMatchObject({ name: 'top', path: at('top.qcow2') });
    expectWhole();
  });

  it('never takes a name that another file has', async () => {
    const before = readFileSync(at('twig.qcow2'));
    await expect(bench.work.rename(id(at('top.qcow2')), { name: 'twig' })).rejects.toMatchObject({
      code: 'image-exists',
    });
    expect(readFileSync(at('twig.qcow2')).equals(before)).toBe(true);
  });

  it('refuses while another program holds one of the files, and leaves all as it was', async () => {
    const holder = await holdOpen(at('top.qcow2'));
    try {
      await expect(bench.work.rename(id(at('deep/mid.qcow2')), { name: 'x' })).rejects.toMatchObject({
        code: 'image-locked',
      });
    } finally {
      await holder.close();
    }
    expectWhole();
  });

  it('goes back when a link cannot be rewritten', async () => {
    for (const wish of [{ folder: at('other') }, { name: 'x' }]) {
      let relinks = 0;
      // Somebody opens the second overlay after all has been looked at.
      bench = await folder.open(undefined, (call) => {
        if (call === 'relink') relinks += 1;
        if (call === 'relink' && relinks === 2) throw new AppError('image-locked', 'it is open');
      });
      const operation = await bench.ended(await bench.work.rename(id(at('deep/mid.qcow2')), wish));
      expect(operation).toMatchObject({ state: 'failed', error: { code: 'image-locked' } });
      expect(readdirSync(at('deep'))).toEqual(['mid.qcow2']);
      expect(readdirSync(at('other'))).toEqual([]);
      for (const name of ['top', 'twig']) expect(backingOf(at(`${name}.qcow2`))).toBe('deep/mid.qcow2');
      expect(backingOf(at('deep/mid.qcow2'))).toBe('../base.qcow2');
      expectWhole();
    }
  });

  it('killed at any step, no chain is ever broken, and the next start ends it', async () => {
    let place = 'deep';
    for (let step = 1; ; step += 1) {
      bench = await folder.open(step);
      const [from, to] = [at(`${place}/mid.qcow2`), place === 'deep' ? 'other' : 'deep'];
      const started = await bench.work.rename(id(from), { folder: at(to) });
      const outcome = await Promise.race([folder.died(), bench.ended(started)]);
      const survived = typeof outcome !== 'string';
      // The moment after the kill, before anything was recovered.
      expectWhole();
      if (!survived) {
        bench = await folder.open();
        expect(await bench.operations.wait(started.id, 60)).toMatchObject({ state: 'done' });
      }
      expectWhole();
      expect(existsSync(from)).toBe(false);
      expect(backingOf(at(`${to}/mid.qcow2`))).toBe('../base.qcow2');
      expect(bench.library.images.list()).toHaveLength(4);
      place = to;
      if (survived) break;
    }
    expect(folder.calls.length).toBeGreaterThan(7);
  });
});

describe('moving an image', () => {
  it('is refused into the trash, where no scan looks, and into what is no folder', async () => {
    mkdirSync(at('.strata-trash'));
    writeFileSync(at('file'), '', { mode: 0o700 });
    const top = id(at('top.qcow2'));
    for (const [place, code] of [
      ['.strata-trash', 'forbidden-path'],
      ['file', 'not-possible'],
    ] as const) {
      const wish = { operation: 'move', imageId: top, folder: at(place) } as const;
      await expect(bench.work.rename(top, { folder: at(place) })).rejects.toMatchObject({ code });
      await expect(bench.chains.plan(wish)).rejects.toMatchObject({ code });
    }
    await expect(bench.library.folders.add(at('.strata-trash'))).rejects.toMatchObject({
      code: 'forbidden-path',
    });
    expectWhole();
  });
});

/** `/dev/shm` is another file system nearly everywhere. */
describe('moving an image to another disk', () => {
  const shm = `/dev/shm/strata-move-${process.pid}`;
  beforeEach(async () => {
    mkdirSync(shm, { recursive: true });
    await bench.library.folders.add(shm);
  });
  afterEach(() => rmFolder(shm));

  it('copies, proves and switches, then removes the original', async () => {
    const mid = id(at('deep/mid.qcow2'));
    expect(await bench.ended(await bench.work.rename(mid, { folder: shm }))).toMatchObject({ state: 'done' });
    expect(existsSync(at('deep/mid.qcow2'))).toBe(false);
    expect(bench.library.images.get(mid)).toMatchObject({ path: `${shm}/mid.qcow2`, problems: [] });
    expect(bench.library.images.list()).toHaveLength(4);
    expectWhole();
    expect(hidden(shm)).toEqual([]);
  });

  it('killed at any step, no chain is ever broken, and the image stays one', async () => {
    let away = false;
    for (let step = 1; ; step += 1) {
      bench = await folder.open(step);
      const [from, to] = away ? [shm, at('deep')] : [at('deep'), shm];
      const mid = id(`${from}/mid.qcow2`);
      const started = await bench.work.rename(mid, { folder: to });
      const outcome = await Promise.race([folder.died(), bench.ended(started)]);
      const survived = typeof outcome !== 'string';
      expectWhole();
      if (!survived) {
        bench = await folder.open();
        expect(await bench.operations.wait(started.id, 60)).toMatchObject({ state: 'done' });
      }
      expectWhole();
      expect(existsSync(`${from}/mid.qcow2`)).toBe(false);
      expect(id(`${to}/mid.qcow2`)).toBe(mid);
      expect(bench.library.images.list()).toHaveLength(4);
      expect([...hidden(shm), ...hidden(at('deep'))]).toEqual([]);
      away = !away;
      if (survived) break;
    }
  });
});

describe('moving an image to another disk, when the original is written while the server is away', () => {
  const shm = `/dev/shm/strata-away-${process.pid}`;
  const holds = (path: string): string =>
    execFileSync('qemu-io', ['-r', '-f', 'qcow2', '-c', 'read -P 9 3M 1M', path], { encoding: 'utf8' });
  beforeEach(async () => {
    mkdirSync(shm, { recursive: true });
    await bench.library.folders.add(shm);
  });
  afterEach(() => rmFolder(shm));

  it.each([
    ['strangerAt', 'failed', false],
    ['giveName', 'failed', false],
    ['linkSelf', 'failed', false],
    ['removeOld', 'done', true],
  ] as const)('loses nothing of it: killed before %s', async (call, state, isKept) => {
    let step = 0;
    let started = { id: '' };
    const top = id(at('top.qcow2'));
    do {
      if (step > 0) {
        bench = await folder.open();
        await bench.operations.wait(started.id, 60);
        await bench.ended(await bench.work.rename(top, { folder: folder.folder }));
      }
      step += 1;
      bench = await folder.open(step);
      started = await bench.work.rename(top, { folder: shm });
    } while ((await folder.died()) !== call);
    writeAt(at('top.qcow2'), 3, 9);
    bench = await folder.open();
    expect(await bench.operations.wait(started.id, 60)).toMatchObject({ state });
    expect(holds(at('top.qcow2'))).not.toContain('failed');
    expect(existsSync(`${shm}/top.qcow2`)).toBe(isKept);
    expect(bench.library.images.get(top).path).toBe(isKept ? `${shm}/top.qcow2` : at('top.qcow2'));
    expect(hidden(shm)).toEqual([]);
  });

  it('loses nothing of what a program writes that still has it open', async () => {
    let step = 0;
    let started = { id: '' };
    const top = id(at('top.qcow2'));
    do {
      if (step > 0) {
        bench = await folder.open();
        await bench.operations.wait(started.id, 60);
        await bench.ended(await bench.work.rename(top, { folder: folder.folder }));
      }
      step += 1;
      bench = await folder.open(step);
      started = await bench.work.rename(top, { folder: shm });
    } while ((await folder.died()) !== 'giveName');
    const program = await holdOpen(at('top.qcow2'));
    try {
      bench = await folder.open();
      expect(await bench.operations.wait(started.id, 60)).toMatchObject({
        state: 'failed',
        error: { code: 'image-locked' },
      });
    } finally {
      await program.close();
    }
    expect(existsSync(at('top.qcow2'))).toBe(true);
    expectWhole();
  });
});

describe('checking an image', () => {
  const leak = (path: string): void => {
    // A cluster at the end that the refcounts call used and no table leads to.
    copyFileSync(path, `${path}.sound`);
    makeLeak(path);
  };

  it('says in words that an image is sound', async () => {
    const { result } = await bench.ended(await bench.work.check(id(at('top.qcow2')), {}));
    expect(result).toMatchObject({
      errors: 0,
      leaks: 0,
      words: 'The image is sound: no errors, no lost space.',
    });
  });

  it('finds leaked clusters, gives them back when asked, and changes no contents', async () => {
    leak(at('base.qcow2'));
    const found = await bench.ended(await bench.work.check(id(at('base.qcow2')), {}));
    expect(found.result).toMatchObject({ errors: 0, leaks: 1, leaksFixed: 0, leakedBytes: 65536 });
    // Overlays stand on it: that is no reason against giving back what nobody reads.
    const mended = await bench.ended(await bench.work.check(id(at('base.qcow2')), { repair: 'leaks' }));
    expect(mended.result).toMatchObject({ leaks: 1, leaksFixed: 1, leakedBytes: 0 });
    expect(String(mended.result?.words)).toMatch(/1 was given back/);
    qemuImg('check', '-q', '-f', 'qcow2', at('base.qcow2'));
    expectSame(at('base.qcow2'), flat('base'));
    expectWhole();
  });

  it('repairs errors where nothing stands on them', async () => {
    clearRefcounts(at('top.qcow2'));
    const found = await bench.ended(await bench.work.check(id(at('top.qcow2')), {}));
    expect(Number(found.result?.errors)).toBeGreaterThan(0);
    const mended = await bench.ended(await bench.work.check(id(at('top.qcow2')), { repair: 'all' }));
    expect(mended).toMatchObject({ state: 'done', result: { errorsFixed: found.result?.errors } });
    expectWhole();
  });

  it('killed while it repairs, goes on at the next start and tells what was wrong', async () => {
    leak(at('base.qcow2'));
    for (const pause of [0, 30, 60, 90]) {
      const started = await bench.work.check(id(at('base.qcow2')), { repair: 'leaks' });
      await delay(pause);
      bench = await folder.open();
      expect(await bench.operations.wait(started.id, 60)).toMatchObject({ state: 'done' });
      qemuImg('check', '-q', '-f', 'qcow2', at('base.qcow2'));
      expectWhole();
      copyFileSync(`${at('base.qcow2')}.sound`, at('base.qcow2'));
      makeLeak(at('base.qcow2'));
    }
  });

  it('refuses to repair errors of an image that overlays stand on, and to check raw images', async () => {
    await expect(bench.work.check(id(at('base.qcow2')), { repair: 'all' })).rejects.toMatchObject({
      code: 'image-in-use',
      message: expect.stringMatching(/overlay “mid.qcow2” would show it too/),
    });
    qemuImg('create', '-q', '-f', 'raw', at('disk.raw'), '1M');
    await bench.library.images.scan();
    await expect(bench.work.check(id(at('disk.raw')), {})).rejects.toMatchObject({ code: 'not-possible' });
  });

  it('refuses while another program has the image open', async () => {
    const holder = await holdOpen(at('top.qcow2'));
    try {
      await expect(bench.work.check(id(at('top.qcow2')), {})).rejects.toMatchObject({ code: 'image-locked' });
      await expect(bench.work.check(id(at('base.qcow2')), { repair: 'leaks' })).rejects.toMatchObject({
        code: 'image-locked',
      });
    } finally {
      await holder.close();
    }
  });

  it('repairs an image that is marked as corrupt, and is then used again', async () => {
    const path = at('top.qcow2');
    const bytes = readFileSync(path);
    bytes.writeUInt8(2, 79);
    writeFileSync(path, bytes);
    await bench.library.images.scan();
    const [problem] = bench.library.images.get(id(path)).problems;
    expect(problem?.code).toBe('corrupt');
    expect((await bench.repairs.list(id(path))).repairs[0]).toMatchObject({ kind: 'check', repair: 'all' });
    await bench.ended(await bench.work.check(id(path), { repair: 'all' }));
    expect(bench.library.images.get(id(path)).problems).toEqual([]);
    expectWhole();
  });

  it('is refused where the header leads to other files, which QEMU would open', async () => {
    const path = at('split.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', '-o', `data_file=${at('split.data')}`, path, '1M');
    await bench.library.images.scan();
    await expect(bench.work.check(id(path), {})).rejects.toMatchObject({ code: 'image-refused' });
  });
});

describe.runIf(canMount)('a disk that becomes full while a file is copied to it', () => {
  let disk: SmallDisk;
  beforeEach(() => {
    // All of it is less than what is kept free: it is used only when that is allowed.
    disk = mountSmallDisk(at('small'), 96);
  });
  afterEach(() => disk.unmount());

  const fullAt = (name: string): Promise<WorkBench> =>
    folder.open(undefined, (call) => {
      if (call === name) disk.fill();
    });

  it('is refused before anything is written, as all of it is reserve, unless that may be used', async () => {
    bench = await folder.open();
    const wish = { name: 'apart', folder: at('small'), what: 'content' } as const;
    await expect(bench.work.copy(id(at('top.qcow2')), wish)).rejects.toMatchObject({
      code: 'disk-full',
      extras: { fitsInReserve: true },
    });
    await expect(bench.work.rename(id(at('base.qcow2')), { folder: at('small') })).rejects.toMatchObject({
      code: 'disk-full',
    });
    expect(readdirSync(at('small'))).toEqual([]);
  });

  it.each([
    ['content', 'top'],
    ['file', 'base'],
  ] as const)(
    'ends the copy of the %s in words and leaves nothing; with room it is made',
    async (what, name) => {
      const wish = { name: 'apart', folder: at('small'), what, useReserve: true };
      bench = await fullAt('make');
      const failed = await bench.ended(await bench.work.copy(id(at(`${name}.qcow2`)), wish));
      expect(failed).toMatchObject({ state: 'failed', error: { code: 'disk-full' } });
      expect(readdirSync(at('small'))).toEqual(['ballast']);
      disk.free();
      bench = await folder.open();
      const made = await bench.ended(await bench.work.copy(id(at(`${name}.qcow2`)), wish));
      expect(made).toMatchObject({ state: 'done' });
      expectSame(bench.library.images.facts(String(made.result?.imageId)).path, flat(name));
      expectWhole();
    },
  );

  it('ends a move to it in words, and the image stays where it was', async () => {
    bench = await fullAt('copy');
    const failed = await bench.ended(
      await bench.work.rename(id(at('base.qcow2')), { folder: at('small'), useReserve: true }),
    );
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'disk-full' } });
    expect(readdirSync(at('small'))).toEqual(['ballast']);
    expectWhole();
    disk.free();
    bench = await folder.open();
    const moved = await bench.ended(
      await bench.work.rename(id(at('base.qcow2')), { folder: at('small'), useReserve: true }),
    );
    expect(moved).toMatchObject({ state: 'done' });
    expect(existsSync(at('base.qcow2'))).toBe(false);
    expectWhole();
  });
});

it.runIf(canMount)(
  'a move to a disk that is not mounted any more after a kill fills no empty folder',
  async () => {
    const disk = mountSmallDisk(at('small'), 96);
    bench = await folder.open(1);
    const top = id(at('top.qcow2'));
    const started = await bench.work.rename(top, { folder: at('small'), useReserve: true });
    expect(await folder.died()).toBe('copy');
    disk.unmount();
    bench = await folder.open();
    expect(await bench.operations.wait(started.id, 60)).toMatchObject({
      state: 'failed',
      error: { code: 'not-possible' },
    });
    expect(readdirSync(at('small'))).toEqual([]);
    expect(bench.library.images.get(top).path).toBe(at('top.qcow2'));
    expectWhole();
  },
);
