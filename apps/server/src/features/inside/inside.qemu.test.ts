import { existsSync } from 'node:fs';
import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InsideEntry, InsideSession, InsideVolume } from '@strata/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportPlaces, startExport } from '../../qemu/exports/export-daemon.ts';
import { allPids } from '../../qemu/process-identity.ts';
import { GuestDisk } from '../../qemu/tools/guestfs/guest-disk.ts';
import {
  bigFile,
  fat,
  hostileNames,
  type InsideBench,
  linux,
  mebi,
  notUtf8,
  pageNames,
  sparseSize,
  startInsideBench,
  sumOf,
  tool,
} from './testing/inside-bench.ts';

let bench: InsideBench;
/** One appliance for all that only reads the base, one that writes the overlay: each takes seconds to start. */
let base: InsideSession;
let top: InsideSession;
let baseSum: string;
const linuxDevice = '/dev/sda1';
const fatDevice = '/dev/sda2';

const at = (session: InsideSession, what: string, query: Record<string, string>): string =>
  `/inside/${session.id}/${what}?${new URLSearchParams({ volume: linuxDevice, ...query })}`;
const entries = async (session: InsideSession, path: string): Promise<InsideEntry[]> =>
  (await bench.call('GET', at(session, 'entries', { path }))).body.entries;
const fetched = async (session: InsideSession, query: Record<string, string>): Promise<string> => {
  const answer = await bench.call('GET', at(session, 'file', query));
  expect(answer.status).toBe(200);
  return answer.raw.toString('utf8');
};
const textOf = async (pid: number, name: string): Promise<string> =>
  readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
/** Those in whose arguments or environment this stands. */
const pidsWith = async (text: string): Promise<number[]> => {
  const pids: number[] = [];
  for (const pid of await allPids())
    if (`${await textOf(pid, 'environ')}${await textOf(pid, 'cmdline')}`.includes(text)) pids.push(pid);
  return pids;
};
const processesWith = async (text: string): Promise<number> => (await pidsWith(text)).length;

beforeAll(async () => {
  bench = await startInsideBench();
  baseSum = await sumOf(bench.image('base').path);
  [base, top] = await Promise.all([bench.look('base'), bench.look('top', { writable: true })]);
}, 600_000);
afterAll(() => bench?.stop(), 120_000);

describe('a disk that is looked into', () => {
  it('names its volumes with their place in bytes, what is in them, and which can be opened', () => {
    expect(base).toMatchObject({ state: 'ready', problem: null, writable: false, engine: 'libguestfs' });
    const [first, second] = base.volumes as [InsideVolume, InsideVolume];
    expect(base.volumes).toHaveLength(2);
    expect(first).toMatchObject({
      ...{ device: linuxDevice, partition: 1, type: '83', startSector: linux.at / 512, offset: linux.at },
      ...{ size: linux.size, fileSystem: 'ext4', label: 'root <b>', mountable: true, reason: null },
    });
    expect(second).toMatchObject({
      ...{ device: fatDevice, partition: 2, type: '0e', offset: fat.at, size: fat.size },
      ...{ fileSystem: 'vfat', label: 'BOOT', mountable: true },
    });
  });
  it('is used by whoever looks, and no third one is opened', async () => {
    expect(bench.image('base').usedBy).toContainEqual({ kind: 'inside', id: base.id, name: 'base.qcow2' });
    const { status, body } = await bench.call('POST', `/images/${bench.image('base').id}/inside`, {
      writable: true,
    });
    expect([status, body.code]).toEqual([409, 'operation-state']);
    expect(body.detail).toMatch(/Close one of them first/);
    const again = await bench.call('POST', `/images/${bench.image('base').id}/inside`, {});
    expect([again.status, again.body.id]).toEqual([201, base.id]);
  });
  it('cannot be changed, renamed or deleted meanwhile', async () => {
    const { id } = bench.image('top');
    const renamed = await bench.call('POST', `/images/${id}/rename?wait=5`, { name: 'else.qcow2' });
    expect([renamed.status, renamed.body.code]).toEqual([409, 'image-in-use']);
    const plan = await bench.call('POST', '/chains/plan', { operation: 'flatten', imageId: id });
    expect(JSON.stringify(plan.body)).toMatch(/is being looked into, which has these layers open/);
    const summed = await bench.call('POST', `/images/${id}/checksum?wait=5`, { algorithms: ['sha256'] });
    expect([summed.status, summed.body.code]).toEqual([409, 'image-locked']);
  });
});

describe('its folders', () => {
  it('are listed with kinds, sizes, rights, times, and where links lead', async () => {
    const found = new Map((await entries(base, '/')).map((entry) => [entry.name, entry]));
    expect(found.get('hello.txt')).toMatchObject({ kind: 'file', size: 20, mode: 0o644, target: null });
    expect(Date.parse(found.get('hello.txt')?.modified ?? '')).toBeGreaterThan(0);
    expect(found.get('docs')).toMatchObject({ kind: 'folder' });
    expect(found.get('link')).toMatchObject({ kind: 'link', target: '/docs/a.txt' });
    expect(found.get('pipe')).toMatchObject({ kind: 'other' });
    expect(found.get('sparse')).toMatchObject({ kind: 'file', size: sparseSize });
    const onFat = await bench.call('GET', at(base, 'entries', { volume: fatDevice, path: '/' }));
    expect(onFat.body.entries).toMatchObject([{ name: 'Config file.txt', kind: 'file', size: 7 }]);
  });
  it('come a page at a time', async () => {
    const names: string[] = [];
    let after: string | null = '';
    for (let page = 0; after !== null; page++) {
      const query = { path: '/many', limit: '200', ...(after === '' ? {} : { after }) };
      const { body } = await bench.call('GET', at(base, 'entries', query));
      expect(body.total).toBe(450);
      names.push(...(body.entries as InsideEntry[]).map(({ name }) => name));
      after = body.next;
      expect(page).toBeLessThan(3);
    }
    expect(names).toEqual(pageNames);
  });
  it('hold hostile names, which stay names', async () => {
    const found = await entries(base, '/hostile');
    const byName = new Map(found.map((entry) => [entry.name, entry]));
    for (const name of hostileNames) {
      expect(byName.get(name)).toMatchObject({ kind: 'file', size: Buffer.byteLength(`I am ${name}`) });
      expect(await fetched(base, { path: `/hostile/${name}` })).toBe(`I am ${name}`);
    }
    expect(byName.get('nowhere')).toMatchObject({ kind: 'link', target: 'a\nb' });
    expect(existsSync('PWNED') || existsSync(join(bench.dataDir, 'inside', base.id, 'PWNED'))).toBe(false);
  });
  it('hold names that are no text, which are meant by their bytes', async () => {
    const entry = (await entries(base, '/hostile')).find(({ raw }) => raw !== undefined);
    expect(entry).toMatchObject({ name: notUtf8.toString('utf8'), raw: notUtf8.toString('base64') });
    expect(await fetched(base, { rawPath: entry?.rawPath ?? '' })).toBe('no text');
  });
});

describe('a path', () => {
  it.each([
    ['/../../etc/passwd', 400, 'invalid-request'],
    ['/hostile/../hello.txt', 400, 'invalid-request'],
    ['relative', 400, 'invalid-request'],
    [`/${'a'.repeat(256)}`, 400, 'invalid-request'],
    ['/not there', 404, 'not-found'],
    ['/pipe', 422, 'not-possible'],
    ['/docs', 422, 'not-possible'],
  ])('%s is refused', async (path, status, code) => {
    for (const what of ['file', 'preview']) {
      const answer = await bench.call('GET', at(base, what, { path }));
      expect([answer.status, answer.body.code]).toEqual([status, code]);
    }
  });
  it('through a link is followed in the guest and nowhere else', async () => {
    expect(await fetched(base, { path: '/link' })).toBe('a\n');
    for (const path of ['/hostile/absolute', '/hostile/relative']) {
      const answer = await bench.call('GET', at(base, 'file', { path }));
      expect([answer.status, answer.body.code]).toEqual([404, 'not-found']);
    }
  });
  it('of another volume, and a volume that is none, are not found', async () => {
    for (const volume of ['/dev/sdb', '/dev/sda', 'x" | touch PWNED']) {
      const answer = await bench.call('GET', at(base, 'entries', { volume, path: '/' }));
      expect(answer.status).toBe(404);
    }
  });
});

describe('a file', () => {
  it('is shown from its beginning, text as text and anything else as a dump', async () => {
    const text = await bench.call('GET', at(base, 'preview', { path: '/hello.txt' }));
    expect(text.body).toEqual({
      ...{ kind: 'text', text: 'hello from the base\n', hex: null, size: 20, truncated: false },
    });
    const zeros = await bench.call('GET', at(base, 'preview', { path: '/zeros' }));
    expect(zeros.body).toMatchObject({ kind: 'binary', text: null, size: 100, truncated: false });
    expect(zeros.body.hex).toMatch(/^00000000 {2}00 00/);
    const sparse = await bench.call('GET', at(base, 'preview', { path: '/sparse' }));
    expect(sparse.body).toMatchObject({ kind: 'binary', size: sparseSize, truncated: true });
    const big = await bench.call('GET', at(base, 'preview', { path: '/big.bin' }));
    expect(big.body).toMatchObject({ kind: 'text', truncated: true });
    expect(big.body.text).toBe(bigFile.toString('utf8', 0, 64 * 1024));
  });
  it('is downloaded byte for byte, as something to be saved, and in parts', async () => {
    const whole = await bench.call('GET', at(base, 'file', { path: '/big.bin' }));
    expect(whole.raw.equals(bigFile)).toBe(true);
    expect(whole.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="big.bin"; filename*=UTF-8''big.bin`,
      'x-content-type-options': 'nosniff',
      'content-length': String(bigFile.length),
    });
    const odd = await bench.call('GET', at(base, 'file', { path: `/hostile/${hostileNames[1]}` }));
    expect(odd.headers['content-disposition']).toMatch(
      /^attachment; filename="<img src=x onerror=alert\(1\)>"; filename\*=UTF-8''%3Cimg/,
    );
    const empty = await bench.call('GET', at(base, 'file', { path: '/many/file 000' }));
    expect([empty.status, empty.raw.length]).toEqual([200, 0]);
  });
  it('of a sparse giant can be read where it is asked for', async () => {
    const answer = await bench.strata.app.inject({
      method: 'GET',
      url: `/api/v1${at(base, 'file', { path: '/sparse' })}`,
      headers: {
        ...{ host: '127.0.0.1', authorization: 'Bearer test-token' },
        range: `bytes=${sparseSize - 10}-`,
      },
    });
    expect([answer.statusCode, answer.rawPayload.length]).toEqual([206, 10]);
  });
});

describe('a folder', () => {
  it('is downloaded as a tar archive with the same files', async () => {
    const answer = await bench.call('GET', at(base, 'tar', { path: '/docs' }));
    expect(answer.headers['content-disposition']).toMatch(/filename="docs\.tar"/);
    const archive = join(bench.scratch, 'docs.tar');
    await writeFile(archive, answer.raw);
    const { stdout } = await tool('tar', ['-tf', archive]);
    expect(stdout.split('\n').filter(Boolean).sort()).toEqual(['./', './a.txt', './deep/', './deep/b.txt']);
    expect((await tool('tar', ['-xOf', archive, './deep/b.txt'])).stdout).toBe('b\n');
  });
  it('behind an absolute link is that of the guest', async () => {
    const answer = await bench.call('GET', at(base, 'tar', { path: '/short' }));
    const archive = join(bench.scratch, 'short.tar');
    await writeFile(archive, answer.raw);
    const { stdout } = await tool('tar', ['-tf', archive]);
    expect(stdout.split('\n').filter(Boolean).sort()).toEqual(['./', './one', './two']);
  });
  it('with hostile names arrives whole, links as links', async () => {
    const answer = await bench.call('GET', at(base, 'tar', { path: '/hostile' }));
    const archive = join(bench.scratch, 'hostile.tar');
    await writeFile(archive, answer.raw);
    const { stdout } = await tool('tar', ['-xOf', archive, `./${hostileNames[2]}`]);
    expect(stdout).toBe(`I am ${hostileNames[2]}`);
    expect((await tool('tar', ['-tvf', archive])).stdout).toMatch(/absolute -> \/etc\/passwd/);
  });
  it('that nobody waits for is given up, and the disk goes on', async () => {
    const { disk } = bench.strata.services.inside.session(base.id).volume(linuxDevice);
    // The sparse giant is in it: it would go on for hours.
    const stream = await disk.tar(linuxDevice, Buffer.from('/'), Number.MAX_SAFE_INTEGER);
    await new Promise((resolve) => stream.once('data', resolve));
    const busy = await bench.call('GET', at(base, 'entries', { path: '/' }));
    expect([busy.status, busy.body.code]).toEqual([409, 'operation-state']);
    stream.destroy();
    await new Promise((resolve) => stream.once('close', resolve));
    expect(await entries(base, '/docs')).toHaveLength(2);
  });
  it('that is longer than its disk can be breaks off', async () => {
    const { disk } = bench.strata.services.inside.session(base.id).volume(linuxDevice);
    const stream = await disk.tar(linuxDevice, Buffer.from('/'), mebi);
    await expect(
      (async () => {
        for await (const _ of stream);
      })(),
    ).rejects.toThrow(/sparse files/);
    expect(await fetched(base, { path: '/hello.txt' })).toBe('hello from the base\n');
  });
});

describe('a disk opened for putting files in', () => {
  const put = (path: string, content: Buffer, type = 'application/octet-stream') =>
    bench.call('PUT', at(top, 'file', { path }), content, type);

  it('takes files, also over others, makes folders and deletes', async () => {
    expect((await put('/hello.txt', Buffer.from('changed in the overlay\n'))).body).toMatchObject({
      ...{ name: 'hello.txt', kind: 'file', size: 23 },
    });
    const made = await bench.call('POST', `/inside/${top.id}/folders`, {
      ...{ volume: linuxDevice, path: '/new\n"folder' },
    });
    expect([made.status, made.body.name, made.body.kind]).toEqual([201, 'new\n"folder', 'folder']);
    expect((await put('/new\n"folder/big', bigFile)).status).toBe(200);
    expect((await bench.call('DELETE', at(top, 'entries', { path: '/docs' }))).status).toBe(200);
    expect((await bench.call('DELETE', at(top, 'entries', { path: '/hostile/*' }))).status).toBe(200);
    expect((await entries(top, '/hostile')).length).toBe((await entries(base, '/hostile')).length - 1);
    expect((await entries(top, '/')).map(({ name }) => name)).not.toContain('docs');
    const onFat = at(top, 'file', { volume: fatDevice, path: '/NEW.TXT' });
    expect((await bench.call('PUT', onFat, Buffer.from('fat'), 'application/octet-stream')).status).toBe(200);
  });
  it('is changed behind an absolute link as well, and a link itself is replaced', async () => {
    expect((await put('/short/three', Buffer.from('three'))).status).toBe(200);
    expect((await bench.call('DELETE', at(top, 'entries', { path: '/short/one' }))).status).toBe(200);
    expect((await put('/onto', Buffer.from('a file'))).body).toMatchObject({ kind: 'file', size: 6 });
    expect((await entries(top, '/away')).map(({ name }) => name)).toEqual(['three', 'two']);
    expect((await bench.call('DELETE', at(top, 'entries', { path: '/short' }))).status).toBe(200);
    expect(await entries(top, '/away')).toHaveLength(2);
  });
  it('shows other content than the layer below it', async () => {
    expect(await fetched(top, { path: '/hello.txt' })).toBe('changed in the overlay\n');
    expect(await fetched(base, { path: '/hello.txt' })).toBe('hello from the base\n');
  });
  it.each([
    ['onto a folder', '/many', Buffer.from('x'), 409, 'name-taken'],
    ['into a folder that is not there', '/none/x', Buffer.from('x'), 404, 'not-found'],
    ['that does not fit', '/huge', Buffer.alloc(45 * mebi), 507, 'disk-full'],
  ])('refuses a file %s', async (_, path, content, status, code) => {
    const answer = await put(path, content);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });
  it('refuses what is no file, its own root, and a folder that is there', async () => {
    expect((await put('/x', Buffer.from('{}'), 'application/json')).status).toBe(415);
    const whole = await bench.call('DELETE', at(top, 'entries', { path: '/' }));
    expect([whole.status, whole.body.code]).toEqual([400, 'invalid-request']);
    const place = { volume: linuxDevice, path: '/many' };
    const again = await bench.call('POST', `/inside/${top.id}/folders`, place);
    expect([again.status, again.body.code]).toEqual([409, 'name-taken']);
    expect(
      (await readdir(join(bench.dataDir, 'inside', top.id))).filter((n) => n.startsWith('body-')),
    ).toEqual([]);
  });
  it('is the only one that can be changed', async () => {
    const answer = await bench.call('DELETE', at(base, 'entries', { path: '/hello.txt' }));
    expect([answer.status, answer.body.code]).toEqual([409, 'operation-state']);
  });
  it('is a sound image when it is closed, with every byte in it, and nothing else has changed', async () => {
    expect((await bench.call('DELETE', `/inside/${top.id}`)).status).toBe(200);
    const { path, usedBy } = bench.image('top');
    expect(usedBy).toEqual([]);
    await tool('qemu-img', ['check', '-f', 'qcow2', path]);
    expect(await sumOf(bench.image('base').path)).toBe(baseSum);
    const [raw, part] = [join(bench.scratch, 'top.raw'), join(bench.scratch, 'top-linux.raw')];
    await tool('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', path, raw]);
    const file = await open(raw);
    const content = Buffer.alloc(linux.size);
    await file.read(content, 0, linux.size, linux.at);
    await file.close();
    await writeFile(part, content);
    await tool('e2fsck', ['-fn', part]);
    const cat = await tool('debugfs', ['-R', 'cat /hello.txt', part]);
    expect(cat.stdout).toBe('changed in the overlay\n');
    const onFat = await tool('mtype', ['-i', `${raw}@@${fat.at}`, '::/NEW.TXT']);
    expect(onFat.stdout).toBe('fat');
  });
});

describe('the end', () => {
  it('refuses to open a layer for changes on which something stands', async () => {
    const open = () => bench.call('POST', `/images/${bench.image('base').id}/inside`, { writable: true });
    const { status, body } = await open();
    expect([status, body.code]).toEqual([409, 'image-in-use']);
    expect(body.detail).toMatch(/is being looked into/);
    expect((await bench.call('DELETE', `/inside/${base.id}`)).status).toBe(200);
    const { body: then } = await open();
    expect(then).toMatchObject({
      code: 'image-in-use',
      detail: expect.stringContaining('“top.qcow2” needs it'),
    });
  });
  it('leaves nothing of what a killed server had begun, and of what is closed', async () => {
    const { images } = bench.strata.services.library;
    const plan = { id: 'left123', kind: 'nbd', writable: false, port: null, tls: false } as const;
    const chain = images.chainFacts(bench.image('base').id);
    const places = { ...exportPlaces(bench.runDir, { ...plan, exportName: 'disk' }), exportName: 'disk' };
    (await startExport(bench.runDir, { ...plan, exportName: 'disk' }, chain)).leave();
    const folder = join(bench.dataDir, 'inside', plan.id);
    const cache = join(bench.dataDir, 'appliance');
    const { socket, exportName } = places;
    // Nobody waits for it: its server is gone.
    GuestDisk.open(
      { folder, cache, socket, exportName, writable: false },
      new AbortController().signal,
    ).catch(() => {});
    const commands = async () =>
      Promise.all((await pidsWith(`TMPDIR=${folder}`)).map((pid) => textOf(pid, 'cmdline')));
    await expect
      .poll(commands, { timeout: 100_000 })
      .toContainEqual(expect.stringContaining('guestfsd.sock'));
    await bench.strata.services.inside.sweep();
    expect(await processesWith(`TMPDIR=${folder}`)).toBe(0);
    expect(await processesWith('x-left123')).toBe(0);
    expect(existsSync(folder) || existsSync(places.folder)).toBe(false);
    for (const { id } of (await bench.call('GET', '/inside')).body.items)
      expect((await bench.call('DELETE', `/inside/${id}`)).status).toBe(200);
    expect(await processesWith(join(bench.dataDir, 'inside'))).toBe(0);
    expect(await readdir(join(bench.dataDir, 'inside'))).toEqual([]);
    expect((await bench.call('GET', at(base, 'entries', { path: '/' }))).status).toBe(404);
  });
});

describe('a snapshot inside a layer', () => {
  it('is looked into by its tag, for reading only; an appliance that dies is told, and holds nothing', async () => {
    for (const { id } of (await bench.call('GET', '/inside')).body.items)
      await bench.call('DELETE', `/inside/${id}`);
    const { id, path } = bench.image('base');
    await tool('qemu-img', ['snapshot', '-c', 'before, all', path]);
    await tool('qemu-io', ['-f', 'qcow2', '-c', `write -P 0 ${linux.at} ${linux.size}`, path]);
    await bench.strata.services.library.images.scan();
    const missing = await bench.call('POST', `/images/${id}/inside`, { tag: 'none' });
    expect(missing.status).toBe(404);
    const writable = await bench.call('POST', `/images/${id}/inside`, { tag: 'before, all', writable: true });
    expect([writable.status, writable.body.code]).toEqual([422, 'not-possible']);
    const session = await bench.look('base', { tag: 'before, all' });
    expect(session).toMatchObject({ state: 'ready', tag: 'before, all' });
    expect(await fetched(session, { path: '/hello.txt' })).toBe('hello from the base\n');

    const folder = join(bench.dataDir, 'inside', session.id);
    for (const pid of await pidsWith(`TMPDIR=${folder}`))
      if ((await textOf(pid, 'cmdline')).includes('qemu-system')) process.kill(pid, 'SIGKILL');
    const answer = await bench.call('GET', at(session, 'entries', { path: '/' }));
    expect([409, 503]).toContain(answer.status);
    await expect
      .poll(async () => (await bench.call('GET', `/inside/${session.id}`)).body, { timeout: 100_000 })
      .toMatchObject({ state: 'failed', problem: { code: 'qemu-unresponsive' } });
    expect(bench.image('base').usedBy).toMatchObject([{ kind: 'overlay' }]);
    expect((await bench.call('DELETE', `/inside/${session.id}`)).status).toBe(200);
  }, 600_000);
});
