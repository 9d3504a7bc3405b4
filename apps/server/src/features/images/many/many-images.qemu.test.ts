import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { ImagesCheck, ImagesMeasure, ImagesMove, Operation } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdOpen, makeLeak } from '../../../testing/damaged-image.ts';
import {
  expectSame,
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
  writeAt,
} from '../../../testing/work-bench.ts';

let place: WorkFolder;
let bench: WorkBench;

beforeEach(async () => {
  place = await workFolder();
  bench = await place.open();
});
afterEach(() => place.dispose());

const at = (name: string): string => place.at(name);
const idOf = (name: string): string => bench.library.images.findByPath(at(name))?.id ?? `no ${name}`;
const create = (name: string, ...rest: string[]): void =>
  void qemuImg('create', '-q', '-f', name.split('.')[1] ?? 'qcow2', at(name), ...rest);
const resultOf = <Result>({ result }: Operation): Result => result as Result;
const names = (list: readonly { readonly name: string }[]): string[] => list.map(({ name }) => name).sort();

const make = async (...wanted: readonly string[]): Promise<void> => {
  for (const [index, name] of wanted.entries()) {
    create(name, '8M');
    writeAt(at(name), 1, index + 1, name.split('.')[1]);
  }
  await bench.library.images.scan();
};
const checkAll = async (repair: 'leaks' | false = false): Promise<ImagesCheck> => {
  const operation = await bench.ended(await bench.many.check({ all: true, repair }));
  expect(operation).toMatchObject({ state: 'done' });
  return resultOf<ImagesCheck>(operation);
};
const lastCheck = (name: string) => bench.library.images.get(idOf(name)).lastCheck;

describe('checking many images', () => {
  it('finds what is wrong in each, and remembers it with the file until that is written', async () => {
    await make('a.qcow2', 'b.qcow2', 'c.qcow2', 'plain.raw');
    makeLeak(at('b.qcow2'));
    const { sound, found, leftOut, words } = await checkAll();
    expect({ sound, leftOut }).toEqual({ sound: 2, leftOut: [] });
    expect(found).toMatchObject([{ name: 'b.qcow2', errors: 0, leaks: 1, leakedBytes: 65_536 }]);
    expect(words).toContain('b.qcow2');
    expect(lastCheck('a.qcow2')).toMatchObject({ state: 'clean' });
    expect(lastCheck('b.qcow2')).toMatchObject({ state: 'leaks', leaks: 1 });
    expect(lastCheck('plain.raw')).toBeUndefined();
    // Another start remembers it as well.
    bench = await place.open();
    expect(lastCheck('a.qcow2')).toMatchObject({ state: 'clean' });
    writeAt(at('a.qcow2'), 3, 9);
    await bench.library.images.scan();
    expect(lastCheck('a.qcow2')).toBeUndefined();
    expect(lastCheck('c.qcow2')).toMatchObject({ state: 'clean' });
  });

  it('gives lost clusters back when it is told to, and the contents stay', async () => {
    await make('a.qcow2', 'b.qcow2');
    qemuImg('convert', '-O', 'qcow2', at('b.qcow2'), `${place.folder}/../copy`);
    makeLeak(at('b.qcow2'));
    const { found } = await checkAll('leaks');
    expect(found).toMatchObject([{ name: 'b.qcow2', leaks: 1, leaksFixed: 1, leakedBytes: 0 }]);
    expect(lastCheck('b.qcow2')).toMatchObject({ state: 'clean' });
    qemuImg('check', at('b.qcow2'));
    expectSame(at('b.qcow2'), `${place.folder}/../copy`);
  });

  it('leaves out by name what is in use or has no tables, and goes on with the others', async () => {
    await make('a.qcow2', 'open.qcow2', 'plain.raw');
    const holder = await holdOpen(at('open.qcow2'));
    try {
      const images = ['a.qcow2', 'open.qcow2', 'plain.raw'].map(idOf);
      const operation = await bench.ended(await bench.many.check({ images, repair: false }));
      const { sound, leftOut, words } = resultOf<ImagesCheck>(operation);
      expect(sound).toBe(1);
      expect(names(leftOut)).toEqual(['open.qcow2', 'plain.raw']);
      expect(words).toContain('2 images were not checked');
      expect(lastCheck('open.qcow2')).toBeUndefined();
    } finally {
      await holder.close();
    }
    await expect(bench.many.check({ images: [idOf('plain.raw')], repair: false })).rejects.toMatchObject({
      code: 'not-possible',
    });
  });

  it('goes on after the server has ended, and looks at every image', async () => {
    await make(...Array.from({ length: 24 }, (_, index) => `i${index}.qcow2`));
    const started = await bench.many.check({ all: true, repair: false });
    // It may be over already; then there is nothing to be taken up.
    await bench.operations.pause(started.id).catch(() => null);
    bench = await place.open();
    const ended = await bench.operations.wait(started.id, 60);
    expect(ended).toMatchObject({ state: 'done', result: { sound: 24, found: [], leftOut: [] } });
    for (let index = 0; index < 24; index += 1) expect(lastCheck(`i${index}.qcow2`)?.state).toBe('clean');
  });
});

describe('measuring what compaction gives back', () => {
  it('knows it afterwards for each file, until the file is written', async () => {
    await make('zeros.qcow2', 'full.qcow2', 'plain.raw');
    const io = (path: string, format: string): void =>
      void execFileSync('qemu-io', ['-f', format, '-c', 'write -P 0 2M 4M', path]);
    io(at('zeros.qcow2'), 'qcow2');
    io(at('plain.raw'), 'raw');
    await bench.library.images.scan();
    const operation = await bench.ended(await bench.many.measure({ all: true }));
    const { measured, gain, words } = resultOf<ImagesMeasure>(operation);
    expect(measured).toBe(3);
    expect(words).toContain('3 images');
    // As much as the plan of compacting each says.
    const plans = await Promise.all(
      ['zeros.qcow2', 'plain.raw'].map((name) =>
        bench.chains.plan({ operation: 'compact', imageId: idOf(name) }),
      ),
    );
    const planned = plans.reduce((sum, plan) => sum + (plan.gain?.bytes ?? 0), 0);
    expect(planned).toBeGreaterThan(7 * 1024 ** 2);
    const known = (name: string) => bench.library.access.memory.of(idOf(name)).measured?.gain ?? 0;
    expect(known('zeros.qcow2') + known('plain.raw')).toBe(planned);
    expect(gain).toBe(planned + known('full.qcow2'));
    await expect(bench.many.measure({ all: true })).rejects.toMatchObject({ code: 'not-possible' });
    writeAt(at('full.qcow2'), 5, 7);
    const again = await bench.ended(await bench.many.measure({ all: true }));
    expect(resultOf<ImagesMeasure>(again).measured).toBe(1);
  });
});

describe('moving several images', () => {
  /** base ← mid ← top, and one alone; the flat copies of what they read. */
  const furnish = async (): Promise<void> => {
    await make('base.qcow2', 'alone.qcow2');
    for (const [name, below] of [
      ['mid.qcow2', 'base.qcow2'],
      ['top.qcow2', 'mid.qcow2'],
    ] as const) {
      create(name, '-b', below, '-F', 'qcow2');
      writeAt(at(name), name === 'mid.qcow2' ? 3 : 5, 40);
    }
    mkdirSync(at('other'));
    for (const name of ['base', 'mid', 'top', 'alone'])
      qemuImg('convert', '-O', 'qcow2', at(`${name}.qcow2`), `${place.folder}/../${name}-copy`);
    await bench.library.images.scan();
  };
  const whole = ['base.qcow2', 'mid.qcow2', 'top.qcow2', 'alone.qcow2'];
  const expectWhole = (folderOf: (name: string) => string): void => {
    for (const name of whole)
      expectSame(folderOf(name), `${place.folder}/../${basename(name, '.qcow2')}-copy`);
  };

  it('takes their links along, and leaves out what cannot be moved', async () => {
    await furnish();
    writeFileSync(at('other/alone.qcow2'), 'in the way');
    const operation = await bench.ended(
      await bench.many.move({ images: whole.map(idOf), folder: at('other'), useReserve: true }),
    );
    const { moved, leftOut, words } = resultOf<ImagesMove>(operation);
    expect(operation.state).toBe('done');
    expect(moved).toHaveLength(3);
    expect(names(leftOut)).toEqual(['alone.qcow2']);
    expect(leftOut[0]?.why).toContain('exists already');
    expect(words).toContain('3 images lie in');
    expectWhole((name) => at(name === 'alone.qcow2' ? name : `other/${name}`));
    expect(existsSync(at('base.qcow2'))).toBe(false);
    expect(statSync(at('other/alone.qcow2')).size).toBe('in the way'.length);
  });

  it('killed in the middle, every chain is whole, and the next start moves the rest', async () => {
    await furnish();
    const images = whole.map(idOf);
    bench = await place.open(9);
    const started = await bench.many.move({ images, folder: at('other'), useReserve: true });
    await place.died();
    bench = await place.open();
    const ended = await bench.operations.wait(started.id, 60);
    expect(ended).toMatchObject({ state: 'done', result: { leftOut: [] } });
    expectWhole((name) => at(`other/${name}`));
    for (const name of whole) expect(existsSync(at(name))).toBe(false);
  });

  it('cancelled, what was moved stays moved, and nothing is in two places', async () => {
    await furnish();
    const started = await bench.many.move({ images: whole.map(idOf), folder: at('other'), useReserve: true });
    await bench.operations.cancel(started.id).catch(() => null);
    const ended = await bench.ended(started);
    expect(['cancelled', 'done']).toContain(ended.state);
    await bench.library.images.scan();
    for (const name of whole) expect(existsSync(at(name))).not.toBe(existsSync(at(`other/${name}`)));
    expectWhole((name) => (existsSync(at(name)) ? at(name) : at(`other/${name}`)));
  });
});
