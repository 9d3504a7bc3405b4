import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Image, makeFloppyBody, type Operation } from '@strata/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram } from '../../../qemu/capabilities.ts';
import { type WorkBench, type WorkFolder, workFolder } from '../../../testing/work-bench.ts';
import { imageOf, killEverywhere, leftovers } from './testing/make-bench.ts';

let folder: WorkFolder;
let bench: WorkBench;
let scratch: string;
const images = (): string[] => bench.library.images.list().map(({ name }) => name);

beforeAll(async () => {
  scratch = realpathSync(mkdtempSync(join(tmpdir(), 'strata-floppy-')));
  folder = await workFolder();
  bench = await folder.open();
});
afterAll(async () => {
  await folder.dispose();
  rmSync(scratch, { recursive: true, force: true });
});

const content: Readonly<Record<string, string>> = {
  'AUTOEXEC.BAT': '@echo off\r\n',
  '-i': 'no option',
  'a=b [x] long name.text': 'long',
  '.hidden': 'hidden',
  'SUB/DEEP/DATA.BIN': 'd'.repeat(300_001),
  empty: '',
};
const makeSource = (name: string): string => {
  const source = join(scratch, name);
  mkdirSync(join(source, 'SUB/DEEP'), { recursive: true });
  mkdirSync(join(source, 'NONE'));
  for (const [path, text] of Object.entries(content)) writeFileSync(join(source, path), text);
  return source;
};
const wish = (source: string, more: object = {}) => makeFloppyBody.parse({ name: 'Floppy', source, ...more });
const done = (operation: Operation): Image => imageOf(bench, operation);
/** Brackets are patterns to it. */
const onFloppy = (path: string, file: string): string =>
  execFileSync('mtype', ['-i', path, `::/${file.replace(/[[\]]/g, '?')}`], { encoding: 'utf8' });

const hasTools = ['mformat', 'mcopy', 'mtype'].every((name) => findProgram(name) !== null);

describe.skipIf(!hasTools)('a floppy of a folder of the host', () => {
  it.each([720, 1440, 2880])(
    'of %i KB is as a PC formats it, and holds every file byte by byte',
    async (kilobytes) => {
      const source = makeSource(`source-${kilobytes}`);
      const operation = await bench.making.floppy(wish(source, { kilobytes, label: 'SETUP_1' }));
      const image = done(await bench.ended(operation));
      expect(image).toMatchObject({ name: 'Floppy', format: 'raw', virtualSize: kilobytes * 1024 });
      const sector = readFileSync(image.path).subarray(0, 512);
      expect(sector.subarray(510).toString('hex')).toBe('55aa');
      expect(sector.subarray(43, 62).toString('latin1')).toBe('SETUP_1    FAT12   ');
      for (const [file, text] of Object.entries(content)) expect(onFloppy(image.path, file)).toBe(text);
      expect(leftovers(folder)).toEqual([]);
    },
  );

  it('is refused, with nothing made, for what it cannot hold', async () => {
    const before = images();
    const refused = async (fill: (source: string) => void, message: RegExp, code = 'not-possible') => {
      const source = mkdtempSync(join(scratch, 'refused-'));
      fill(source);
      await expect(bench.making.floppy(wish(source))).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    };
    const put = (name: string) => (source: string) => writeFileSync(join(source, name), 'x');
    await refused((source) => writeFileSync(join(source, 'big'), Buffer.alloc(1_474_561)), /has 1440/);
    await refused((source) => symlinkSync('/etc/hostname', join(source, 'link')), /is a link/);
    await refused((source) => [put('a.txt'), put('A.TXT')].map((each) => each(source)), /capital letters/);
    for (const name of ['a:b', 'é', 'dot.', 'back\\slash', 'star*'])
      await refused(put(name), /under that name/);
    await refused(() => {}, /is empty/);
    await expect(bench.making.floppy(wish('/etc'))).rejects.toMatchObject({ code: 'forbidden-path' });
    expect([images(), leftovers(folder)]).toEqual([before, []]);
  });

  it('that is full with its names and clusters fails, and nothing of it stays', async () => {
    const source = join(scratch, 'full');
    mkdirSync(source);
    // As many bytes as the floppy has sectors for, of which some are its own.
    writeFileSync(join(source, 'data'), Buffer.alloc(1_474_560, 1));
    const before = images();
    const operation = await bench.ended(await bench.making.floppy(wish(source)));
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'not-possible' } });
    expect([images(), leftovers(folder)]).toEqual([before, []]);
  });

  it('wherever the server is killed: it is there, whole and once, or it was never begun', async () => {
    const survivor = wish(makeSource('survivor'), { name: 'Survivor' });
    const file = 'SUB/DEEP/DATA.BIN';
    bench = await killEverywhere(
      folder,
      ({ making }) => making.floppy(survivor),
      (path) => expect(onFloppy(path, file)).toBe(content[file]),
    );
  });
});

describe('a host without mtools', () => {
  it('is told what to install, and nothing is begun', async () => {
    const path = process.env.PATH;
    process.env.PATH = scratch;
    try {
      await expect(bench.making.floppy(wish(scratch))).rejects.toMatchObject({
        code: 'tool-missing',
        message: expect.stringContaining('Install the package mtools'),
      });
    } finally {
      process.env.PATH = path;
    }
  });
});
