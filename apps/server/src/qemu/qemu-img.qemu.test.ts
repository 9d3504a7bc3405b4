import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backingStringOf, run } from '../testing/disk-chain.ts';
import {
  checkImage,
  convertImage,
  createImage,
  createOverlay,
  imagesAreEqual,
  mapImage,
  readImageDetails,
  relinkImage,
} from './qemu-img.ts';

let folder: string;
const at = (name: string): string => join(folder, name);
const mebibyte = 1024 * 1024;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'img-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const makeBase = () => createImage({ path: at('base.qcow2'), format: 'qcow2', size: 8 * mebibyte });
const write = (name: string, command: string) => run('qemu-io', ['-f', 'qcow2', '-c', command, at(name)]);

describe('creating', () => {
  it('makes a private file of the size asked for', async () => {
    await makeBase();
    expect(await readImageDetails({ path: at('base.qcow2'), format: 'qcow2' })).toMatchObject({
      'virtual-size': 8 * mebibyte,
      format: 'qcow2',
    });
    expect((await stat(at('base.qcow2'))).mode & 0o777).toBe(0o600);
    await createImage({ path: at('full.raw'), format: 'raw', size: mebibyte, preallocation: 'full' });
    expect((await stat(at('full.raw'))).blocks * 512).toBeGreaterThanOrEqual(mebibyte);
  });

  it('never touches a file that is there', async () => {
    await writeFile(at('base.qcow2'), 'precious');
    await expect(makeBase()).rejects.toMatchObject({ code: 'image-exists' });
    await expect(
      createOverlay({ path: at('base.qcow2'), backing: 'x.qcow2', backingFormat: 'qcow2' }),
    ).rejects.toMatchObject({ code: 'image-exists' });
    expect(await readFile(at('base.qcow2'), 'utf8')).toBe('precious');
  });

  it('leaves nothing behind when it fails, and says which file is missing', async () => {
    const overlay = { path: at('top.qcow2'), backing: 'nowhere.qcow2', backingFormat: 'qcow2' } as const;
    await expect(createOverlay(overlay)).rejects.toMatchObject({
      code: 'image-unreadable',
      message: expect.stringContaining(at('nowhere.qcow2')),
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('writes the backing string as it is given, with its format, and takes the size of what it stands on', async () => {
    await makeBase();
    await createOverlay({ path: at('top.qcow2'), backing: 'base.qcow2', backingFormat: 'qcow2' });
    expect(await readImageDetails({ path: at('top.qcow2'), format: 'qcow2' })).toMatchObject({
      'backing-filename': 'base.qcow2',
      'backing-filename-format': 'qcow2',
      'virtual-size': 8 * mebibyte,
    });
  });

  it.each(['nbd://host/x', 'json:{"driver":"null-co"}', 'a:b.qcow2', ''])(
    'refuses “%s” as a backing string: QEMU would not take it for a file name',
    async (backing) => {
      const creating = createOverlay({ path: at('top.qcow2'), backing, backingFormat: 'qcow2' });
      await expect(creating).rejects.toMatchObject({ code: 'image-refused' });
      expect(await readdir(folder)).toEqual([]);
    },
  );

  it.each(['-n.qcow2', 'a,b=c.qcow2', 'nbd:x.qcow2', 'json:{}.qcow2', 'q\'u"o te.qcow2'])(
    'takes “%s” for nothing but a name',
    async (name) => {
      await createImage({ path: at(name), format: 'qcow2', size: mebibyte });
      expect(await readdir(folder)).toEqual([name]);
      expect(await readImageDetails({ path: at(name), format: 'qcow2' })).toMatchObject({ format: 'qcow2' });
    },
  );

  it('takes no relative path and no odd size', async () => {
    const image = { path: 'x.qcow2', format: 'qcow2', size: mebibyte } as const;
    await expect(createImage(image)).rejects.toMatchObject({ code: 'internal-error' });
    await expect(createImage({ ...image, path: at('x'), size: 0.5 })).rejects.toMatchObject({
      code: 'internal-error',
    });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('reading', () => {
  it('takes a raw image for raw, whatever its guest wrote into it', async () => {
    await makeBase();
    await createOverlay({ path: at('top.qcow2'), backing: 'base.qcow2', backingFormat: 'qcow2' });
    const details = await readImageDetails({ path: at('top.qcow2'), format: 'raw' });
    expect(details.format).toBe('raw');
    expect(details['backing-filename']).toBeUndefined();
  });

  it('says so when the file is not in the format it should be in', async () => {
    await writeFile(at('x.qcow2'), 'no image at all');
    await expect(readImageDetails({ path: at('x.qcow2'), format: 'qcow2' })).rejects.toMatchObject({
      code: 'image-unreadable',
    });
  });

  it('says which layer provides each range', async () => {
    await makeBase();
    await write('base.qcow2', 'write -P 1 0 1M');
    await createOverlay({ path: at('top.qcow2'), backing: 'base.qcow2', backingFormat: 'qcow2' });
    await write('top.qcow2', 'write -P 2 512k 512k');
    const map = await mapImage({ path: at('top.qcow2'), format: 'qcow2' });
    expect(map.filter(({ data }) => data)).toMatchObject([
      { start: 0, length: 512 * 1024, depth: 1 },
      { start: 512 * 1024, length: 512 * 1024, depth: 0 },
    ]);
  });

  it('counts errors and leaks', async () => {
    await makeBase();
    await write('base.qcow2', 'write -P 1 0 1M');
    const image = { path: at('base.qcow2'), format: 'qcow2' } as const;
    expect(await checkImage(image)).toEqual({ errors: 0, leaks: 0 });
    // The first entry of the refcount table: every cluster in use counts as unreferenced.
    const { stdout } = await run('qemu-img', ['map', '-f', 'qcow2', '--output=json', image.path]);
    const [{ offset } = { offset: 0 }] = JSON.parse(stdout) as { offset: number }[];
    const file = await readFile(image.path);
    const refcountBlock = Number(file.readBigUInt64BE(Number(file.readBigUInt64BE(48))));
    file.writeUInt16BE(0, refcountBlock + 2 * (offset / 65536));
    await writeFile(image.path, file);
    expect((await checkImage(image)).errors).toBeGreaterThan(0);
  });

  it('compares what images read, not their files', async () => {
    await makeBase();
    await write('base.qcow2', 'write -P 1 0 1M');
    await convertImage({ path: at('base.qcow2'), format: 'qcow2' }, { path: at('copy.raw'), format: 'raw' });
    const base = { path: at('base.qcow2'), format: 'qcow2' } as const;
    const copy = { path: at('copy.raw'), format: 'raw' } as const;
    expect(await imagesAreEqual(base, copy)).toBe(true);
    await write('base.qcow2', 'write -P 2 4M 64k');
    expect(await imagesAreEqual(base, copy)).toBe(false);
    await expect(imagesAreEqual(base, { ...copy, path: at('nowhere') })).rejects.toMatchObject({
      code: 'image-unreadable',
    });
  });

  it('of an image that another program writes is refused with its name, except for its header', async () => {
    await makeBase();
    const image = { path: at('base.qcow2'), format: 'qcow2' } as const;
    const holder = spawn('qemu-io', ['-f', 'qcow2', image.path], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      // Its prompt: the image is open.
      await new Promise((resolve) => holder.stdout.once('data', resolve));
      await expect(checkImage(image)).rejects.toMatchObject({
        code: 'image-locked',
        message: expect.stringContaining(image.path),
      });
      expect(await readImageDetails(image)).toMatchObject({ format: 'qcow2' });
    } finally {
      holder.stdin.end();
      await new Promise((resolve) => holder.once('exit', resolve));
    }
  });
});

describe('relinking', () => {
  it('changes the link and nothing else', async () => {
    await makeBase();
    await createOverlay({ path: at('top.qcow2'), backing: 'base.qcow2', backingFormat: 'qcow2' });
    await relinkImage(at('top.qcow2'), { name: '../elsewhere/base.qcow2', format: 'qcow2' });
    expect(await backingStringOf(at('top.qcow2'))).toBe('../elsewhere/base.qcow2');
    await relinkImage(at('top.qcow2'), null);
    expect(await backingStringOf(at('top.qcow2'))).toBeNull();
  });
});

describe('a tool that is killed', () => {
  const path = process.env.PATH ?? '';
  afterEach(() => {
    process.env.PATH = path;
  });

  /** A qemu-img before the real one: it dies as often as told, and writes down each of its starts. */
  const dying = async (times: number): Promise<() => Promise<number>> => {
    const starts = at('starts');
    const script = [
      '#!/bin/sh',
      `echo >>${starts}`,
      `[ "$(wc -l <${starts})" -gt ${times} ] || kill -9 $$`,
      `PATH=${path} exec qemu-img "$@"`,
    ];
    await mkdir(at('bin'));
    await writeFile(at('bin/qemu-img'), `${script.join('\n')}\n`, { mode: 0o700 });
    process.env.PATH = `${at('bin')}:${path}`;
    return async () => (await readFile(starts, 'utf8')).length;
  };

  it('is started again where it only looks, or may do it again: the answer is that of the last', async () => {
    await makeBase();
    const starts = await dying(2);
    const base = { path: at('base.qcow2'), format: 'qcow2' } as const;
    expect(await imagesAreEqual(base, base)).toBe(true);
    expect(await starts()).toBe(3);
  });

  it('is not started for ever: something is wrong that repeating does not cure', async () => {
    await makeBase();
    const starts = await dying(100);
    await expect(checkImage({ path: at('base.qcow2'), format: 'qcow2' })).rejects.toMatchObject({
      code: 'qemu-refused',
      message: expect.stringContaining('SIGKILL'),
    });
    expect(await starts()).toBe(3);
  });
});
