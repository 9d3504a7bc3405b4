import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { type ConvertImageInput, convertImageBody, type Image, type Operation } from '@strata/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { holdOpen } from '../../../testing/damaged-image.ts';
import {
  expectSame,
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
  writeAt,
} from '../../../testing/work-bench.ts';

/*
 *    top    data of its own, and some that hides what lies below
 *    base   `flat` is what top shows
 */
let folder: WorkFolder;
let bench: WorkBench;
const mebibyte = 1024 ** 2;
const size = 32 * mebibyte;
const at = (name: string): string => folder.at(name);
const flat = (): string => `${folder.folder}/../flat.bin`;
const id = (name: string): string => bench.library.images.findByPath(at(name))?.id ?? `no ${name}`;
const hidden = (): string[] => readdirSync(folder.folder).filter((name) => name.startsWith('.strata-'));

const run = async (name: string, wish: ConvertImageInput): Promise<Operation> =>
  bench.ended(await bench.conversions.run(id(name), convertImageBody.parse(wish)));
const converted = async (name: string, wish: ConvertImageInput): Promise<Image> => {
  const operation = await run(name, wish);
  expect(operation).toMatchObject({ state: 'done', kind: 'image-convert' });
  return bench.library.images.get(String(operation.result?.imageId));
};
const details = (image: Image): Record<string, unknown> => {
  const all = JSON.parse(qemuImg('info', '-f', image.format, '--output=json', image.path)) as Record<
    string,
    unknown
  >;
  const specific = all['format-specific'] as { data?: Record<string, unknown> } | undefined;
  return { ...all, ...specific?.data };
};

beforeAll(async () => {
  folder = await workFolder();
  await folder.open();
  qemuImg('create', '-q', '-f', 'qcow2', at('base.qcow2'), '32M');
  for (const megabyte of [0, 4, 31]) writeAt(at('base.qcow2'), megabyte, megabyte + 1);
  qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', at('top.qcow2'));
  for (const megabyte of [4, 9]) writeAt(at('top.qcow2'), megabyte, 100 + megabyte);
  qemuImg('convert', '-f', 'qcow2', '-O', 'raw', at('top.qcow2'), flat());
  for (const [format, ending, options] of [
    ['raw', 'raw', null],
    ['vpc', 'vhd', 'force_size=on'],
    ['vhdx', 'vhdx', null],
    ['vdi', 'vdi', null],
    ['vmdk', 'vmdk', null],
  ] as const)
    qemuImg(
      'convert',
      '-O',
      format,
      ...(options === null ? [] : ['-o', options]),
      '-f',
      'raw',
      flat(),
      at(`in.${ending}`),
    );
  bench = await folder.open();
});
afterAll(() => folder.dispose());

describe('what a chain shows is converted', () => {
  it.each([
    [{ format: 'raw' }, {}],
    [{ format: 'qcow2', clusterSize: 2 * mebibyte }, { 'cluster-size': 2 * mebibyte }],
    [{ format: 'qcow2', compression: 'zlib' }, { 'compression-type': 'zlib' }],
    [{ format: 'qcow2', compression: 'zstd' }, { 'compression-type': 'zstd' }],
    [{ format: 'vpc' }, {}],
    [{ format: 'vpc', subformat: 'fixed' }, {}],
    [{ format: 'vhdx' }, {}],
    [{ format: 'vdi' }, {}],
    [{ format: 'vmdk', subformat: 'monolithicSparse' }, { 'create-type': 'monolithicSparse' }],
    [{ format: 'vmdk', subformat: 'streamOptimized' }, { 'create-type': 'streamOptimized' }],
  ] as const)('to %j, and reads the same', async (form, facts) => {
    const forecast = await bench.conversions.forecast(
      id('top.qcow2'),
      convertImageBody.parse({ ...form, name: 'out', plan: true }),
    );
    expect(forecast).toMatchObject({ blockers: [], folder: folder.folder });
    const image = await converted('top.qcow2', { ...form, name: 'out' });
    expect(image).toMatchObject({ format: form.format, virtualSize: size, backingId: null, problems: [] });
    expectSame(image.path, flat(), [form.format, 'raw']);
    expect(details(image)).toMatchObject(facts);
    expect(forecast.required).toBeGreaterThan(0);
    if (form.format === 'raw') expect(image.allocatedSize).toBeLessThan(8 * mebibyte);
    if (form.format === 'qcow2') expect(image.allocatedSize).toBeLessThanOrEqual(forecast.required);
  });

  it('into a size that Virtual PC knows, when that is wished', async () => {
    const image = await converted('top.qcow2', { format: 'vpc', forceSize: false, name: 'cylinders' });
    expect(image.virtualSize).toBeGreaterThan(size);
    expectSame(image.path, flat(), ['vpc', 'raw']);
  });

  it('with all its space taken at once', async () => {
    for (const format of ['raw', 'qcow2'] as const) {
      const image = await converted('top.qcow2', { format, preallocation: 'falloc', name: 'reserved' });
      expect(statSync(image.path).blocks * 512).toBeGreaterThanOrEqual(size);
      expectSame(image.path, flat(), [format, 'raw']);
    }
    const fixed = await converted('top.qcow2', { format: 'vdi', subformat: 'fixed', name: 'fixed' });
    expect(statSync(fixed.path).size).toBeGreaterThan(size);
    expectSame(fixed.path, flat(), ['vdi', 'raw']);
  });
});

describe('an image of another program is converted', () => {
  it.each(['raw', 'vhd', 'vhdx', 'vdi', 'vmdk'])(
    'from %s to qcow2, and the original stays as it is',
    async (ending) => {
      const before = readFileSync(at(`in.${ending}`));
      const image = await converted(`in.${ending}`, { format: 'qcow2', name: `from ${ending}` });
      expect(image).toMatchObject({ format: 'qcow2', virtualSize: size, problems: [] });
      expectSame(image.path, flat(), ['qcow2', 'raw']);
      expect(readFileSync(at(`in.${ending}`)).equals(before)).toBe(true);
    },
  );

  it('and nothing that has the name already is overwritten', async () => {
    writeFileSync(at('taken.qcow2'), 'somebody else’s');
    const image = await converted('in.raw', { format: 'qcow2', name: 'taken' });
    expect(image.path).toBe(at('taken-2.qcow2'));
    expect(readFileSync(at('taken.qcow2'), 'utf8')).toBe('somebody else’s');
  });
});

describe('converting is refused', () => {
  it('in a form that does not exist, before anything is begun', async () => {
    const wish = { format: 'raw', compression: 'zstd', name: 'no' } as const;
    await expect(run('in.raw', wish)).rejects.toMatchObject({ code: 'not-possible' });
    const { blockers } = await bench.conversions.forecast(
      id('in.raw'),
      convertImageBody.parse({ ...wish, plan: true }),
    );
    expect(blockers.map(({ code }) => code)).toEqual(['form']);
  });

  it('while another program has it open', async () => {
    copyFileSync(at('base.qcow2'), at('open.qcow2'));
    await bench.library.images.scan();
    const holder = await holdOpen(at('open.qcow2'));
    try {
      await expect(run('open.qcow2', { format: 'raw', name: 'no' })).rejects.toMatchObject({
        code: 'image-locked',
      });
    } finally {
      await holder.close();
    }
  });

  it('for headers that lead elsewhere; what they name is not opened', async () => {
    const canary = `${folder.folder}/../canary.bin`;
    writeFileSync(canary, Buffer.alloc(mebibyte, 0x5a));
    const { atimeNs } = statSync(canary, { bigint: true });
    qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', canary, '-F', 'raw', at('hostile.qcow2'), '1M');
    writeFileSync(
      at('hostile.vmdk'),
      `# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 2048 FLAT "${canary}" 0\n`,
    );
    await bench.library.images.scan();
    for (const name of ['hostile.qcow2', 'hostile.vmdk'])
      await expect(run(name, { format: 'raw', name: 'leak' })).rejects.toMatchObject({
        code: expect.stringMatching(/^image-(refused|unreadable)$/),
      });
    expect(statSync(canary, { bigint: true }).atimeNs).toBe(atimeNs);
  });
});

describe('a raw disk whose guest has written the header of another format', () => {
  it('is converted as raw, header and all', async () => {
    const canary = `${folder.folder}/../canary.raw`;
    writeFileSync(canary, Buffer.alloc(mebibyte, 0x5a));
    const { atimeNs } = statSync(canary, { bigint: true });
    copyFileSync(flat(), at('guest.raw'));
    await bench.library.images.scan();
    await bench.defineVm({ name: 'guest', disks: [{ imageId: id('guest.raw') }] });
    qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', canary, '-F', 'raw', at('.header'), '32M');
    const header = readFileSync(at('.header')).subarray(0, 65_536);
    const file = openSync(at('guest.raw'), 'r+');
    writeSync(file, header, 0, header.length, 0);
    closeSync(file);
    await bench.library.images.scan();
    const image = await converted('guest.raw', { format: 'qcow2', name: 'as it is' });
    expectSame(image.path, at('guest.raw'), ['qcow2', 'raw']);
    execFileSync('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', image.path, `${flat()}.back`]);
    expect(readFileSync(`${flat()}.back`).subarray(0, header.length).equals(header)).toBe(true);
    expect(statSync(canary, { bigint: true }).atimeNs).toBe(atimeNs);
  });
});

describe('a conversion that does not end', () => {
  it('leaves nothing when it is cancelled', async () => {
    const before = readdirSync(folder.folder);
    const wish = convertImageBody.parse({ format: 'vdi', name: 'never' });
    const started = await bench.conversions.run(id('top.qcow2'), wish);
    await bench.operations.cancel(started.id);
    expect((await bench.ended(started)).state).toBe('cancelled');
    expect(readdirSync(folder.folder)).toEqual(before);
  });

  it.each([2, 3, 4])(
    'killed before action %i, it is there completely after the next start, once',
    async (number) => {
      bench = await folder.open(number);
      const wish = convertImageBody.parse({ format: 'vhdx', name: `again ${number}` });
      const started = await bench.conversions.run(id('top.qcow2'), wish);
      expect(typeof (await Promise.race([folder.died(), bench.ended(started)]))).toBe('string');
      expect(readdirSync(folder.folder).filter((name) => name.startsWith(`again-${number}`))).toEqual([]);
      bench = await folder.open();
      const { state, result } = await bench.operations.wait(started.id, 60);
      expect(state).toBe('done');
      const image = bench.library.images.get(String(result?.imageId));
      expect(image.path).toBe(at(`again-${number}.vhdx`));
      expectSame(image.path, flat(), ['vhdx', 'raw']);
      expect(hidden()).toEqual([]);
    },
  );
});
