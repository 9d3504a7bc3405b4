import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { mkdir, open, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { apiPrefix, type Image, type InsideSession } from '@strata/contract';
import { buildApp, type StrataApp } from '../../../app.ts';
import { createOverlay } from '../../../qemu/qemu-img.ts';
import { testDataDir } from '../../../testing/test-app.ts';

const run = promisify(execFile);
/** The tools of ext4 lie where only root's PATH leads. */
export const tool = (program: string, args: readonly string[]) =>
  run(program, [...args], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } });
export const mebi = 1024 ** 2;
const sector = 512;
/** Of the two partitions, in bytes. */
export const linux = { at: mebi, size: 40 * mebi };
export const fat = { at: 41 * mebi, size: 16 * mebi };
const diskSize = 64 * mebi;

/** Names that people give to break whatever shows or runs them; all of them are allowed on ext4. */
export const hostileNames = [
  'line\nbreak',
  '<img src=x onerror=alert(1)>',
  '"; !touch PWNED; echo "',
  "' | touch PWNED",
  '$(touch PWNED)`touch PWNED`',
  '-rf',
  '*',
  '{a,b}',
  '\\x2e\\x2e',
  'libguestfs: error: no',
  '\u202Etxt.exe',
  ' blank ',
] as const;
export const notUtf8 = Buffer.from([0x66, 0xff, 0xfe, 0x0a, 0x22]);
export const sparseSize = 15 * 1024 ** 4;
export const bigFile = Buffer.alloc(5 * mebi + 17, 'the quick brown fox jumps over the lazy dog\n');
export const pageNames = Array.from({ length: 450 }, (_, at) => `file ${String(at).padStart(3, '0')}`);

const fillTree = async (tree: string): Promise<void> => {
  await mkdir(join(tree, 'hostile'), { recursive: true });
  await mkdir(join(tree, 'many'));
  await mkdir(join(tree, 'docs', 'deep'), { recursive: true });
  await writeFile(join(tree, 'hello.txt'), 'hello from the base\n');
  await writeFile(join(tree, 'big.bin'), bigFile);
  await writeFile(join(tree, 'zeros'), Buffer.alloc(100));
  await writeFile(join(tree, 'docs', 'a.txt'), 'a\n');
  await writeFile(join(tree, 'docs', 'deep', 'b.txt'), 'b\n');
  await symlink('/etc/passwd', join(tree, 'hostile', 'absolute'));
  await symlink('../../../../../etc/passwd', join(tree, 'hostile', 'relative'));
  await symlink('a\nb', join(tree, 'hostile', 'nowhere'));
  await symlink('/docs/a.txt', join(tree, 'link'));
  await mkdir(join(tree, 'away'));
  for (const name of ['one', 'two']) await writeFile(join(tree, 'away', name), name);
  for (const name of ['short', 'onto']) await symlink('/away', join(tree, name));
  for (const name of hostileNames) await writeFile(join(tree, 'hostile', name), `I am ${name}`);
  await writeFile(Buffer.concat([Buffer.from(`${tree}/hostile/`), notUtf8]), 'no text');
  for (const name of pageNames) await writeFile(join(tree, 'many', name), '');
  await writeFile(join(tree, 'sparse'), '');
  await truncate(join(tree, 'sparse'), sparseSize);
  await tool('mkfifo', [join(tree, 'pipe')]);
};

const partition = (type: number, { at, size }: { at: number; size: number }): Buffer => {
  const entry = Buffer.alloc(16);
  entry[4] = type;
  entry.writeUInt32LE(at / sector, 8);
  entry.writeUInt32LE(size / sector, 12);
  return entry;
};

/** An MBR with an ext4 and a FAT file system, made without a device, a mount, or libguestfs. */
const makeDisk = async (folder: string): Promise<string> => {
  const [tree, disk] = [join(folder, 'tree'), join(folder, 'disk.raw')];
  await fillTree(tree);
  const linuxFile = join(folder, 'linux.raw');
  await tool('mke2fs', [
    '-q',
    '-t',
    'ext4',
    '-b',
    '4096',
    '-L',
    'root <b>',
    '-d',
    tree,
    linuxFile,
    `${linux.size / 1024}k`,
  ]);
  const fatFile = join(folder, 'fat.raw');
  await writeFile(fatFile, '');
  await truncate(fatFile, fat.size);
  await tool('mformat', [
    '-i',
    fatFile,
    '-v',
    'BOOT',
    '-T',
    String(fat.size / sector),
    '-h',
    '16',
    '-s',
    '32',
    '::',
  ]);
  await writeFile(join(folder, 'config.txt'), 'boot=1\n');
  await tool('mcopy', ['-i', fatFile, join(folder, 'config.txt'), '::/Config file.txt']);
  const file = await open(disk, 'w');
  await file.truncate(diskSize);
  const table = Buffer.concat([
    partition(0x83, linux),
    partition(0x0e, fat),
    Buffer.alloc(32),
    Buffer.from([0x55, 0xaa]),
  ]);
  await file.write(table, 0, table.length, 446);
  await file.write(await readFile(linuxFile), 0, linux.size, linux.at);
  await file.write(await readFile(fatFile), 0, fat.size, fat.at);
  await file.close();
  return disk;
};

export interface InsideAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever is answered, and fails where it is not so.
  readonly body: any;
  readonly raw: Buffer;
}
type CallMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface InsideBench {
  readonly strata: StrataApp;
  readonly dataDir: string;
  readonly runDir: string;
  readonly scratch: string;
  image(name: string): Image;
  call(method: CallMethod, path: string, body?: unknown, type?: string): Promise<InsideAnswer>;
  /** Opens it and waits until it is ready. */
  look(name: string, wish?: object): Promise<InsideSession>;
  settled(sid: string): Promise<InsideSession>;
  stop(): Promise<void>;
}

const headers = { host: '127.0.0.1', authorization: 'Bearer test-token' };

export const sumOf = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

/** The whole server, with `base` and, on it, `top` and `other`, none of them used by a VM. */
export const startInsideBench = async (): Promise<InsideBench> => {
  const folder = testDataDir();
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'strata-scratch-')));
  const disk = await makeDisk(scratch);
  const inLibrary = (name: string): string => join(folder.dataDir, 'images', `${name}.qcow2`);
  await mkdir(join(folder.dataDir, 'images'), { recursive: true });
  await tool('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', disk, inLibrary('base')]);
  await createOverlay({ path: inLibrary('top'), backing: 'base.qcow2', backingFormat: 'qcow2' });
  const strata = await buildApp({
    ...{ version: '0.0.0-test', host: '127.0.0.1', port: 0, ...folder },
    ...{ open: false, token: 'test-token', webRoot: null, logLevel: 'silent' },
  });
  await strata.services.library.images.scan();
  const call: InsideBench['call'] = async (method, url, body, type) => {
    const answer = await strata.app.inject({
      ...{ method, url: apiPrefix + url },
      headers: { ...headers, ...(type === undefined ? {} : { 'content-type': type }) },
      ...(body === undefined ? {} : { payload: body as object }),
    });
    const json = /json/.test(String(answer.headers['content-type']));
    return {
      ...{ status: answer.statusCode, headers: answer.headers, raw: answer.rawPayload },
      body: json ? JSON.parse(answer.body) : null,
    };
  };
  const image = (name: string): Image => {
    const found = strata.services.library.images.list().find(({ path }) => path === inLibrary(name));
    if (found === undefined) throw new Error(`no image ${name}`);
    return found;
  };
  const settled = async (sid: string): Promise<InsideSession> => {
    for (;;) {
      const { body } = await call('GET', `/inside/${sid}`);
      if (body.state !== 'starting') return body as InsideSession;
      await delay(50);
    }
  };
  return {
    ...{ strata, ...folder, scratch, call, image, settled },
    look: async (name, wish = {}) => {
      const { status, body } = await call('POST', `/images/${image(name).id}/inside`, wish);
      if (status !== 201) throw new Error(`${status}: ${JSON.stringify(body)}`);
      return settled((body as InsideSession).id);
    },
    stop: async () => {
      await strata.close();
      folder.remove();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
};
