import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { makeZip, type ZipFile } from '../../../testing/make-zip.ts';
import { archiveKind, unpackedName } from './archive-kind.ts';
import type { Bundle } from './bundle.types.ts';
import { openTar } from './tar-bundle.ts';
import { openZip } from './zip-bundle.ts';

const folder = mkdtempSync(join(tmpdir(), 'strata-archives-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, bytes: Buffer | string): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};
const contentsOf = async ({ entries, close }: Bundle): Promise<Record<string, string>> => {
  const found: Record<string, string> = {};
  try {
    for (const { name, open } of entries) {
      const chunks: Buffer[] = [];
      for await (const chunk of open()) chunks.push(chunk);
      found[name] = Buffer.concat(chunks).toString('latin1');
    }
  } finally {
    await close();
  }
  return found;
};
const zip = (files: readonly ZipFile[]) => openZip(file('a.zip', makeZip(files)), 'a.zip');
const big = Buffer.from('layer '.repeat(100_000));

describe('a zip archive', () => {
  it('is read file by file, folders passed over', async () => {
    const bundle = await zip([
      { name: 'in/', bytes: Buffer.alloc(0) },
      { name: 'in/disk.img', bytes: big },
      { name: 'read me.txt', bytes: Buffer.from('hello') },
    ]);
    expect(bundle.entries.map(({ name, size }) => [name, size])).toEqual([
      ['in/disk.img', big.length],
      ['read me.txt', 5],
    ]);
    expect(await contentsOf(bundle)).toEqual({ 'in/disk.img': big.toString(), 'read me.txt': 'hello' });
  });

  it.each<readonly [string, ZipFile['claims'], RegExp]>([
    ['more than it says', { size: 10 }, /larger than it says/],
    ['less than it says', { size: big.length + 1 }, /check sum/],
    ['something else than it says', { crc: 1 }, /check sum/],
    ['an encrypted file', { encrypted: true }, /encrypted/],
  ])('is refused when there is %s in it', async (_, claims, words) => {
    const read = async () =>
      contentsOf(await zip([{ name: 'x', bytes: big, ...(claims ? { claims } : {}) }]));
    await expect(read()).rejects.toMatchObject({
      code: 'image-refused',
      message: expect.stringMatching(words),
    });
  });

  it('is refused when it is cut off, wherever', async () => {
    const whole = makeZip([{ name: 'x', bytes: big }]);
    for (const length of [0, 10, 100, whole.length - 1, whole.length - 22])
      await expect(
        openZip(file('cut.zip', whole.subarray(0, length)), 'cut.zip').then(contentsOf),
      ).rejects.toMatchObject({ code: 'image-refused' });
  });

  it('is refused or read, whatever its bytes, and never anything else', async () => {
    const whole = makeZip([
      { name: 'x', bytes: Buffer.from('content') },
      { name: 'y', bytes: Buffer.from('more') },
    ]);
    const change = fc.record({ at: fc.nat(whole.length - 1), to: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
        const bytes = Buffer.from(whole);
        for (const { at, to } of changes) bytes[at] = to;
        const outcome = await openZip(file('fuzz.zip', bytes), 'fuzz.zip')
          .then(contentsOf)
          .catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'image-refused' });
      }),
      { numRuns: 300, seed: 11 },
    );
  });
});

describe('a tar archive', () => {
  const pack = (...options: string[]): string => {
    const source = join(folder, 'tar');
    mkdirSync(join(source, 'deep'.repeat(20)), { recursive: true });
    writeFileSync(join(source, 'disk.img'), big);
    writeFileSync(join(source, 'deep'.repeat(20), `${'long'.repeat(20)}.txt`), 'deep');
    execFileSync('ln', ['-sf', '/etc/passwd', join(source, 'link')]);
    const path = join(folder, 'a.tar');
    execFileSync('tar', ['-C', source, ...options, '-cf', path, '.']);
    return path;
  };
  it.each(['gnu', 'pax', 'pax --sparse-version=0.1', 'pax --sparse-version=0.0'])(
    'of the kind %s is refused with a file in it whose holes were left out',
    async (kind) => {
      const source = join(folder, 'sparse');
      mkdirSync(source, { recursive: true });
      truncateSync(file('sparse/disk.raw', 'head'), 8 * 1024 ** 2);
      const path = join(folder, 'sparse.tar');
      execFileSync('tar', ['-S', ...`--format=${kind}`.split(' '), '-C', folder, '-cf', path, 'sparse']);
      await expect(openTar(path, 'sparse.tar')).rejects.toMatchObject({
        code: 'image-refused',
        message: expect.stringMatching(/disk\.raw” is packed in it as a sparse file/),
      });
    },
  );

  it.each(['ustar', 'gnu', 'pax'])('of the kind %s is read, links and folders passed over', async (kind) => {
    const found = await contentsOf(await openTar(pack(`--format=${kind}`), 'a.tar'));
    expect(found).toEqual({
      './disk.img': big.toString(),
      [`./${'deep'.repeat(20)}/${'long'.repeat(20)}.txt`]: 'deep',
    });
  });
  it('is refused when it is cut off or damaged', async () => {
    const whole = readFileSync(pack('--format=gnu'));
    const damaged = Buffer.from(whole);
    damaged[3] = 200;
    for (const bytes of [whole.subarray(0, 700), damaged])
      await expect(openTar(file('cut.tar', bytes), 'cut.tar')).rejects.toMatchObject({
        code: 'image-refused',
      });
  });
  it('is refused when a file in it says to be larger than any', async () => {
    const head = Buffer.alloc(1024);
    head.write('x', 0);
    head.write('ustar', 257);
    head.fill(0xff, 124, 136);
    head.fill(' ', 148, 156);
    let sum = 0;
    for (const byte of head.subarray(0, 512)) sum += byte;
    head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    await expect(openTar(file('big.tar', head), 'big.tar')).rejects.toMatchObject({ code: 'image-refused' });
  });
});

describe('whether a file is an archive', () => {
  const gzip = Buffer.from('1f8b0800', 'hex');
  it('is told by its name and its content together', async () => {
    expect(await archiveKind(file('a.img.gz', gzip), 'a.img.gz', null)).toBe('gz');
    expect(await archiveKind(file('a.img', 'plain'), 'a.img', null)).toBeNull();
    expect(await archiveKind(file('a.raw', gzip), 'a.raw', 'raw')).toBeNull();
    await expect(archiveKind(file('b.gz', 'plain'), 'b.gz', null)).rejects.toMatchObject({
      code: 'image-refused',
    });
    await expect(archiveKind(file('b.img', gzip), 'b.img', null)).rejects.toMatchObject({
      code: 'image-refused',
    });
  });
  it('leaves the name of what is in it', () => {
    expect(['disk.img.xz', 'box.tgz', 'a.qcow2.zst'].map(unpackedName)).toEqual([
      'disk.img',
      'box.tar',
      'a.qcow2',
    ]);
  });
});
