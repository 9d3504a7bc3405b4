import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ExtendPlan, Operation } from '@strata/contract';
import { gptTable } from '@strata/partition-table/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasGuestfish } from '../../../qemu/tools/guestfs/appliance.ts';
import { qemuImg, type WorkBench, type WorkFolder, workFolder } from '../../../testing/work-bench.ts';
import { extendFolder } from './extend-steps.ts';

const mebibyte = 1024 ** 2;
const linux = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';
const offset = 4 * mebibyte;
const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 11) % 251));
/** The appliance starts without KVM, on a machine that does much else. */
const patience = 1_200_000;
/** Made of the kernel of this machine once, and not by each server of a test. */
const kept = fileURLToPath(new URL('../../../../../../.cache/appliance', import.meta.url));
mkdirSync(kept, { recursive: true });
process.env.LIBGUESTFS_CACHEDIR ??= kept;
/** The tools of ext4 lie where only root's PATH leads. */
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

let folder: WorkFolder;
let bench: WorkBench;
const at = (name: string): string => folder.at(name);
const id = (name: string): string => bench.library.images.findByPath(at(name))?.id ?? `no ${name}`;
const plan = (name: string): Promise<ExtendPlan> => bench.extending.plan(id(name));
const codes = ({ blockers }: ExtendPlan): string[] => blockers.map(({ code }) => code);
const ended = async (operation: Operation): Promise<Operation> => {
  for (;;) {
    const now = await bench.ended(operation);
    if (now.state === 'done' || now.state === 'failed' || now.state === 'cancelled') return now;
  }
};

/** A GPT with two partitions, the last one from 4 to 31 MiB, on a disk of 32 MiB. */
const writeTable = (path: string): void => {
  const file = openSync(path, 'r+');
  const writes = gptTable(32 * mebibyte, [
    { type: linux, start: 2048, sectors: 2048, label: 'one' },
    { type: linux, start: offset / 512, sectors: (27 * mebibyte) / 512, label: 'two' },
  ]);
  for (const write of writes) writeSync(file, write.bytes, 0, write.bytes.length, write.offset);
  closeSync(file);
};
/** With ext4 and files in its last partition. */
const makeExt4 = (path: string): void => {
  const tree = `${path}.tree`;
  mkdirSync(`${tree}/etc`, { recursive: true });
  writeFileSync(`${tree}/etc/hostname`, 'guest\n');
  writeFileSync(`${tree}/blob`, content);
  truncateSync(path, 32 * mebibyte);
  const where = ['-E', `offset=${offset}`, '-d', tree];
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', 'root', ...where, path, '26M'], { env });
  rmSync(tree, { recursive: true });
  writeTable(path);
};
/** With swap in its last partition: known, and nothing that is made larger. */
const makeSwap = (path: string): void => {
  truncateSync(path, 32 * mebibyte);
  const file = openSync(path, 'r+');
  const page = Buffer.alloc(4096);
  page.writeUInt32LE(1, 1024);
  page.writeUInt32LE((26 * mebibyte) / 4096 - 1, 1028);
  page.write('SWAPSPACE2', 4086, 'latin1');
  writeSync(file, page, 0, page.length, offset);
  closeSync(file);
  writeTable(path);
};

/** As the system's own tools see it. */
const partx = (path: string): string =>
  execFileSync('partx', ['-r', '-g', '-o', 'NR,START,SECTORS', path], { encoding: 'utf8' }).trim();
const flat = (name: string): string => {
  rmSync(at('flat.bin'), { force: true });
  qemuImg('convert', '-f', 'qcow2', '-O', 'raw', at(name), at('flat.bin'));
  return at('flat.bin');
};
const before = '1 2048 2048\n2 8192 55296';
const after = '1 2048 2048\n2 8192 186368';
const inside = (path: string, request: string): Buffer =>
  execFileSync('debugfs', ['-R', request, `${path}?offset=${offset}`], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
const expectFileSystem = (path: string, bytes: number): void => {
  execFileSync('e2fsck', ['-f', '-n', `${path}?offset=${offset}`], { env, stdio: 'pipe' });
  expect(inside(path, 'cat /blob').equals(content)).toBe(true);
  const [, blocks] = /Block count:\s+(\d+)/.exec(inside(path, 'stats -h').toString()) ?? [];
  const [, size] = /Block size:\s+(\d+)/.exec(inside(path, 'stats -h').toString()) ?? [];
  expect(Number(blocks) * Number(size)).toBe(bytes);
};
const nothingLeft = (): void => {
  const dataDir = folder.folder.replace(/\/images$/, '');
  expect(readdirSync(extendFolder(dataDir))).toEqual([]);
};

/** `disk.qcow2`: the disk of 32 MiB, made larger to 96 MiB. */
const open = async (make: (path: string) => void): Promise<void> => {
  writeFileSync(at('disk.raw'), '');
  make(at('disk.raw'));
  qemuImg('convert', '-f', 'raw', '-O', 'qcow2', at('disk.raw'), at('disk.qcow2'));
  qemuImg('resize', '-q', '-f', 'qcow2', at('disk.qcow2'), '96M');
  bench = await folder.open();
};

beforeEach(async () => {
  folder = await workFolder();
  await folder.open();
});
afterEach(() => folder.dispose());

describe('after a disk was made larger', () => {
  it.skipIf(!hasGuestfish())(
    'its last partition and the ext4 in it take the new space; the files are the same, the file system is whole',
    async () => {
      await open(makeExt4);
      const planned = await plan('disk.qcow2');
      expect(planned).toMatchObject({
        partition: { number: 2, before: 27 * mebibyte, after: 91 * mebibyte },
        fileSystem: { kind: 'ext4', label: 'root', before: 26 * mebibyte, after: 91 * mebibyte },
        blockers: [],
      });
      const { fingerprint } = planned;
      const operation = await ended(await bench.extending.run(id('disk.qcow2'), { fingerprint }));
      expect(operation.error).toBeUndefined();
      expect(operation).toMatchObject({ state: 'done', kind: 'image-extend' });
      expect(partx(flat('disk.qcow2'))).toBe(after);
      expectFileSystem(at('flat.bin'), 91 * mebibyte);
      qemuImg('check', '-q', '-f', 'qcow2', at('disk.qcow2'));
      nothingLeft();
      expect(codes(await plan('disk.qcow2'))).toEqual(['no-room']);
    },
    patience,
  );

  it('only the partition grows where its file system is not one that is extended', async () => {
    await open(makeSwap);
    const planned = await plan('disk.qcow2');
    expect(planned).toMatchObject({
      partition: { number: 2, after: 91 * mebibyte },
      fileSystem: { kind: 'swap', after: null },
      blockers: [],
    });
    expect(planned.notes.join(' ')).toMatch(/Only the partition grows/);
    expect((await ended(await bench.extending.run(id('disk.qcow2'), {}))).state).toBe('done');
    expect(partx(flat('disk.qcow2'))).toBe(after);
    nothingLeft();
  });
});

describe('extending is refused', () => {
  it('while an overlay stands on the image; nothing is touched', async () => {
    await open(makeExt4);
    const overlay = ['-b', 'disk.qcow2', '-F', 'qcow2', at('over.qcow2')];
    qemuImg('create', '-q', '-f', 'qcow2', ...overlay);
    const bytes = readFileSync(at('disk.qcow2'));
    expect(codes(await plan('disk.qcow2'))).toEqual(['stands-overlay']);
    await expect(bench.extending.run(id('disk.qcow2'), {})).rejects.toMatchObject({ code: 'plan-blocked' });
    expect(readFileSync(at('disk.qcow2')).equals(bytes)).toBe(true);
  });

  it('where nothing is free, where nothing is known, and with a plan that is no longer true', async () => {
    await open((path) => {
      truncateSync(path, 32 * mebibyte);
      writeTable(path);
    });
    expect(codes(await plan('disk.raw'))).toEqual(['no-room']);
    expect(codes(await plan('disk.qcow2'))).toEqual(['unknown-file-system']);
    await expect(bench.extending.run(id('disk.qcow2'), { fingerprint: 'old' })).rejects.toMatchObject({
      code: 'plan-stale',
    });
    qemuImg('create', '-q', '-f', 'qcow2', at('empty.qcow2'), '8M');
    await bench.library.images.scan();
    expect(codes(await plan('empty.qcow2'))).toEqual(['no-partition']);
  });
});

describe('killed in the middle', () => {
  it.each([1, 2, 3, 4, 5])('before action %i, it is finished at the next start', async (number) => {
    await open(makeSwap);
    bench = await folder.open(number);
    const operation = await bench.extending.run(id('disk.qcow2'), {});
    expect(await folder.died()).toMatch(/begin|growPartition|prove|merge|discard/);
    // The moment after the kill: before anything was written into it, the image is as it was.
    expect(partx(flat('disk.qcow2'))).toBe(number === 5 ? after : before);
    bench = await folder.open();
    expect(await ended(operation)).toMatchObject({ state: 'done' });
    expect(partx(flat('disk.qcow2'))).toBe(after);
    qemuImg('check', '-q', '-f', 'qcow2', at('disk.qcow2'));
    nothingLeft();
  });

  it('after its overlay was removed, it has an end', async () => {
    await open(makeSwap);
    bench = await folder.open(5);
    const operation = await bench.extending.run(id('disk.qcow2'), {});
    expect(await folder.died()).toBe('discard');
    const dataDir = folder.folder.replace(/\/images$/, '');
    for (const name of readdirSync(extendFolder(dataDir)))
      rmSync(`${extendFolder(dataDir)}/${name}`, { recursive: true });
    bench = await folder.open();
    expect(await ended(operation)).toMatchObject({ state: 'done' });
    expect(partx(flat('disk.qcow2'))).toBe(after);
  });

  it.skipIf(!hasGuestfish())(
    'while the larger file system is written into the image, all of it is there after the next start',
    async () => {
      await open(makeExt4);
      bench = await folder.open(5);
      const operation = await bench.extending.run(id('disk.qcow2'), {});
      expect(await folder.died()).toBe('merge');
      const dataDir = folder.folder.replace(/\/images$/, '');
      const [overlay = ''] = readdirSync(extendFolder(dataDir)).filter((name) => name.endsWith('.qcow2'));
      // Half of it: the table is the new one, the file system still the old one.
      const half = ['-f', 'qcow2', '-c', 'write -P 0 0 64k', at('disk.qcow2')];
      qemuImg('commit', '-q', '-d', '-f', 'qcow2', `${extendFolder(dataDir)}/${overlay}`);
      execFileSync('qemu-io', half);
      bench = await folder.open();
      expect(await ended(operation)).toMatchObject({ state: 'done' });
      expect(partx(flat('disk.qcow2'))).toBe(after);
      expectFileSystem(at('flat.bin'), 91 * mebibyte);
      nothingLeft();
    },
    patience,
  );
});
