import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildApp, type StrataApp } from '../../app.ts';
import { openDatabase } from '../../db/open-database.ts';
import { canMount, mountSmallDisk } from '../../testing/full-disk.ts';
import { rawHttp, statusOf } from '../../testing/raw-http.ts';
import { testDataDir } from '../../testing/test-app.ts';
import { type UploadClient, uploadClient } from '../../testing/upload-client.ts';

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
const restart = async (): Promise<void> => {
  await strata.close();
  await start();
};
const incoming = (): string[] => readdirSync(join(folder.dataDir, 'incoming'));
const images = (): string[] => readdirSync(join(folder.dataDir, 'images'));
const list = async () => (await client.call('GET', '/uploads')).body;
const image = (id: unknown) => strata.services.library.images.get(String(id));

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'strata-uploads-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const open = async (): Promise<void> => {
  folder = testDataDir();
  await start();
};
const close = async (): Promise<void> => {
  await strata.close();
  folder.remove();
};
const aServerEach = (): void => {
  beforeEach(open);
  afterEach(close);
};
const oneServer = (): void => {
  beforeAll(open);
  afterAll(close);
};

/** A qcow2 with a little data, as bytes. */
const qcow2 = (name = 'disk.qcow2'): Buffer => {
  const path = join(scratch, name);
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', path, '8M']);
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 1M 1M', path]);
  return readFileSync(path);
};
const meta = (filename: string, more: Record<string, string> = {}) => ({ filename, ...more });

describe('an upload', () => {
  aServerEach();
  it('becomes an image of the library, byte for byte', async () => {
    const bytes = qcow2();
    const operation = await client.send(bytes, meta('My disk.qcow2'));
    expect([operation.state, operation.error]).toEqual(['done', undefined]);
    const made = image(operation.result?.imageId);
    expect(made).toMatchObject({ name: 'My disk', format: 'qcow2', virtualSize: 8 * 1024 ** 2 });
    expect(readFileSync(made.path).equals(bytes)).toBe(true);
    expect(incoming()).toEqual([]);
    await expect.poll(async () => (await list()).items, patient).toEqual([]);
  });

  it('is taken up where it was after the server was restarted', async () => {
    const bytes = randomBytes(3 * 1024 ** 2 + 512);
    const id = await client.create(bytes.length, meta('stick.img', { name: 'USB stick' }));
    expect((await client.part(id, 0, bytes.subarray(0, 1024 ** 2))).status).toBe(204);
    await restart();
    expect((await list()).items).toMatchObject([
      {
        id,
        filename: 'stick.img',
        name: 'USB stick',
        size: bytes.length,
        offset: 1024 ** 2,
        state: 'receiving',
        active: false,
      },
    ]);
    expect(await client.offset(id)).toBe(1024 ** 2);
    const last = await client.part(id, 1024 ** 2, bytes.subarray(1024 ** 2));
    expect(last.status).toBe(204);
    const operation = await client.ended(last.headers.get('strata-operation') ?? '');
    const made = image(operation.result?.imageId);
    expect(made).toMatchObject({ name: 'USB stick', format: 'raw' });
    expect(readFileSync(made.path).equals(bytes)).toBe(true);
  });

  it('goes on alone when the server had ended after its last byte', async () => {
    const bytes = qcow2();
    const id = await client.create(bytes.length, meta('late.qcow2'));
    writeFileSync(join(folder.dataDir, 'incoming', `${id}.part`), bytes);
    await restart();
    const [operation] = strata.services.operations.list({}).items;
    expect((await client.ended(operation?.id ?? '')).state).toBe('done');
    expect(readFileSync(join(folder.dataDir, 'images', 'late.qcow2')).equals(bytes)).toBe(true);
  });

  it('is sent again from what was surely on disk when the power had failed', async () => {
    const bytes = randomBytes(1024 ** 2);
    const id = await client.create(bytes.length, meta('stick.img'));
    await client.part(id, 0, bytes.subarray(0, 4096));
    await strata.close();
    const db = openDatabase(join(folder.dataDir, 'strata.db'));
    db.prepare("UPDATE uploads SET boot_id = 'another', synced = 1024").run();
    db.close();
    await start();
    expect(await client.offset(id)).toBe(1024);
    const operation = await client.ended(
      (await client.part(id, 1024, bytes.subarray(1024))).headers.get('strata-operation') ?? '',
    );
    expect(readFileSync(image(operation.result?.imageId).path).equals(bytes)).toBe(true);
  });

  it('is removed on request and a day after its last part', async () => {
    const removed = await client.create(100, meta('a.img'));
    expect((await client.call('DELETE', `/uploads/${removed}`)).status).toBe(204);
    const old = await client.create(100, meta('b.img'));
    const young = await client.create(100, meta('c.img'));
    await strata.close();
    const db = openDatabase(join(folder.dataDir, 'strata.db'));
    db.prepare('UPDATE uploads SET touched_at = ? WHERE id = ?').run(
      new Date(Date.now() - 25 * 3600_000).toISOString(),
      old,
    );
    db.close();
    await start();
    expect((await list()).items).toMatchObject([{ id: young }]);
    expect(incoming()).toEqual([`${young}.part`]);
    expect((await client.call('HEAD', `/uploads/${old}`, { 'tus-resumable': '1.0.0' })).status).toBe(404);
  });

  it('is private while it comes, and its zeros take no space', async () => {
    const id = await client.create(8 * 1024 ** 2, meta('empty.img'));
    await client.part(id, 0, Buffer.alloc(4 * 1024 ** 2));
    const { mode, size, blocks } = statSync(join(folder.dataDir, 'incoming', `${id}.part`));
    expect([mode & 0o777, size, blocks]).toEqual([0o600, 4 * 1024 ** 2, 0]);
    expect(await client.offset(id)).toBe(4 * 1024 ** 2);
  });
});

describe('the addresses of uploads', () => {
  oneServer();
  const port = (): number => (strata.app.server.address() as AddressInfo).port;
  const raw = (method: string, path: string, headers: readonly string[]): Promise<string> =>
    rawHttp(port(), `${method} ${path} HTTP/1.1\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`);
  const host = () => `Host: 127.0.0.1:${port()}`;
  const bearer = `Authorization: Bearer ${token}`;
  const tus = 'Tus-Resumable: 1.0.0';

  it('need the token, the right Host and no foreign Origin, like all others', async () => {
    const id = await client.create(100, meta('a.img'));
    for (const [method, path] of [
      ['POST', '/api/v1/uploads'],
      ['HEAD', `/api/v1/uploads/${id}`],
      ['PATCH', `/api/v1/uploads/${id}`],
      ['DELETE', `/api/v1/uploads/${id}`],
      ['GET', '/api/v1/uploads'],
    ] as const) {
      expect([method, statusOf(await raw(method, path, [host(), tus]))]).toEqual([method, 401]);
      expect([method, statusOf(await raw(method, path, ['Host: evil.example', bearer, tus]))]).toEqual([
        method,
        421,
      ]);
      expect([
        method,
        statusOf(await raw(method, path, [host(), bearer, tus, 'Origin: http://evil.example'])),
      ]).toEqual([method, 403]);
    }
    expect(await client.offset(id)).toBe(0);
  });

  it('let no other page read or ask: no answer has a CORS header, and OPTIONS is no method', async () => {
    for (const path of ['/api/v1/uploads', '/api/v1/uploads/abcdefghijkm']) {
      const answer = await raw('OPTIONS', path, [host(), bearer, `Origin: http://127.0.0.1:${port()}`]);
      expect([404, 405]).toContain(statusOf(answer));
      expect(answer.toLowerCase()).not.toContain('access-control-');
    }
    const begun = await client.begin(100, meta('a.img'));
    const id = begun.headers.get('location')?.split('/').at(-1) ?? '';
    const asked = await client.call('HEAD', `/uploads/${id}`, { 'tus-resumable': '1.0.0' });
    const refused = await client.part(id, 7, Buffer.alloc(1));
    for (const { headers } of [begun, asked, refused])
      expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
    expect(begun.headers.get('location')).toBe(`/api/v1/uploads/${id}`);
    expect(begun.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('take no other body, and no other address takes a part', async () => {
    const id = await client.create(100, meta('a.img'));
    const part = { 'tus-resumable': '1.0.0', 'upload-offset': '0' };
    for (const type of ['text/plain', 'application/octet-stream', 'multipart/form-data; boundary=x'])
      expect(
        (await client.call('PATCH', `/uploads/${id}`, { ...part, 'content-type': type }, 'xx')).status,
      ).toBe(415);
    const elsewhere = await client.call(
      'POST',
      '/vms',
      { 'content-type': 'application/offset+octet-stream' },
      '{"name":"x"}',
    );
    expect(elsewhere.status).toBe(415);
    expect(await client.offset(id)).toBe(0);
  });

  it('speak tus 1.0.0 only', async () => {
    const answer = await client.call('POST', '/uploads', { 'upload-length': '5' });
    expect([answer.status, answer.body.code]).toEqual([412, 'upload-protocol']);
  });
});

describe('an upload is refused, and nothing of it stays,', () => {
  aServerEach();
  const begun = async (size: number, metadata: Record<string, string>) => {
    const { status, body } = await client.begin(size, metadata);
    return [status, body?.code];
  };
  it('when it is announced with nonsense', async () => {
    const name = meta('a.img');
    expect(await begun(0, name)).toEqual([422, 'image-refused']);
    expect(await begun(2 ** 47, name)).toEqual([413, 'body-too-large']);
    expect(await begun(100, {})).toEqual([400, 'invalid-request']);
    expect(await begun(100, meta('x\n.img'))).toEqual([400, 'invalid-request']);
    expect(await begun(100, { ...name, format: 'dmg' })).toEqual([400, 'invalid-request']);
    expect(await begun(100, { ...name, sha256: 'abc' })).toEqual([400, 'invalid-request']);
    expect(await begun(100, { ...name, folder: '/etc' })).toEqual([403, 'forbidden-path']);
    expect(await begun(100, { ...name, folder: scratch })).toEqual([403, 'forbidden-path']);
    const { bavail, bsize } = statfsSync(folder.dataDir);
    expect(await begun(bavail * bsize, name)).toEqual([507, 'disk-full']);
    const tus = { 'tus-resumable': '1.0.0' };
    for (const length of ['-1', '1.5', '1e3', 'x', '9007199254740993', '18446744073709551616'])
      expect([
        length,
        (await client.call('POST', '/uploads', { ...tus, 'upload-length': length })).status,
      ]).toEqual([length, 400]);
    expect((await client.call('POST', '/uploads', { ...tus, 'upload-defer-length': '1' })).status).toBe(400);
    expect(incoming()).toEqual([]);
  });

  it('when a part is at the wrong place, too long, or comes beside another', async () => {
    const bytes = randomBytes(2 * 1024 ** 2);
    const id = await client.create(bytes.length, meta('a.img'));
    await client.part(id, 0, bytes.subarray(0, 1000));
    const at = async (offset: string, part: Buffer) =>
      (
        await client.call(
          'PATCH',
          `/uploads/${id}`,
          {
            'tus-resumable': '1.0.0',
            'upload-offset': offset,
            'content-type': 'application/offset+octet-stream',
          },
          part,
        )
      ).status;
    expect(await at('0', bytes.subarray(0, 10))).toBe(409);
    expect(await at('2000', bytes.subarray(0, 10))).toBe(409);
    expect(await at('999', bytes.subarray(0, 10))).toBe(409);
    for (const offset of ['-1', '1.0', 'x', ''])
      expect([offset, await at(offset, bytes.subarray(0, 10))]).toEqual([offset, 400]);
    expect(await at('1000', bytes)).toBe(413);
    expect(await client.offset(id)).toBe(1000);
    const both = await Promise.all(
      Array.from({ length: 6 }, () => client.part(id, 1000, bytes.subarray(1000))),
    );
    const statuses = both.map(({ status }) => status).sort();
    expect(statuses).toEqual([204, 409, 409, 409, 409, 409]);
    const last = both.find(({ status }) => status === 204);
    const operation = await client.ended(last?.headers.get('strata-operation') ?? '');
    expect(readFileSync(image(operation.result?.imageId).path).equals(bytes)).toBe(true);
  });

  it('when a part has no length, because nobody could tell where it ends', async () => {
    const id = await client.create(100, meta('a.img'));
    const { port } = strata.app.server.address() as AddressInfo;
    const answer = await rawHttp(
      port,
      `PATCH /api/v1/uploads/${id} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    );
    expect(statusOf(answer)).toBe(400);
    expect(await client.offset(id)).toBe(0);
  });

  it('when its check sum is another', async () => {
    const bytes = qcow2();
    const right = createHash('sha256').update(bytes).digest('hex');
    expect((await client.send(bytes, meta('a.qcow2', { sha256: right.toUpperCase() }))).state).toBe('done');
    const before = images();
    const operation = await client.send(bytes, meta('b.qcow2', { sha256: '0'.repeat(64) }));
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'image-refused' } });
    expect(operation.error?.message).toContain(right);
    await expect.poll(async () => (await list()).items, patient).toEqual([]);
    expect([images(), incoming()]).toEqual([before, []]);
  });

  it('when it is no qcow2 of its own, though it was said to be a QED or a Parallels disk', async () => {
    const path = join(scratch, 'real.qed');
    execFileSync('qemu-img', ['create', '-q', '-f', 'qed', path, '8M']);
    execFileSync('qemu-io', ['-f', 'qed', '-c', 'write -P 7 1M 1M', path]);
    const said = await client.send(readFileSync(path), meta('a.bin', { format: 'qed' }));
    expect([said.state, image(said.result?.imageId).format]).toEqual(['done', 'qcow2']);
    execFileSync('qemu-img', ['compare', '-f', 'qed', '-F', 'qcow2', path, image(said.result?.imageId).path]);
    expect((await client.send(qcow2(), meta('b.bin', { format: 'qed' }))).error?.code).toBe('image-refused');
    expect((await client.send(readFileSync(path), meta('c', { format: 'parallels' }))).error?.code).toBe(
      'image-refused',
    );
    await expect.poll(incoming, patient).toEqual([]);
  });

  it('when it is not what it was said to be', async () => {
    const bytes = qcow2();
    const outcome = async (content: Buffer, metadata: Record<string, string>) => {
      const { state, error } = await client.send(content, metadata);
      return [state, error?.code];
    };
    expect(await outcome(bytes, meta('a.img', { format: 'raw' }))).toEqual(['failed', 'image-refused']);
    expect(await outcome(bytes, meta('a.vmdk', { format: 'vmdk' }))).toEqual(['failed', 'image-refused']);
    expect(await outcome(randomBytes(4096), meta('cut.vhd'))).toEqual(['failed', 'image-refused']);
    expect(await outcome(Buffer.from('a letter'), meta('letter.txt'))).toEqual(['failed', 'image-refused']);
    expect(await outcome(randomBytes(4096), meta('a.txt', { format: 'raw' }))).toEqual(['done', undefined]);
    // Cloud images of qcow2 are called .img: the header tells.
    expect(await outcome(bytes, meta('cloud.img'))).toEqual(['done', undefined]);
    expect(images().sort()).toEqual(['a.txt.raw', 'cloud.qcow2']);
    await expect.poll(incoming, patient).toEqual([]);
  });
});

describe('a hostile image is refused before anything that it names is opened:', () => {
  oneServer();
  const made = (format: string, name: string, ...options: string[]): Buffer => {
    const path = join(scratch, name);
    execFileSync('qemu-img', ['create', '-q', '-f', format, ...options, path, '8M']);
    return readFileSync(path);
  };
  const patched = (bytes: Buffer, change: (bytes: Buffer) => void): Buffer => {
    change(bytes);
    return bytes;
  };
  const fifo = (): string => {
    const path = join(scratch, 'fifo');
    spawnSync('mkfifo', [path]);
    return path;
  };
  const standingOn = (backing: string): Buffer => made('qcow2', 'h.qcow2', '-u', '-b', backing, '-F', 'raw');
  const plain = (): Buffer => made('qcow2', 'h.qcow2');
  const flat = (extent: string): Buffer =>
    Buffer.from(
      `# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 16384 FLAT "${extent}" 0\n`,
    );

  // Whoever opened the FIFO would hang; whoever connected would be counted.
  const cases: ReadonlyArray<readonly [string, string, (port: number) => Buffer]> = [
    ['a backing file', 'h.qcow2', () => standingOn('/etc/passwd')],
    ['a backing FIFO', 'h.qcow2', () => standingOn(fifo())],
    [
      'a backing of json:',
      'h.qcow2',
      () => standingOn(`json:{"driver":"raw","file":{"driver":"file","filename":"${fifo()}"}}`),
    ],
    ['a backing of nbd:', 'h.qcow2', (port) => standingOn(`nbd://127.0.0.1:${port}/x`)],
    ['a backing of http:', 'h.qcow2', (port) => standingOn(`http://127.0.0.1:${port}/x`)],
    ['a backing of fat:', 'h.qcow2', () => standingOn('fat:/etc')],
    [
      'an external data file',
      'h.qcow2',
      () => made('qcow2', 'h.qcow2', '-o', `data_file=${join(scratch, 'canary')}`),
    ],
    [
      'an unknown incompatible feature',
      'h.qcow2',
      () => patched(plain(), (bytes) => bytes.writeUInt8(4, 78)),
    ],
    ['the corrupt bit', 'h.qcow2', () => patched(plain(), (bytes) => bytes.writeUInt8(2, 79))],
    ['clusters of 2 GiB', 'h.qcow2', () => patched(plain(), (bytes) => bytes.writeUInt32BE(31, 20))],
    ['a header of 2 GiB', 'h.qcow2', () => patched(plain(), (bytes) => bytes.writeUInt32BE(2 ** 31, 100))],
    ['65,536 snapshots', 'h.qcow2', () => patched(plain(), (bytes) => bytes.writeUInt32BE(65_536, 60))],
    ['128 PiB', 'h.qcow2', () => patched(plain(), (bytes) => bytes.writeBigUInt64BE(2n ** 57n, 24))],
    [
      'an L1 table outside of the file',
      'h.qcow2',
      () => patched(plain(), (bytes) => bytes.writeBigUInt64BE(2n ** 40n, 40)),
    ],
    ['encryption', 'h.qcow2', () => patched(plain(), (bytes) => bytes.writeUInt32BE(2, 32))],
    ['a VMDK extent', 'h.vmdk', () => flat('/etc/passwd')],
    ['a VMDK extent that is a FIFO', 'h.vmdk', () => flat(fifo())],
    ['qcow, version 1', 'h.qcow', () => made('qcow', 'h.qcow')],
    ['QED that was not said to be that', 'h.qed', () => made('qed', 'h.qed')],
    ['a Parallels disk that was not said to be that', 'h.hds', () => made('parallels', 'h.hds')],
    ['a VHDX with a parent', 'h.vhdx', () => patched(made('vhdx', 'h.vhdx'), withParentFlag)],
    ['a VHDX with a parent locator', 'h.vhdx', () => patched(made('vhdx', 'h.vhdx'), withParentLocator)],
    [
      'a VMDK that is the delta of another',
      'h.vmdk',
      () => saying('parentCID=ffffffff', 'parentCID=12345678'),
    ],
    [
      'a VMDK that names its parent',
      'h.vmdk',
      () => saying('ddb.toolsVersion = "2147483647"', 'parentFileNameHint="/etc/passw"'),
    ],
    [
      'a differencing VDI',
      'h.vdi',
      () => patched(made('vdi', 'h.vdi'), (bytes) => bytes.writeUInt32LE(4, 76)),
    ],
    ['a VDI with a parent', 'h.vdi', () => patched(made('vdi', 'h.vdi'), (bytes) => bytes.fill(1, 424, 456))],
    ['a differencing VHD', 'h.vhd', () => patched(made('vpc', 'h.vhd'), asDifferencing)],
  ];
  /** The kind of disk, in the footer and in its copy at the start, with their check sums. */
  const asDifferencing = (bytes: Buffer): void => {
    for (const at of [0, bytes.length - 512]) {
      bytes.writeUInt32BE(4, at + 60);
      bytes.writeUInt32BE(0, at + 64);
      let sum = 0;
      for (let index = 0; index < 512; index += 1) sum += bytes[at + index] ?? 0;
      bytes.writeUInt32BE(~sum >>> 0, at + 64);
    }
  };

  /** The entry of an item in the metadata of a VHDX, and where its table begins. */
  const metadataOf = (bytes: Buffer, guid: string): { entry: number; table: number } => {
    const entry = bytes.indexOf(Buffer.from(guid, 'hex'));
    return { entry, table: entry - (entry % 1024 ** 2) };
  };
  const withParentFlag = (bytes: Buffer): void => {
    const { entry, table } = metadataOf(bytes, '3767a1ca36fa434db3b633f0aa44e76b');
    const flags = table + bytes.readUInt32LE(entry + 16) + 4;
    bytes.writeUInt32LE(bytes.readUInt32LE(flags) | 2, flags);
  };
  /** In the place of the identity of the disk. */
  const withParentLocator = (bytes: Buffer): void => {
    const { entry } = metadataOf(bytes, 'ab12cabee6b2234593efc309e000c746');
    bytes.write('2d5fd3a80bb34d45abf7d3d84834ab0c', entry, 'hex');
  };
  const saying = (before: string, after: string): Buffer => {
    const bytes = made('vmdk', 'h.vmdk');
    bytes.write(after.padEnd(before.length, '\n'), bytes.indexOf(before), 'latin1');
    return bytes;
  };

  it.each(cases)('%s', async (_, filename, bytes) => {
    let connections = 0;
    const listener = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((ready) => listener.listen(0, '127.0.0.1', ready));
    writeFileSync(join(scratch, 'canary'), 'canary');
    const content = bytes((listener.address() as AddressInfo).port);
    const before = statSync(join(scratch, 'canary'), { bigint: true });
    const operation = await client.send(content, meta(filename));
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'image-refused' } });
    // Our own reading has refused it: QEMU was not asked.
    expect(operation.error?.message).not.toContain('QEMU cannot read it');
    expect(connections).toBe(0);
    const after = statSync(join(scratch, 'canary'), { bigint: true });
    expect([after.mtimeNs, after.size, after.ino]).toEqual([before.mtimeNs, before.size, before.ino]);
    await expect.poll(incoming, patient).toEqual([]);
    expect(images()).toEqual([]);
    listener.close();
  });

  it('a raw disk whose guest wrote a qcow2 header is raw for ever', async () => {
    const raw = Buffer.alloc(1024 ** 2);
    const operation = await client.send(raw, meta('guest.raw', { format: 'raw' }));
    const { id, path } = image(operation.result?.imageId);
    standingOn(fifo()).copy(raw);
    writeFileSync(path, raw);
    await strata.services.library.images.refresh([id]);
    expect(image(id)).toMatchObject({ format: 'raw', backingId: null, virtualSize: raw.length });
  });
});

describe.runIf(canMount)('on a disk that becomes full an upload', () => {
  aServerEach();
  it('answers 507, keeps what came, and goes on when there is space again', async () => {
    await strata.close();
    const disk = mountSmallDisk(join(folder.dataDir, 'incoming'), 8);
    try {
      await start();
      const bytes = randomBytes(4 * 1024 ** 2);
      const id = await client.create(bytes.length, meta('a.img', { useReserve: 'true' }));
      disk.fill();
      const full = await client.part(id, 0, bytes);
      expect([full.status, full.body.code]).toEqual([507, 'disk-full']);
      const other = await client.call(
        'POST',
        '/images',
        { 'content-type': 'application/json' },
        JSON.stringify({ name: 'still', size: '1M' }),
      );
      expect(other.status).toBe(201);
      disk.free();
      const offset = await client.offset(id);
      const last = await client.part(id, offset, bytes.subarray(offset));
      const operation = await client.ended(last.headers.get('strata-operation') ?? '');
      expect(operation.state).toBe('done');
      expect(readFileSync(image(operation.result?.imageId).path).equals(bytes)).toBe(true);
    } finally {
      disk.unmount();
    }
  });

  it('is kept when there is no room to take it in, and can be taken in later', async () => {
    await strata.close();
    const disk = mountSmallDisk(join(folder.dataDir, 'images'), 8);
    try {
      await start();
      const bytes = randomBytes(4 * 1024 ** 2);
      const id = await client.create(bytes.length, meta('a.img', { useReserve: 'true' }));
      disk.fill();
      const last = await client.part(id, 0, bytes);
      const failed = await client.ended(last.headers.get('strata-operation') ?? '');
      expect(failed).toMatchObject({ state: 'failed', error: { code: 'disk-full' } });
      await expect
        .poll(async () => (await list()).items, patient)
        .toMatchObject([{ id, state: 'failed', error: { code: 'disk-full' } }]);
      disk.free();
      const again = await client.call('POST', `/uploads/${id}/import?wait=30`);
      expect([again.status, again.body.state]).toEqual([200, 'done']);
      expect(readFileSync(image(again.body.result.imageId).path).equals(bytes)).toBe(true);
      await expect.poll(incoming, patient).toEqual([]);
    } finally {
      disk.unmount();
    }
  });
});
