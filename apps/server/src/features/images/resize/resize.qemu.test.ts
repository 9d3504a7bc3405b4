import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { Operation, ResizePlan } from '@strata/contract';
import { type ResizeImageInput, resizeImageBody } from '@strata/contract';
import type { DiskWrite } from '@strata/partition-table';
import { gptTable, mbrTable } from '@strata/partition-table/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdOpen } from '../../../testing/damaged-image.ts';
import {
  expectSame,
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
  writeAt,
} from '../../../testing/work-bench.ts';

const mebibyte = 1024 ** 2;
const linux = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';

let folder: WorkFolder;
let bench: WorkBench;
const at = (name: string): string => folder.at(name);
const id = (name: string): string => bench.library.images.findByPath(at(name))?.id ?? `no ${name}`;
const sizeOf = (name: string): number => bench.library.images.facts(id(name)).virtualSize;
const plan = (name: string, wish: ResizeImageInput): Promise<ResizePlan> =>
  bench.resizing.plan(id(name), resizeImageBody.parse(wish));
const run = async (name: string, wish: ResizeImageInput): Promise<Operation> =>
  bench.ended(await bench.resizing.run(id(name), resizeImageBody.parse(wish)));
const codes = ({ blockers }: ResizePlan): string[] => blockers.map(({ code }) => code);

const onDisk = (name: string, writes: readonly DiskWrite[]): void => {
  const file = openSync(at(name), 'r+');
  for (const { offset, bytes } of writes) writeSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
};
/** As the system's own tool sees them. */
const partx = (path: string): string[] =>
  execFileSync('partx', ['-r', '-g', '-o', 'NR,START,SECTORS', path], { encoding: 'utf8' })
    .trim()
    .split('\n');
const asRaw = (name: string): string => {
  qemuImg('convert', '-f', 'qcow2', '-O', 'raw', at(name), at('flat.bin'));
  return at('flat.bin');
};
const readsZero = (path: string, megabyte: number, format = 'qcow2'): void => {
  const output = execFileSync('qemu-io', ['-f', format, '-c', `read -P 0 ${megabyte}M 1M`, path], {
    encoding: 'utf8',
  });
  expect(output).not.toMatch(/verification failed/);
};

/** A raw disk of 32 MiB with two partitions up to 13 MiB, data in each, and a qcow2 that shows the same. */
const withTable = (writes: readonly DiskWrite[]): void => {
  truncateSync(at('disk.raw'), 0);
  truncateSync(at('disk.raw'), 32 * mebibyte);
  writeAt(at('disk.raw'), 2, 7, 'raw');
  writeAt(at('disk.raw'), 12, 8, 'raw');
  onDisk('disk.raw', writes);
  qemuImg('convert', '-f', 'raw', '-O', 'qcow2', at('disk.raw'), at('disk.qcow2'));
};
const gpt = (): DiskWrite[] =>
  gptTable(32 * mebibyte, [
    { type: linux, start: 2048, sectors: 8 * 2048, label: 'one' },
    { type: linux, start: 9 * 2048, sectors: 4 * 2048, label: 'two' },
  ]);
const mbr = (): DiskWrite[] => [
  mbrTable([
    { type: 0x83, start: 2048, sectors: 8 * 2048 },
    { type: 0x05, start: 9 * 2048, sectors: 4 * 2048 },
  ]),
  mbrTable([{ type: 0x83, start: 2048, sectors: 3 * 2048 }], 9 * 2048),
];

beforeEach(async () => {
  folder = await workFolder();
  await folder.open();
  writeFileSync(at('disk.raw'), '');
  withTable(mbr());
  qemuImg('create', '-q', '-f', 'qcow2', at('base.qcow2'), '8M');
  for (const megabyte of [1, 6]) writeAt(at('base.qcow2'), megabyte, megabyte);
  qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', at('top.qcow2'), '4M');
  writeAt(at('top.qcow2'), 2, 9);
  bench = await folder.open();
});
afterEach(() => folder.dispose());

describe('a disk that grows', () => {
  it.each(['disk.raw', 'disk.qcow2'])('reads what it read, and zeros behind that: %s', async (name) => {
    const format = name.endsWith('raw') ? 'raw' : 'qcow2';
    copyFileSync(at(name), at('before.bin'));
    const { order, after, blockers, commands } = await plan(name, { size: '+16M' });
    expect(blockers).toEqual([]);
    expect(after).toBe(48 * mebibyte);
    expect(order[0]).toMatch(/^Make the disk larger/);
    expect(order.join(' ')).toMatch(/partition 5.*then its|partition 5/i);
    expect(commands[0]).toContain(`qemu-img resize -f ${format}`);
    expect(await run(name, { size: '48M' })).toMatchObject({ state: 'done', kind: 'image-resize' });
    expect(sizeOf(name)).toBe(48 * mebibyte);
    expectSame(at(name), at('before.bin'), [format, format]);
    for (const megabyte of [33, 47]) readsZero(at(name), megabyte, format);
    if (format === 'qcow2') qemuImg('check', '-q', '-f', 'qcow2', at(name));
  });

  it('on a longer backing does not let what lies below shine through', async () => {
    qemuImg('convert', '-f', 'qcow2', '-O', 'raw', at('top.qcow2'), at('before.bin'));
    expect((await plan('top.qcow2', { size: '8M' })).notes.join(' ')).toMatch(/reads as zeros/);
    expect((await run('top.qcow2', { size: '8M' })).state).toBe('done');
    expectSame(at('top.qcow2'), at('before.bin'), ['qcow2', 'raw']);
    readsZero(at('top.qcow2'), 6);
    expect(sizeOf('base.qcow2')).toBe(8 * mebibyte);
  });
});

describe('a disk that shrinks', () => {
  it('keeps its partitions: one with a boot record and logical ones', async () => {
    for (const name of ['disk.raw', 'disk.qcow2']) {
      const format = name.endsWith('raw') ? 'raw' : 'qcow2';
      copyFileSync(at(name), at('before.bin'));
      const planned = await plan(name, { size: '13M', shrink: true });
      expect(planned).toMatchObject({ partitionsEnd: 13 * mebibyte, smallest: 13 * mebibyte, blockers: [] });
      const { fingerprint } = planned;
      expect((await run(name, { size: '13M', shrink: true, fingerprint })).state).toBe('done');
      expect(sizeOf(name)).toBe(13 * mebibyte);
      expectSame(at(name), at('before.bin'), [format, format]);
    }
    expect(partx(at('disk.raw'))).toEqual(['1 2048 16384', '2 18432 8192', '5 20480 6144']);
  });

  it('with a GPT gets its second copy at the new end, as the system reads it', async () => {
    withTable(gpt());
    await bench.library.images.scan();
    const before = partx(at('disk.raw'));
    expect(before).toEqual(['1 2048 16384', '2 18432 8192']);
    for (const name of ['disk.raw', 'disk.qcow2']) {
      expect((await plan(name, { size: '20M', shrink: true })).order.join(' ')).toMatch(/second copy/);
      expect((await run(name, { size: '20M', shrink: true })).state).toBe('done');
      expect(sizeOf(name)).toBe(20 * mebibyte);
    }
    expect(partx(at('disk.raw'))).toEqual(before);
    expectSame(at('disk.raw'), at('disk.qcow2'), ['raw', 'qcow2']);
    const after = await plan('disk.raw', { size: '+1M' });
    expect(after.table).toMatchObject({ scheme: 'gpt', problems: [] });
    // Without the first copy the second one is found where it should be.
    const flat = asRaw('disk.qcow2');
    const file = openSync(flat, 'r+');
    writeSync(file, Buffer.alloc(512), 0, 512, 512);
    closeSync(file);
    expect(partx(flat)).toEqual(before);
  });

  it('is refused where it would cut off a partition, with the order in which things must be done; nothing is touched', async () => {
    const before = readFileSync(at('disk.qcow2'));
    const planned = await plan('disk.qcow2', { size: '12M', shrink: true });
    expect(codes(planned)).toEqual(['cuts-partition']);
    expect(planned.order[0]).toMatch(/^First, in the VM, the file system in partition 5/);
    expect(planned.order[1]).toMatch(/^Then the partition itself/);
    expect(planned.order.at(-1)).toMatch(/^Then make the disk smaller/);
    await expect(run('disk.qcow2', { size: '12M', shrink: true })).rejects.toMatchObject({
      code: 'plan-blocked',
    });
    expect(readFileSync(at('disk.qcow2')).equals(before)).toBe(true);
    withTable(gpt());
    await bench.library.images.scan();
    expect(codes(await plan('disk.raw', { size: 13 * mebibyte, shrink: true }))).toEqual(['cuts-partition']);
  });

  it('is refused without being asked for, and with a table that nobody can read', async () => {
    expect(codes(await plan('disk.raw', { size: '20M' }))).toEqual(['shrink-not-asked']);
    withTable([...gpt(), { offset: 512, bytes: new Uint8Array(512) }]);
    await bench.library.images.scan();
    expect(codes(await plan('disk.raw', { size: '20M', shrink: true }))).toEqual(['table-damaged']);
  });

  it('without partitions cuts off data only when the name of the image is given', async () => {
    expect(codes(await plan('base.qcow2', { size: '4M', shrink: true }))).toContain('stands-overlay');
    qemuImg('convert', '-f', 'qcow2', '-O', 'qcow2', at('base.qcow2'), at('alone.qcow2'));
    await bench.library.images.scan();
    const planned = await plan('alone.qcow2', { size: '4M', shrink: true });
    expect(planned).toMatchObject({ needsConfirm: true, cutBytes: mebibyte, table: { scheme: 'none' } });
    expect(codes(planned)).toEqual(['cuts-data']);
    expect(codes(await plan('alone.qcow2', { size: '7M', shrink: true }))).toEqual([]);
    const wish = { size: '4M', shrink: true, confirm: 'alone.qcow2' };
    expect((await run('alone.qcow2', wish)).state).toBe('done');
    expect(sizeOf('alone.qcow2')).toBe(4 * mebibyte);
    qemuImg('check', '-q', '-f', 'qcow2', at('alone.qcow2'));
  });
});

describe('resizing is refused', () => {
  it('for what an overlay, a tag or the trash stands on, and while another program has it open', async () => {
    expect(codes(await plan('base.qcow2', { size: '+1M' }))).toEqual(['stands-overlay']);
    qemuImg('snapshot', '-c', 'inside', at('disk.qcow2'));
    await bench.library.images.scan();
    expect(codes(await plan('disk.qcow2', { size: '+1M' }))).toEqual(['stands-internal-snapshot']);
    const holder = await holdOpen(at('top.qcow2'));
    expect(codes(await plan('top.qcow2', { size: '+1M' }))).toEqual(['image-locked']);
    await holder.close();
    await bench.library.images.delete(id('top.qcow2'));
    expect(codes(await plan('base.qcow2', { size: '+1M' }))).toEqual(['stands-trash']);
  });

  it('for formats that QEMU cannot resize, the size that it has, and sizes that are none', async () => {
    qemuImg('create', '-q', '-f', 'vdi', at('box.vdi'), '4M');
    await bench.library.images.scan();
    expect(codes(await plan('box.vdi', { size: '+1M' }))).toEqual(['format']);
    expect(codes(await plan('disk.raw', { size: '32M' }))).toEqual(['same-size']);
    for (const size of ['+0G', '-1G', '1.5G', 'x', 511, 0, '+65T', '65T'])
      expect(resizeImageBody.safeParse({ size }).success).toBe(false);
  });

  it('with a plan that is no longer true', async () => {
    const { fingerprint } = await plan('disk.raw', { size: '20M', shrink: true });
    writeAt(at('disk.raw'), 3, 5, 'raw');
    await expect(run('disk.raw', { size: '20M', shrink: true, fingerprint })).rejects.toMatchObject({
      code: 'plan-stale',
    });
    expect(statSync(at('disk.raw')).size).toBe(32 * mebibyte);
  });
});

describe('a raw disk whose guest has written the header of another format', () => {
  it('is resized as raw: the file that the header names is never opened', async () => {
    const canary = `${folder.folder}/../canary.raw`;
    writeFileSync(canary, Buffer.alloc(mebibyte, 0x5a));
    const canaryBefore = statSync(canary, { bigint: true });
    // A plain disk, as a VM has it; then its guest writes.
    await bench.defineVm({ name: 'guest', disks: [{ imageId: id('disk.raw') }] });
    const header = at('.header');
    qemuImg('create', '-q', '-f', 'qcow2', '-b', canary, '-F', 'raw', header, '64M');
    const evil = readFileSync(header);
    onDisk('disk.raw', [{ offset: 0, bytes: new Uint8Array(evil.subarray(0, 65_536)) }]);
    const wish = { size: '+8M', shrink: true } as const;
    await bench.library.images.scan();
    expect(bench.library.images.facts(id('disk.raw')).format).toBe('raw');
    expect(await plan('disk.raw', wish)).toMatchObject({ before: 32 * mebibyte, after: 40 * mebibyte });
    expect((await run('disk.raw', wish)).state).toBe('done');
    expect(statSync(at('disk.raw')).size).toBe(40 * mebibyte);
    expect(readFileSync(at('disk.raw')).subarray(0, 65_536).equals(evil.subarray(0, 65_536))).toBe(true);
    expect(statSync(canary, { bigint: true }).atimeNs).toBe(canaryBefore.atimeNs);
  });
});

describe('killed in the middle', () => {
  const expectWhole = (): void => {
    const flat = asRaw('disk.qcow2');
    expect(partx(flat)).toEqual(['1 2048 16384', '2 18432 8192']);
    const bytes = readFileSync(flat);
    expect(bytes.subarray(2 * mebibyte, 3 * mebibyte).every((byte) => byte === 7)).toBe(true);
    expect(bytes.subarray(12 * mebibyte, 13 * mebibyte).every((byte) => byte === 8)).toBe(true);
  };

  it.each([1, 2, 3])(
    'before action %i, a disk with a GPT is shrunk at the next start, or still whole',
    async (number) => {
      withTable(gpt());
      bench = await folder.open(number);
      const operation = await bench.resizing.run(
        id('disk.qcow2'),
        resizeImageBody.parse({ size: '20M', shrink: true }),
      );
      const outcome = await Promise.race([folder.died(), bench.ended(operation)]);
      // The moment after the kill, before anything was recovered.
      expectWhole();
      bench = await folder.open();
      expect(await bench.ended(operation)).toMatchObject({ state: 'done' });
      expect(sizeOf('disk.qcow2')).toBe(20 * mebibyte);
      expectWhole();
      expect(typeof outcome).toBe('string');
    },
  );
});
