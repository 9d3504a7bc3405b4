import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDiskBody, makeIsoBody } from '@strata/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildApp, type StrataApp } from '../../../app.ts';
import { openDatabase } from '../../../db/open-database.ts';
import { findProgram } from '../../../qemu/capabilities.ts';
import { testDataDir } from '../../../testing/test-app.ts';
import { type UploadClient, uploadClient } from '../../../testing/upload-client.ts';

const token = 'test-token-test-token-test-token-test';
/** The machine may be busy. */
const patient = { timeout: 30_000 };
let folder: ReturnType<typeof testDataDir>;
let strata: StrataApp;
let client: UploadClient;
let scratch: string;

const start = async (): Promise<void> => {
  strata = await buildApp({
    ...{ version: '0.0.0-test', host: '127.0.0.1', port: 0, dataDir: folder.dataDir, runDir: folder.runDir },
    ...{ open: false, token, webRoot: null, logLevel: 'silent' },
  });
  await strata.app.listen({ host: '127.0.0.1', port: 0 });
  client = uploadClient((strata.app.server.address() as AddressInfo).port, token);
};
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'strata-sent-'));
  folder = testDataDir();
  await start();
});
afterAll(async () => {
  await strata.close();
  folder.remove();
  rmSync(scratch, { recursive: true, force: true });
});

const content: Readonly<Record<string, string>> = {
  'READ ME.txt': 'read me',
  'sub/deep/data.bin': 'd'.repeat(300_001),
  'sub/é日本.txt': 'a name',
  empty: '',
};
const tarOf = (...args: string[]): Buffer =>
  execFileSync('tar', ['-c', ...args], { maxBuffer: 64 * 1024 ** 2 });
const makeTar = (files: Readonly<Record<string, string>> = content): Buffer => {
  const source = mkdtempSync(join(scratch, 'source-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(source, path, '..'), { recursive: true });
    writeFileSync(join(source, path), text);
  }
  return tarOf('-C', source, '.');
};
const send = async (bytes: Buffer, filename = 'files.tar'): Promise<string> => {
  const id = await client.create(bytes.length, { filename, purpose: 'make' });
  const answer = await client.part(id, 0, bytes);
  expect([answer.status, answer.headers.get('strata-operation')]).toEqual([204, null]);
  return id;
};
const post = (path: string, body: object) =>
  client.call('POST', path, { 'content-type': 'application/json' }, JSON.stringify(body));
const uploads = async () => (await client.call('GET', '/uploads')).body.items;
const upload = (id: string) => client.call('GET', `/uploads/${id}`);
const left = (): string[] =>
  ['making', 'incoming'].flatMap((name) => readdirSync(join(folder.dataDir, name)));
const images = (): string[] => readdirSync(join(folder.dataDir, 'images'));

const readIso = (path: string): string => {
  const target = mkdtempSync(join(scratch, 'iso-'));
  const from = ['-indev', `stdio:${path}`, '-osirrox', 'on', '-extract', '/', target];
  execFileSync('xorriso', ['-no_rc', ...from], { stdio: 'ignore' });
  return target;
};
const readExt4 = (path: string): string => {
  const target = mkdtempSync(join(scratch, 'ext4-'));
  execFileSync('/usr/sbin/debugfs', ['-R', `rdump / ${target}`, `${path}?offset=1048576`], { stdio: 'pipe' });
  return target;
};
const readFat = (path: string): string => {
  const target = mkdtempSync(join(scratch, 'fat-'));
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  execFileSync('mcopy', ['-s', '-n', '-i', `${path}@@1048576`, '::*', target], { env });
  return target;
};

const hasTools = ['xorriso', 'mformat', 'mke2fs'].every(
  (name) => (findProgram(name) ?? findProgram(name, '/usr/sbin:/sbin')) !== null,
);

describe.skipIf(!hasTools)('files that were sent for an image', () => {
  const ext4 = { fileSystem: 'ext4', format: 'raw' };
  const fat32 = { fileSystem: 'fat32', format: 'raw' };
  it.each([
    ['/images/make-iso', {}, readIso],
    ['/images/make-disk', ext4, readExt4],
    ['/images/make-disk', fat32, readFat],
  ] as const)(
    'wait, are listed, become one by %s byte for byte, and are gone (%j)',
    async (path, form, read) => {
      const id = await send(makeTar());
      expect((await upload(id)).body).toMatchObject({ state: 'ready', purpose: 'make', operationId: null });
      expect(images()).toEqual([]);
      const forecast = await post('/images/make-forecast', {
        kind: path.slice('/images/make-'.length),
        upload: id,
        ...form,
      });
      // Three folders that nobody named count, too.
      expect(forecast.body).toMatchObject({ entries: 6, bytes: 300_014, blockers: [] });
      const begun = await post(path, { name: 'Sent', upload: id, ...form });
      expect(begun.status).toBe(202);
      const operation = await client.ended(begun.body.id);
      expect([operation.state, operation.error]).toEqual(['done', undefined]);
      const image = strata.services.library.images.get(String(operation.result?.imageId));
      const target = read(image.path);
      for (const [name, text] of Object.entries(content))
        expect(readFileSync(join(target, name), 'utf8'), name).toBe(text);
      await expect.poll(uploads, patient).toEqual([]);
      expect(left()).toEqual([]);
      await strata.services.library.images.delete(image.id);
    },
  );

  it('become a floppy, and wait again when they do not fit', async () => {
    const large = await send(makeTar({ 'BIG.BIN': 'x'.repeat(1_474_561) }));
    const refused = await post('/images/make-floppy', { name: 'Large', upload: large });
    expect([refused.status, refused.body.detail]).toEqual([422, expect.stringContaining('has 1440')]);
    expect((await upload(large)).body.state).toBe('ready');
    // It has as many bytes as the floppy has sectors, of which some are its own: only writing tells.
    const full = await send(makeTar({ 'BIG.BIN': 'x'.repeat(1_474_560) }));
    const begun = await post('/images/make-floppy', { name: 'Full', upload: full });
    expect(await client.ended(begun.body.id)).toMatchObject({ state: 'failed' });
    await expect
      .poll(async () => (await upload(full)).body, patient)
      .toMatchObject({ state: 'ready', error: { code: 'not-possible' } });
    const again = await post('/images/make-floppy', { name: 'Full', upload: full, kilobytes: 2880 });
    expect(await client.ended(again.body.id)).toMatchObject({ state: 'done' });
    expect((await client.call('DELETE', `/uploads/${large}`)).status).toBe(204);
    await expect.poll(uploads, patient).toEqual([]);
    expect(left()).toEqual([]);
  });

  it('stay until a day after, survive a restart, and are nothing to be taken in as an image', async () => {
    const before = images();
    const id = await send(makeTar());
    const half = await client.create(100, { filename: 'half.tar', purpose: 'make' });
    await strata.close();
    await start();
    expect((await upload(id)).body).toMatchObject({ state: 'ready' });
    expect((await post(`/uploads/${id}/import`, {})).status).toBe(422);
    expect((await post('/images/make-iso', { name: 'x', upload: half })).body.detail).toContain(
      'not complete',
    );
    const library = await client.create(100, { filename: 'a.img' });
    expect((await post('/images/make-iso', { name: 'x', upload: library })).body.detail).toContain(
      'was not sent for',
    );
    expect((await post('/images/make-iso', { name: 'x', upload: 'abcdefghijkl' })).status).toBe(404);
    for (const wrong of [{}, { upload: id, source: '/home' }])
      expect((await post('/images/make-iso', { name: 'x', ...wrong })).status).toBe(400);
    await strata.close();
    const db = openDatabase(join(folder.dataDir, 'strata.db'));
    db.prepare("UPDATE uploads SET touched_at = '2020-01-01T00:00:00.000Z'").run();
    db.close();
    await start();
    expect([await uploads(), left(), images()]).toEqual([[], [], before]);
  });

  it('belong to one operation, and go when that is cancelled', async () => {
    const before = images();
    const id = await send(makeTar({ 'data.bin': 'x'.repeat(20_000_000) }));
    const { making, operations, uploads: sent } = strata.services;
    const begun = await making.disk(makeDiskBody.parse({ name: 'One', upload: id }));
    // All of it before the operation gets any further: nothing here depends on who is faster.
    const others = Promise.allSettled([
      making.iso(makeIsoBody.parse({ name: 'Two', upload: id })),
      sent.remove(id),
    ]);
    const cancelled = operations.cancel(begun.id);
    const busy = { status: 'rejected', reason: { code: 'operation-running' } };
    expect(await others).toMatchObject([busy, busy]);
    await cancelled;
    expect(await client.ended(begun.id)).toMatchObject({ state: 'cancelled' });
    await expect.poll(uploads, patient).toEqual([]);
    expect([left(), images()]).toEqual([[], before]);
  });

  it('may be two thousand small ones', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 2000 }, (_, number) => [`folder ${number % 7}/${number}.txt`, `${number}`]),
    );
    const id = await send(makeTar(files));
    const begun = await post('/images/make-iso', { name: 'Many', upload: id });
    const operation = await client.ended(begun.body.id);
    const target = readIso(strata.services.library.images.get(String(operation.result?.imageId)).path);
    for (const [name, text] of Object.entries(files))
      expect(readFileSync(join(target, name), 'utf8')).toBe(text);
  });
});

/** One header and its bytes, whatever its name. */
const member = (name: string, type = '0', bytes = Buffer.from('x')): Buffer => {
  const header = Buffer.alloc(512);
  header.write(name, 0, 'utf8');
  header.write('0000644\0', 100);
  header.write(`${(type === '0' ? bytes.length : 0).toString(8).padStart(11, '0')}\0`, 124);
  header.write(' '.repeat(8), 148);
  header.write(type, 156);
  if (type === '2') header.write('/etc/passwd', 157);
  header.write('ustar\0' + '00', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return type === '0' ? Buffer.concat([header, bytes, Buffer.alloc(512 - bytes.length)]) : header;
};
const end = Buffer.alloc(1024);

describe('hostile files that were sent', () => {
  it.each([
    ['a way out', [member('../canary')], /leads out of its folder/],
    ['a way out in the middle', [member('a/../../canary')], /leads out of its folder/],
    ['an absolute path', [member('/tmp/canary')], /no relative path/],
    ['a control character', [member('a\nb')], /control characters/],
    [
      'no UTF-8',
      [Buffer.from(member('a?b').toString('latin1').replace('a?b', 'a\xffb'), 'latin1')],
      /damaged|UTF-8/,
    ],
    ['a link', [member('link', '2')], /a link or a device/],
    ['a hard link', [member('link', '1')], /a link or a device/],
    ['a device', [member('sda', '3')], /a link or a device/],
    [
      'a link that a file then goes through',
      [member('dir', '2'), member('dir/canary')],
      /a link or a device/,
    ],
    ['the same file twice', [member('a'), member('a')], /there twice/],
    ['a file that is a folder as well', [member('a'), member('a/b')], /there twice/],
    ['nothing', [], /is empty/],
  ])('with %s are refused, and nothing is written anywhere', async (_, members, message) => {
    const before = [images(), readdirSync(tmpdir()).includes('canary')];
    const id = await send(Buffer.concat([...members, end]));
    for (const path of ['/images/make-iso', '/images/make-disk', '/images/make-floppy']) {
      const { status, body } = await post(path, { name: 'Hostile', upload: id });
      expect([status >= 400 && status < 500, body.detail]).toEqual([true, expect.stringMatching(message)]);
    }
    await client.call('DELETE', `/uploads/${id}`);
    expect([images(), readdirSync(tmpdir()).includes('canary')]).toEqual(before);
    expect(left()).toEqual([]);
  });

  it('that are no tar, or end in the middle, are refused', async () => {
    for (const bytes of [Buffer.alloc(2048, 7), member('a'), Buffer.alloc(100, 1)]) {
      const id = await send(bytes);
      const { status, body } = await post('/images/make-iso', { name: 'Broken', upload: id });
      expect([status >= 400 && status < 500, body.detail]).toEqual([
        true,
        expect.stringMatching(/no tar that can be read/),
      ]);
      await client.call('DELETE', `/uploads/${id}`);
    }
  });
});
