import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Image, makeDiskBody, makeForecastBody, type Operation } from '@strata/contract';
import { readPartitionTable } from '@strata/partition-table';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram } from '../../../qemu/capabilities.ts';
import { demandExt4Tools } from '../../../qemu/tools/ext4-tool.ts';
import { canMount, mountSmallDisk } from '../../../testing/full-disk.ts';
import { type WorkBench, type WorkFolder, workFolder } from '../../../testing/work-bench.ts';
import { imageOf, killEverywhere, leftovers } from './testing/make-bench.ts';

let folder: WorkFolder;
let bench: WorkBench;
let scratch: string;
const images = (): string[] => bench.library.images.list().map(({ name }) => name);

beforeAll(async () => {
  scratch = realpathSync(mkdtempSync(join(tmpdir(), 'strata-disk-')));
  folder = await workFolder();
  bench = await folder.open();
});
afterAll(async () => {
  await folder.dispose();
  rmSync(scratch, { recursive: true, force: true });
});

const mebibyte = 1024 ** 2;
const content: Readonly<Record<string, string | Buffer>> = {
  '-i': 'no option',
  'a=b [x] long name é日本.text': 'long',
  '.hidden': 'hidden',
  'Program Files/deep/data.bin': Buffer.alloc(3 * mebibyte + 17, 'strata '),
  empty: '',
};
const makeSource = (name: string): string => {
  const source = join(scratch, name);
  mkdirSync(join(source, 'Program Files/deep'), { recursive: true });
  mkdirSync(join(source, 'none'));
  for (const [path, bytes] of Object.entries(content)) writeFileSync(join(source, path), bytes);
  return source;
};
const wish = (source: string, more: object = {}) => makeDiskBody.parse({ name: 'Disk', source, ...more });
const done = (operation: Operation): Image => imageOf(bench, operation);
const made = async (source: string, more: object = {}): Promise<Image> =>
  done(await bench.ended(await bench.making.disk(wish(source, more))));

/** What is on the disk, brought out by other tools than those that wrote it, or by the same in another way. */
const rawOf = ({ path, format }: Pick<Image, 'path' | 'format'>): string => {
  const raw = join(mkdtempSync(join(scratch, 'raw-')), 'disk.raw');
  execFileSync('qemu-img', ['convert', '-f', format, '-O', 'raw', path, raw]);
  return raw;
};
const extract = (raw: string, offset: number, fileSystem: string): string => {
  const target = mkdtempSync(join(scratch, 'out-'));
  if (fileSystem === 'ext4')
    execFileSync('/usr/sbin/debugfs', ['-R', `rdump / ${target}`, `${raw}?offset=${offset}`], {
      stdio: 'pipe',
    });
  else
    execFileSync('mcopy', ['-s', '-n', '-i', `${raw}@@${offset}`, '::*', target], {
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
  return target;
};
const expectContent = (target: string): void => {
  for (const [path, bytes] of Object.entries(content))
    expect(readFileSync(join(target, path)).equals(Buffer.from(bytes)), path).toBe(true);
  expect(readdirSync(join(target, 'none'))).toEqual([]);
  expect(
    readdirSync(target)
      .filter((name) => name !== 'lost+found')
      .sort(),
  ).toEqual(['-i', '.hidden', 'Program Files', 'a=b [x] long name é日本.text', 'empty', 'none'].sort());
};
const tableOf = (raw: string, size: number) => {
  const file = openSync(raw, 'r');
  const read = (at: number, length: number): Promise<Uint8Array> => {
    const bytes = Buffer.alloc(length);
    return Promise.resolve(bytes.subarray(0, readSync(file, bytes, 0, length, at)));
  };
  return readPartitionTable(read, size).finally(() => closeSync(file));
};
/** By the tools that check: of FAT only where there is one. */
const expectSound = (raw: string, offset: number, fileSystem: string): void => {
  if (fileSystem === 'ext4')
    execFileSync('/usr/sbin/e2fsck', ['-fn', `${raw}?offset=${offset}`], { stdio: 'pipe' });
  else if (findProgram('fsck.fat', '/usr/sbin:/sbin') !== null) {
    const part = `${raw}.part`;
    execFileSync('dd', [
      `if=${raw}`,
      `of=${part}`,
      'bs=1M',
      `skip=${offset / mebibyte}`,
      'conv=sparse',
      'status=none',
    ]);
    expect(spawnSync('/usr/sbin/fsck.fat', ['-n', part], { encoding: 'utf8' })).toMatchObject({ status: 0 });
  }
};

const hasTools = ['mformat', 'mcopy', 'mke2fs', 'debugfs'].every(
  (name) => (findProgram(name) ?? findProgram(name, '/usr/sbin:/sbin')) !== null,
);

describe.skipIf(!hasTools)('a disk with a file system of files', () => {
  it.each([
    ['ext4', 'gpt', 'qcow2', false, '0FC63DAF-8483-4772-8E79-3D69D8477DE4'],
    ['ext4', 'mbr', 'raw', false, '83'],
    ['ext4', 'none', 'raw', false, null],
    ['fat32', 'gpt', 'raw', true, 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B'],
    ['fat32', 'mbr', 'qcow2', false, '0c'],
    ['fat32', 'none', 'raw', false, null],
  ] as const)(
    '%s with %s as %s is sound, and holds every file byte by byte',
    async (fileSystem, table, format, efi, type) => {
      const source = makeSource(`${fileSystem}-${table}`);
      const image = await made(source, { fileSystem, table, format, efi, label: 'MY_DATA-1' });
      expect(image).toMatchObject({ name: 'Disk', format });
      const raw = rawOf(image);
      const found = await tableOf(raw, image.virtualSize);
      expect([found.scheme, found.problems]).toEqual([table, []]);
      const offset = type === null ? 0 : mebibyte;
      expect(found.partitions.map((partition) => [partition.type, partition.offset])).toEqual(
        type === null ? [] : [[type, offset]],
      );
      expectSound(raw, offset, fileSystem);
      expectContent(extract(raw, offset, fileSystem));
      const contents = await bench.contents.disk(image.id);
      expect(JSON.stringify(contents)).toContain('MY_DATA-1');
      expect(leftovers(folder)).toEqual([]);
    },
  );

  it('is fitted to two thousand small files, with the free space that was asked for', async () => {
    const source = join(scratch, 'many');
    mkdirSync(source);
    for (let number = 0; number < 2000; number += 1)
      writeFileSync(join(source, `${number} of two thousand, with a long name.txt`), `${number}`);
    for (const fileSystem of ['ext4', 'fat32'] as const) {
      const [none, more] = [0, 256 * mebibyte];
      const image = await made(source, { fileSystem, format: 'raw', free: none, label: 'MANY' });
      const raw = rawOf(image);
      const target = extract(raw, mebibyte, fileSystem);
      for (let number = 0; number < 2000; number += 1)
        expect(readFileSync(join(target, `${number} of two thousand, with a long name.txt`), 'utf8')).toBe(
          `${number}`,
        );
      const asked = { kind: 'disk', source, fileSystem, format: 'raw' };
      const [small, large] = await Promise.all(
        [none, more].map((free) => bench.making.forecast(makeForecastBody.parse({ ...asked, free }))),
      );
      expect(small).toMatchObject({ entries: 2000, size: image.virtualSize, blockers: [] });
      expect((large?.size ?? 0) - image.virtualSize).toBeGreaterThanOrEqual(more);
    }
  });

  it('of ext4 keeps links as links, and who may read what', async () => {
    const source = join(scratch, 'links');
    mkdirSync(source);
    symlinkSync('/etc/hostname', join(source, 'out'));
    writeFileSync(join(source, 'private'), 'x', { mode: 0o600 });
    const target = extract(rawOf(await made(source)), mebibyte, 'ext4');
    expect(readlinkSync(join(target, 'out'))).toBe('/etc/hostname');
    expect(readFileSync(join(target, 'private'), 'utf8')).toBe('x');
  });

  it('has exactly the size that was wished for, and is refused when that is too small', async () => {
    const source = makeSource('sized');
    const size = 3 * 1024 ** 3 + 512;
    const image = await made(source, { size, format: 'qcow2' });
    expect(image.virtualSize).toBe(size);
    expectContent(extract(rawOf(image), mebibyte, 'ext4'));
    await expect(bench.making.disk(wish(source, { size: 4 * mebibyte }))).rejects.toMatchObject({
      code: 'not-possible',
      message: expect.stringMatching(/too small for .*: it takes \d+ MiB/),
    });
    const asked = makeForecastBody.parse({ kind: 'disk', source, size: 4 * mebibyte });
    expect((await bench.making.forecast(asked)).blockers).toEqual([expect.stringMatching(/too small/)]);
  });

  it('of FAT32 is refused, with nothing made, for what it cannot hold', async () => {
    const before = images();
    const refused = async (fill: (source: string) => void, message: RegExp) => {
      const source = mkdtempSync(join(scratch, 'refused-'));
      fill(source);
      const asked = wish(source, { fileSystem: 'fat32' });
      await expect(bench.making.disk(asked)).rejects.toMatchObject({
        code: 'not-possible',
        message: expect.stringMatching(message),
      });
    };
    const put = (name: string) => (source: string) => writeFileSync(join(source, name), 'x');
    await refused((source) => symlinkSync('/etc/hostname', join(source, 'link')), /is a link/);
    await refused((source) => [put('Ä.txt'), put('ä.TXT')].map((each) => each(source)), /capital letters/);
    await refused((source) => {
      put('huge')(source);
      truncateSync(join(source, 'huge'), 4 * 1024 ** 3);
    }, /4 GiB or more/);
    for (const name of ['a:b', 'con', 'LPT1.txt', 'dot.', 'back\\slash', '🙂'])
      await refused(put(name), /under that name/);
    await refused((source) => {
      for (let number = 0; number <= 400; number += 1) put(`photo of number ${number}.jpeg`)(source);
    }, /more than 400 long names that begin alike/);
    await refused(() => {}, /is empty/);
    for (const wrong of [{ label: 'lower' }, { label: 'TWELVE_LONG_' }, { efi: true, table: 'none' }])
      expect(makeDiskBody.safeParse({ name: 'x', source: '/x', fileSystem: 'fat32', ...wrong }).success).toBe(
        false,
      );
    expect([images(), leftovers(folder)]).toEqual([before, []]);
  });

  it('is cancelled without a trace', async () => {
    const source = makeSource('cancelled');
    const before = images();
    const operation = await bench.making.disk(wish(source));
    await bench.operations.cancel(operation.id);
    expect((await bench.ended(operation)).state).toBe('cancelled');
    expect([images(), leftovers(folder)]).toEqual([before, []]);
  });

  it.skipIf(!canMount)('on a disk that becomes full fails, says so, and leaves nothing', async () => {
    const path = join(scratch, 'small');
    const disk = mountSmallDisk(path, 24);
    try {
      const source = join(scratch, 'large');
      mkdirSync(source);
      writeFileSync(join(source, 'data'), Buffer.alloc(16 * mebibyte, 7));
      await bench.library.folders.add(path);
      const asked = { folder: path, format: 'raw', useReserve: true } as const;
      await expect(bench.making.disk(wish(source, { ...asked, size: 512 * mebibyte }))).rejects.toMatchObject(
        {
          code: 'disk-full',
        },
      );
      expect(readdirSync(path)).toEqual([]);
    } finally {
      disk.unmount();
    }
  });

  it.each(['raw', 'qcow2'] as const)(
    'as %s, wherever the server is killed: it is there, whole and once, or it was never begun',
    async (format) => {
      const survivor = wish(makeSource(`survivor-${format}`), { name: 'Survivor', format });
      bench = await killEverywhere(
        folder,
        ({ making }) => making.disk(survivor),
        (path) => {
          const raw = rawOf({ path, format });
          expectSound(raw, mebibyte, 'ext4');
          expectContent(extract(raw, mebibyte, 'ext4'));
        },
      );
      for (const { id, name } of bench.library.images.list())
        if (name === 'Survivor') await bench.library.images.delete(id);
    },
  );
});

describe('a host without e2fsprogs', () => {
  it('is told what to install', () => {
    const path = process.env.PATH;
    process.env.PATH = scratch;
    try {
      expect(() => demandExt4Tools(scratch)).toThrow(/Install the package e2fsprogs/);
    } finally {
      process.env.PATH = path;
    }
  });
});
