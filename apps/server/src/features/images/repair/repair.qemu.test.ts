import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageRepairs, Operation, RelinkCandidate, RepairImage } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { forgetBackingFormat, holdOpen, makeLeak, rmFolder } from '../../../testing/damaged-image.ts';
import {
  expectSame,
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
  writeAt,
} from '../../../testing/work-bench.ts';

/*
 *    top
 *    base      in the folder `old`; `other` is as large and holds something else
 */
let folder: WorkFolder;
let bench: WorkBench;
let outside: string;

const at = (name: string): string => folder.at(name);
const id = (path: string): string => bench.library.images.findByPath(path)?.id ?? `no ${path}`;
const flat = (): string => `${outside}/flat.qcow2`;
const problems = (path: string): string[] =>
  bench.library.images.get(id(path)).problems.map(({ code }) => code);
const backingOf = (path: string): Record<string, string> => {
  const info = JSON.parse(qemuImg('info', '--output=json', path)) as Record<string, string>;
  return { name: info['backing-filename'] ?? '', format: info['backing-filename-format'] ?? '' };
};

const overlay = (path: string, backing: string, format = 'qcow2'): string =>
  qemuImg('create', '-q', '-f', 'qcow2', '-b', backing, '-F', format, path);

const seen = async (): Promise<void> => {
  await bench.library.images.scan();
  await bench.library.remembered();
};

const repairs = (path: string, where?: string): Promise<ImageRepairs> => bench.repairs.list(id(path), where);
const candidates = (list: ImageRepairs): readonly RelinkCandidate[] =>
  list.repairs.find(({ kind }) => kind === 'relink')?.candidates ?? [];
const repair = async (path: string, wish: RepairImage): Promise<Operation | null> => {
  const { operation } = await bench.repairs.repair(id(path), wish);
  return operation === null ? null : bench.ended(operation);
};

beforeEach(async () => {
  folder = await workFolder();
  await folder.open();
  outside = realpathSync(mkdtempSync(join(tmpdir(), 'strata-outside-')));
  for (const path of [at('old'), at('new')]) mkdirSync(path);
  qemuImg('create', '-q', '-f', 'qcow2', at('old/base.qcow2'), '8M');
  writeAt(at('old/base.qcow2'), 0, 1);
  writeAt(at('old/base.qcow2'), 4, 2);
  overlay(at('top.qcow2'), 'old/base.qcow2');
  writeAt(at('top.qcow2'), 1, 3);
  qemuImg('create', '-q', '-f', 'qcow2', at('other.qcow2'), '8M');
  writeAt(at('other.qcow2'), 0, 9);
  writeAt(at('other.qcow2'), 4, 2);
  qemuImg('convert', '-f', 'qcow2', '-O', 'qcow2', at('top.qcow2'), flat());
  bench = await folder.open();
  await seen();
});
afterEach(async () => {
  await folder.dispose();
  rmFolder(outside);
});

describe('a base that was moved', () => {
  it('is found in the library as the lost file itself, and relinked without anybody having to vouch for it', async () => {
    renameSync(at('old/base.qcow2'), at('new/renamed.qcow2'));
    await seen();
    expect(problems(at('top.qcow2'))).toContain('backing-missing');
    const [best, next] = candidates(await repairs(at('top.qcow2')));
    expect(best).toMatchObject({ path: at('new/renamed.qcow2'), verdict: 'proven' });
    expect(best?.evidence[0]).toMatchObject({
      weight: 'for',
      text: expect.stringMatching(/the lost file itself under another name/),
    });
    expect(next?.verdict).not.toBe('proven');
    const backing = id(at('new/renamed.qcow2'));
    expect(await repair(at('top.qcow2'), { repair: 'relink', backing })).toMatchObject({
      state: 'done',
      kind: 'rebase',
    });
    expect(backingOf(at('top.qcow2'))).toEqual({ name: 'new/renamed.qcow2', format: 'qcow2' });
    expect(problems(at('top.qcow2'))).toEqual([]);
    expectSame(at('top.qcow2'), flat());
  });

  it('is found in a folder outside the library, by its content, and stays the image that snapshots point to', async () => {
    const lost = id(at('old/base.qcow2'));
    const stat = readFileSync(at('old/base.qcow2'));
    const { mtimeMs } = statSync(at('old/base.qcow2'));
    copyFileSync(at('old/base.qcow2'), `${outside}/copy.qcow2`);
    renameSync(at('old/base.qcow2'), `${outside}/.hidden`);
    utimesSync(`${outside}/copy.qcow2`, mtimeMs / 1000, mtimeMs / 1000 + 1);
    await seen();
    expect(candidates(await repairs(at('top.qcow2'))).map(({ verdict }) => verdict)).not.toContain('proven');
    const [best] = candidates(await repairs(at('top.qcow2'), outside));
    expect(best).toMatchObject({ imageId: null, verdict: 'likely' });
    expect(best?.evidence.map(({ text }) => text).join(' ')).toMatch(/content is the same at all \d+ places/);
    const wish = { repair: 'relink', path: best?.path ?? '' } as const;
    // Written at another time than the lost file: nobody can be certain.
    await expect(repair(at('top.qcow2'), wish)).rejects.toMatchObject({ code: 'plan-blocked' });
    expect(bench.library.images.findByPath(best?.path ?? '')).toBeNull();
    expect(await repair(at('top.qcow2'), { ...wish, assumeSame: true })).toMatchObject({ state: 'done' });
    expect(id(best?.path ?? '')).toBe(lost);
    expect(problems(at('top.qcow2'))).toEqual([]);
    expectSame(at('top.qcow2'), flat());
    expect(readFileSync(best?.path ?? '').equals(stat)).toBe(true);
  });

  it('is not taken for another image of the same name, size and format: its content differs', async () => {
    renameSync(at('old/base.qcow2'), `${outside}/away`);
    copyFileSync(at('other.qcow2'), at('new/base.qcow2'));
    await seen();
    const wrong = candidates(await repairs(at('top.qcow2'))).find(
      ({ path }) => path === at('new/base.qcow2'),
    );
    expect(wrong === undefined || wrong.evidence[0]?.weight === 'against').toBe(true);
    const before = readFileSync(at('top.qcow2'));
    const backing = id(at('new/base.qcow2'));
    await expect(repair(at('top.qcow2'), { repair: 'relink', backing })).rejects.toMatchObject({
      code: 'plan-blocked',
      message: expect.stringMatching(/differs from the lost file at \d+ of \d+ sampled places/),
    });
    expect(readFileSync(at('top.qcow2')).equals(before)).toBe(true);
  });

  it('refuses what is no file, in words', async () => {
    renameSync(at('old/base.qcow2'), `${outside}/gone`);
    await seen();
    for (const path of [outside, '/tmp'])
      await expect(
        repair(at('top.qcow2'), { repair: 'relink', path, assumeSame: true }),
      ).rejects.toMatchObject({ code: 'image-refused' });
  });

  it('refuses while another program has the overlay open, and to build a circle', async () => {
    overlay(at('twig.qcow2'), 'top.qcow2');
    await seen();
    renameSync(at('old/base.qcow2'), at('new/base.qcow2'));
    await seen();
    const backing = id(at('twig.qcow2'));
    await expect(
      repair(at('top.qcow2'), { repair: 'relink', backing, assumeSame: true }),
    ).rejects.toMatchObject({ code: 'not-possible' });
    overlay(at('free.qcow2'), 'other.qcow2');
    renameSync(at('other.qcow2'), at('new/other.qcow2'));
    copyFileSync(at('new/other.qcow2'), at('other.qcow2'));
    await seen();
    const holder = await holdOpen(at('free.qcow2'));
    renameSync(at('other.qcow2'), at('new/third.qcow2'));
    try {
      await seen();
      await expect(
        repair(at('free.qcow2'), { repair: 'relink', backing: id(at('new/other.qcow2')), assumeSame: true }),
      ).rejects.toMatchObject({ code: 'image-locked' });
    } finally {
      await holder.close();
    }
  });
});

/*
 *    top  twig  far/leaf
 *      └───┼───────┘
 *        base        moved: all of them have lost it
 */
describe('a base that was moved, and on which several overlays stand', () => {
  const overlays = ['top', 'twig', 'far/leaf'] as const;
  const pathOf = (name: string): string => at(`${name}.qcow2`);
  const wholeOf = (name: string): string => `${outside}/${name.replace('/', '-')}-flat.qcow2`;

  beforeEach(async () => {
    mkdirSync(at('far'));
    overlay(pathOf('twig'), 'old/base.qcow2');
    writeAt(pathOf('twig'), 2, 5);
    overlay(pathOf('far/leaf'), '../old/base.qcow2');
    writeAt(pathOf('far/leaf'), 3, 6);
    for (const name of overlays)
      qemuImg('convert', '-f', 'qcow2', '-O', 'qcow2', pathOf(name), wholeOf(name));
    await seen();
  });

  const moveBase = async (from: string, to: string): Promise<string> => {
    renameSync(from, to);
    await seen();
    for (const name of overlays) expect(problems(pathOf(name))).toContain('backing-missing');
    return id(to);
  };
  const expectWhole = (): void => {
    for (const name of overlays) {
      expect(problems(pathOf(name))).toEqual([]);
      expectSame(pathOf(name), wholeOf(name));
    }
  };

  it('is relinked under all of them in one operation', async () => {
    const backing = await moveBase(at('old/base.qcow2'), at('new/renamed.qcow2'));
    const relink = (await repairs(pathOf('twig'))).repairs.find(({ kind }) => kind === 'relink');
    expect(relink?.others?.map(({ name, impediment }) => [name, impediment]).toSorted()).toEqual([
      ['leaf.qcow2', null],
      ['top.qcow2', null],
    ]);
    const done = await repair(pathOf('twig'), { repair: 'relink', backing });
    expect(done).toMatchObject({ state: 'done', kind: 'image-repair' });
    expect(done?.result?.images).toHaveLength(3);
    expect(backingOf(pathOf('far/leaf'))).toEqual({ name: '../new/renamed.qcow2', format: 'qcow2' });
    expectWhole();
  });

  it('is relinked under one alone when that is wanted', async () => {
    const backing = await moveBase(at('old/base.qcow2'), at('new/renamed.qcow2'));
    expect(await repair(pathOf('twig'), { repair: 'relink', backing, others: false })).toMatchObject({
      kind: 'rebase',
    });
    expect([problems(pathOf('twig')), problems(pathOf('top'))]).toEqual([[], ['backing-missing']]);
    expectSame(pathOf('twig'), wholeOf('twig'));
  });

  it('leaves out, with the reason, what another program has open', async () => {
    const holder = await holdOpen(pathOf('top'));
    try {
      const backing = await moveBase(at('old/base.qcow2'), at('new/renamed.qcow2'));
      const relink = (await repairs(pathOf('twig'))).repairs.find(({ kind }) => kind === 'relink');
      expect(relink?.others?.find(({ name }) => name === 'top.qcow2')?.impediment).toMatch(
        /has “top.qcow2” open/,
      );
      await repair(pathOf('twig'), { repair: 'relink', backing });
      expect(overlays.map((name) => problems(pathOf(name)))).toEqual([['backing-missing'], [], []]);
    } finally {
      await holder.close();
    }
    await repair(pathOf('top'), { repair: 'relink', backing: id(at('new/renamed.qcow2')) });
    expectWhole();
  });

  it('killed at any step, the next start ends it under all of them', async () => {
    let base = at('old/base.qcow2');
    for (let step = 1; ; step += 1) {
      bench = await folder.open(step);
      // What they stand on now is noted before it is moved once more.
      await seen();
      const moved = at(`new/base-${step}.qcow2`);
      const backing = await moveBase(base, moved);
      base = moved;
      const { operation } = await bench.repairs.repair(id(pathOf('top')), { repair: 'relink', backing });
      if (operation === null) throw new Error('nothing was begun');
      const outcome = await Promise.race([folder.died(), bench.ended(operation)]);
      const survived = typeof outcome !== 'string';
      if (!survived) {
        bench = await folder.open();
        expect(await bench.operations.wait(operation.id, 60)).toMatchObject({ state: 'done' });
      }
      expectWhole();
      if (survived) break;
    }
    expect(folder.calls.length).toBeGreaterThan(8);
  });
});

describe('a backing outside the library', () => {
  it('is registered where it lies', async () => {
    renameSync(at('old/base.qcow2'), `${outside}/base.qcow2`);
    qemuImg('rebase', '-u', '-f', 'qcow2', '-b', `${outside}/base.qcow2`, '-F', 'qcow2', at('top.qcow2'));
    await seen();
    expect(problems(at('top.qcow2'))).toContain('backing-outside');
    expect((await repairs(at('top.qcow2'))).repairs[0]?.kind).toBe('register-backing');
    expect(await repair(at('top.qcow2'), { repair: 'register-backing' })).toBeNull();
    expect(problems(at('top.qcow2'))).toEqual([]);
    expectSame(at('top.qcow2'), flat());
  });
});

describe('a circle', () => {
  /** old/base → top → old/base */
  const makeCircle = async (): Promise<void> => {
    qemuImg('rebase', '-u', '-f', 'qcow2', '-b', '../top.qcow2', '-F', 'qcow2', at('old/base.qcow2'));
    await seen();
  };

  it('says which link to cut and what that means, and is cut there', async () => {
    await makeCircle();
    expect(problems(at('top.qcow2'))).toContain('backing-cycle');
    const cut = (list: ImageRepairs): string =>
      list.repairs.find(({ kind }) => kind === 'cut')?.means ?? 'no cut';
    expect(cut(await repairs(at('top.qcow2')))).toMatch(
      /“base.qcow2” is the oldest.*rather cut the link there/,
    );
    expect(cut(await repairs(at('old/base.qcow2')))).toMatch(/oldest of them.*zeros everywhere else/);
    const { repairs: ways } = await repairs(at('top.qcow2'));
    // In a circle nothing is lost: cutting comes first, and no word speaks of a lost file.
    expect(ways.map(({ kind }) => kind)).toEqual(['cut', 'relink', 'leave-alone']);
    expect(JSON.stringify(ways)).not.toMatch(/\blost\b/);
    expect(await repair(at('old/base.qcow2'), { repair: 'cut', standsAlone: true })).toMatchObject({
      state: 'done',
      result: { before: { string: '../top.qcow2', format: 'qcow2' } },
    });
    expect(backingOf(at('old/base.qcow2'))).toEqual({ name: '', format: '' });
    expect([...problems(at('top.qcow2')), ...problems(at('old/base.qcow2'))]).toEqual([]);
    expectSame(at('top.qcow2'), flat());
  });

  it('killed at any step of a cut, the next start ends it', async () => {
    for (let step = 1; ; step += 1) {
      bench = await folder.open(step);
      await makeCircle();
      const { operation } = await bench.repairs.repair(id(at('old/base.qcow2')), {
        ...{ repair: 'cut', standsAlone: true },
      });
      if (operation === null) throw new Error('nothing was begun');
      const outcome = await Promise.race([folder.died(), bench.ended(operation)]);
      const survived = typeof outcome !== 'string';
      if (!survived) {
        bench = await folder.open();
        expect(await bench.operations.wait(operation.id, 60)).toMatchObject({ state: 'done' });
      }
      expectSame(at('top.qcow2'), flat());
      expect(problems(at('top.qcow2'))).toEqual([]);
      if (survived) break;
    }
    expect(folder.calls.length).toBeGreaterThan(2);
  });
});

describe('an orphan', () => {
  it('is left alone when its owner says so, stays so over a restart, and can be a problem again', async () => {
    overlay(at('twig.qcow2'), 'top.qcow2');
    renameSync(at('old/base.qcow2'), `${outside}/away`);
    await seen();
    expect(problems(at('twig.qcow2'))).toEqual(['chain-broken']);
    const before = readFileSync(at('top.qcow2'));
    expect(await repair(at('top.qcow2'), { repair: 'leave-alone', on: true })).toBeNull();
    bench = await folder.open();
    expect(bench.library.images.get(id(at('top.qcow2')))).toMatchObject({ leftAlone: true, problems: [] });
    expect(problems(at('twig.qcow2'))).toEqual([]);
    // It is no problem any more, and still nothing opens it.
    await expect(bench.library.images.checkedChain(id(at('top.qcow2')))).rejects.toMatchObject({
      code: 'image-unreadable',
    });
    expect(readFileSync(at('top.qcow2')).equals(before)).toBe(true);
    await repair(at('top.qcow2'), { repair: 'leave-alone', on: false });
    expect(problems(at('top.qcow2'))).toEqual(['backing-missing']);
    await expect(repair(at('other.qcow2'), { repair: 'leave-alone', on: true })).rejects.toMatchObject({
      code: 'not-possible',
    });
  });

  it('is checked although what it stands on is gone', async () => {
    makeLeak(at('top.qcow2'));
    renameSync(at('old/base.qcow2'), `${outside}/away`);
    await seen();
    const { result } = await bench.ended(await bench.work.check(id(at('top.qcow2')), {}));
    expect(result).toMatchObject({ errors: 0, leaks: 1 });
    expect(problems(at('top.qcow2'))).toEqual(['backing-missing', 'check-leaks']);
    const [best] = (await repairs(at('top.qcow2'))).repairs;
    expect(best).toMatchObject({ kind: 'check', repair: 'leaks', impediment: null });
    await bench.ended(await bench.work.check(id(at('top.qcow2')), { repair: 'leaks' }));
    expect(problems(at('top.qcow2'))).toEqual(['backing-missing']);
    renameSync(`${outside}/away`, at('old/base.qcow2'));
    expectSame(at('top.qcow2'), flat());
  });
});

describe('a header that does not tell the format of its backing', () => {
  const forget = async (path: string): Promise<void> => {
    forgetBackingFormat(path);
    await seen();
  };

  it('gets it written when nothing else would fit', async () => {
    await forget(at('top.qcow2'));
    expect(problems(at('top.qcow2'))).toEqual(['backing-format-missing']);
    const [best] = (await repairs(at('top.qcow2'))).repairs;
    expect(best).toMatchObject({ kind: 'record-format', format: 'qcow2', certain: true });
    expect(await repair(at('top.qcow2'), { repair: 'record-format' })).toMatchObject({ state: 'done' });
    expect(backingOf(at('top.qcow2'))).toEqual({ name: 'old/base.qcow2', format: 'qcow2' });
    expect(problems(at('top.qcow2'))).toEqual([]);
    expectSame(at('top.qcow2'), flat());
  });

  it('is not guessed: where another format would fit as well, a person has to say it', async () => {
    // Larger than its backing: as what the backing was taken, nobody can tell.
    qemuImg('resize', '-q', '-f', 'qcow2', at('top.qcow2'), '16M');
    await forget(at('top.qcow2'));
    const before = readFileSync(at('top.qcow2'));
    await expect(repair(at('top.qcow2'), { repair: 'record-format' })).rejects.toMatchObject({
      code: 'plan-blocked',
    });
    await expect(repair(at('top.qcow2'), { repair: 'record-format', format: 'raw' })).rejects.toMatchObject({
      code: 'not-possible',
    });
    expect(readFileSync(at('top.qcow2')).equals(before)).toBe(true);
    expect(await repair(at('top.qcow2'), { repair: 'record-format', format: 'qcow2' })).toMatchObject({
      state: 'done',
    });
  });
});
