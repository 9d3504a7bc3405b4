import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Image, makeIsoBody, makeSeedBody, type Operation } from '@strata/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram } from '../../../qemu/capabilities.ts';
import { isoDiffers } from '../../../qemu/tools/iso-tool.ts';
import { type WorkBench, type WorkFolder, workFolder } from '../../../testing/work-bench.ts';
import { startExportBench } from '../../exports/testing/export-bench.ts';
import { imageOf, killEverywhere, leftovers, staged } from './testing/make-bench.ts';

let folder: WorkFolder;
let bench: WorkBench;
let scratch: string;
const images = (): string[] => bench.library.images.list().map(({ name }) => name);

beforeAll(async () => {
  scratch = realpathSync(mkdtempSync(join(tmpdir(), 'strata-make-')));
  folder = await workFolder();
  bench = await folder.open();
});
afterAll(async () => {
  await folder.dispose();
  rmSync(scratch, { recursive: true, force: true });
});

const big = Buffer.alloc(3 * 1024 ** 2 + 17, 'strata ');
/** Names that a shell, a command line or a disc could take for something else, and links that lead out. */
const makeSource = (name: string): string => {
  const source = join(scratch, name);
  mkdirSync(join(source, 'a/b/c/d/e/f/g/h/i/j'), { recursive: true });
  writeFileSync(join(source, '-o'), 'no option');
  writeFileSync(join(source, "it's a=b [x] é日本.txt"), 'a name');
  writeFileSync(join(source, 'a/b/c/d/e/f/g/h/i/j/deep.txt'), 'deep');
  writeFileSync(join(source, 'a/big.bin'), big);
  writeFileSync(join(source, '.hidden'), 'hidden');
  symlinkSync('/etc/hostname', join(source, 'out'));
  return source;
};
const wish = (source: string, more: object = {}) => makeIsoBody.parse({ name: 'Files', source, ...more });
const done = (operation: Operation): Image => imageOf(bench, operation);
const xorriso = (...args: string[]): string =>
  execFileSync('xorriso', ['-no_rc', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const unpacked = (path: string): string => {
  const target = mkdtempSync(join(scratch, 'unpacked-'));
  xorriso('-osirrox', 'on', '-indev', `stdio:${path}`, '-extract', '/', target);
  return target;
};
/** The name that a guest shows, from the bytes of the disc. */
const labelOf = (path: string, sector = 16): string =>
  readFileSync(path)
    .subarray(sector * 2048 + 40, sector * 2048 + 72)
    .toString('latin1')
    .replaceAll('\0', '')
    .trim();

describe.skipIf(findProgram('xorriso') === null)('an ISO of a folder of the host', () => {
  it('holds every file byte by byte under its own name, and links as links', async () => {
    const source = makeSource('source');
    const image = done(await bench.ended(await bench.making.iso(wish(source, { label: 'My_Files-1' }))));
    expect(image).toMatchObject({ name: 'Files', format: 'iso' });
    expect(labelOf(image.path)).toBe('My_Files-1');
    const target = unpacked(image.path);
    expect(readdirSync(target).sort()).toEqual(readdirSync(source).sort());
    for (const name of [
      '-o',
      "it's a=b [x] é日本.txt",
      '.hidden',
      'a/big.bin',
      'a/b/c/d/e/f/g/h/i/j/deep.txt',
    ])
      expect(readFileSync(join(target, name)).equals(readFileSync(join(source, name))), name).toBe(true);
    expect(readlinkSync(join(target, 'out'))).toBe('/etc/hostname');
    expect(leftovers(folder)).toEqual([]);
  });

  it('has Joliet names beside them unless they are not wished for', async () => {
    const source = makeSource('names');
    for (const joliet of [true, false]) {
      const image = done(await bench.ended(await bench.making.iso(wish(source, { joliet }))));
      const second = readFileSync(image.path).subarray(17 * 2048, 17 * 2048 + 91);
      // A supplementary descriptor with the escape sequence of UCS-2 level 3.
      expect([second[0], second.subarray(88, 91).toString('latin1')]).toEqual(
        joliet ? [2, '%/E'] : [255, '\0\0\0'],
      );
    }
  });

  it('is refused, with nothing made, for what no disc may hold or nobody may read', async () => {
    const before = images();
    const pipe = join(scratch, 'with-pipe');
    mkdirSync(pipe);
    execFileSync('mkfifo', [join(pipe, 'pipe')]);
    const empty = join(scratch, 'empty');
    mkdirSync(empty);
    symlinkSync(pipe, join(scratch, 'linked'));
    const inside = join(folder.folder, 'inside');
    mkdirSync(inside);
    writeFileSync(join(inside, 'x'), 'x');
    const cases: ReadonlyArray<readonly [string, string, RegExp]> = [
      [pipe, 'not-possible', /pipe or a socket/],
      [empty, 'not-possible', /is empty/],
      [join(scratch, 'linked'), 'forbidden-path', /symbolic link/],
      [join(scratch, 'nowhere'), 'not-found', /no folder/],
      ['/proc/self', 'forbidden-path', /system/],
      ['/etc', 'forbidden-path', /system/],
      [join(folder.folder, '..'), 'forbidden-path', /Strata/],
      [join(folder.folder, '../..'), 'forbidden-path', /Strata/],
      [folder.folder, 'not-possible', /within the folder/],
    ];
    for (const [source, code, message] of cases)
      await expect(bench.making.iso(wish(source)), source).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    rmSync(inside, { recursive: true });
    expect([images(), leftovers(folder)]).toEqual([before, []]);
  });

  it('is compared by its bytes: a file of the same size and time that differs is noticed', async () => {
    const source = makeSource('changing');
    const image = done(await bench.ended(await bench.making.iso(wish(source))));
    expect(await isoDiffers(source, image.path)).toBeNull();
    const file = join(source, 'a/big.bin');
    const { atime, mtime } = statSync(file);
    const changed = Buffer.from(big);
    changed[1_234_567] = 1;
    writeFileSync(file, changed);
    utimesSync(file, atime, mtime);
    expect(await isoDiffers(source, image.path)).toMatch(/content/i);
    writeFileSync(file, big);
    writeFileSync(join(source, 'new'), 'new');
    expect(await isoDiffers(source, image.path)).toContain('cannot find this file');
  });

  it('is cancelled without a trace', async () => {
    const source = makeSource('cancelled');
    const before = images();
    const operation = await bench.making.iso(wish(source));
    await bench.operations.cancel(operation.id);
    expect((await bench.ended(operation)).state).toBe('cancelled');
    expect([images(), leftovers(folder)]).toEqual([before, []]);
    expect(readFileSync(join(source, 'a/big.bin')).equals(big)).toBe(true);
  });
});

const userData = '#cloud-config\nhostname: büro\npassword: "a secret"\n';

describe.skipIf(findProgram('xorriso') === null)('a seed ISO for cloud-init', () => {
  it('is called CIDATA and has the texts as they were given', async () => {
    const seed = makeSeedBody.parse({
      ...{ name: 'Seed', userData: userData.replaceAll('\n', '\r\n') },
      ...{ metaData: 'instance-id: one', networkConfig: 'version: 2' },
    });
    const image = done(await bench.ended(await bench.making.seed(seed)));
    expect(image).toMatchObject({ name: 'Seed', format: 'iso' });
    expect([labelOf(image.path), labelOf(image.path, 17)]).toEqual(['CIDATA', 'CIDATA']);
    const target = unpacked(image.path);
    expect(readdirSync(target).sort()).toEqual(['meta-data', 'network-config', 'user-data']);
    expect(readFileSync(join(target, 'user-data'), 'utf8')).toBe(userData);
    expect(readFileSync(join(target, 'meta-data'), 'utf8')).toBe('instance-id: one\n');
    expect(readFileSync(join(target, 'network-config'), 'utf8')).toBe('version: 2\n');
  });

  it('keeps its secrets out of the books and of the data folder', async () => {
    const operation = await bench.making.seed(makeSeedBody.parse({ name: 'Secret', userData }));
    done(await bench.ended(operation));
    expect(staged(folder)).toEqual([]);
    const row = bench.db.prepare('SELECT * FROM operations WHERE id = ?').get(operation.id);
    expect(JSON.stringify(row)).not.toContain('secret');
  });

  it('of which nothing is said but the user data names an instance of its own', async () => {
    const ids = new Set<string>();
    for (const name of ['One', 'Two']) {
      const seed = makeSeedBody.parse({ name, userData });
      const target = unpacked(done(await bench.ended(await bench.making.seed(seed))).path);
      expect(readdirSync(target).sort()).toEqual(['meta-data', 'user-data']);
      ids.add(readFileSync(join(target, 'meta-data'), 'utf8'));
    }
    expect([...ids]).toEqual([expect.stringMatching(/^instance-id: strata-\w+\n$/), expect.anything()]);
  });

  it('wherever the server is killed: it is there, whole and once, or it was never begun', async () => {
    const seed = makeSeedBody.parse({ name: 'Survivor', userData, metaData: 'instance-id: x' });
    bench = await killEverywhere(
      folder,
      ({ making }) => making.seed(seed),
      (path) => expect(readFileSync(join(unpacked(path), 'user-data'), 'utf8')).toBe(userData),
    );
  });
});

describe.skipIf(findProgram('xorriso') === null)('over HTTP', () => {
  it('a disc and a seed are operations whose result is the image', async () => {
    const server = await startExportBench();
    try {
      const source = makeSource('http');
      const asked = [
        await server.call('POST', '/images/make-iso', { name: 'Disc', source }),
        await server.call('POST', '/images/make-seed', { name: 'Seed', userData }),
      ];
      for (const [index, answer] of asked.entries()) {
        const { state, kind, error, result } = await server.operation(answer);
        expect([state, kind, error]).toEqual(['done', 'image-make', undefined]);
        const { body } = await server.call('GET', `/images/${result?.imageId}`);
        expect(body).toMatchObject({ name: ['Disc', 'Seed'][index], format: 'iso', problems: [] });
      }
      const wrong = await server.call('POST', '/images/make-iso', { name: 'Disc', source, label: '-o /x' });
      expect([wrong.status, wrong.body.errors[0].path]).toEqual([400, 'label']);
      const system = await server.call('POST', '/images/make-iso', { name: 'Disc', source: '/etc' });
      expect([system.status, system.body.code]).toEqual([403, 'forbidden-path']);
    } finally {
      await server.stop();
    }
  });
});

describe('a host without xorriso', () => {
  it('is told what to install, and nothing is begun', async () => {
    const path = process.env.PATH;
    process.env.PATH = scratch;
    try {
      const seed = makeSeedBody.parse({ name: 'Never', userData });
      for (const asked of [bench.making.seed(seed), bench.making.iso(wish(scratch))])
        await expect(asked).rejects.toMatchObject({
          code: 'tool-missing',
          message: expect.stringContaining('Install the package xorriso'),
        });
      expect(staged(folder)).toEqual([]);
    } finally {
      process.env.PATH = path;
    }
  });
});
