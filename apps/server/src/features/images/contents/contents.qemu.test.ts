import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { imageContents, partitionList } from '@strata/contract';
import { gptTable } from '@strata/partition-table/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdOpen } from '../../../testing/damaged-image.ts';
import { startTestServer } from '../../../testing/test-app.ts';
import { qemuImg, type WorkBench, type WorkFolder, workFolder } from '../../../testing/work-bench.ts';
import { contentsRoutes } from './contents.routes.ts';

const mebibyte = 1024 ** 2;
const mke2fs = '/usr/sbin/mke2fs';
const uuid = '01020304-0506-0708-090a-0b0c0d0e0f10';

let folder: WorkFolder;
let bench: WorkBench;
const at = (name: string): string => folder.at(name);
const id = (name: string): string => bench.library.images.findByPath(at(name))?.id ?? `no ${name}`;

const write = (name: string, offset: number, bytes: Uint8Array): void => {
  const file = openSync(at(name), 'r+');
  writeSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
};

/** A disk with a GPT: ext4 made by the system's own tool at 1 MiB, and room behind it. */
const makeDisk = (): void => {
  writeFileSync(at('disk.raw'), '');
  truncateSync(at('disk.raw'), 32 * mebibyte);
  const table = gptTable(32 * mebibyte, [
    { type: '0FC63DAF-8483-4772-8E79-3D69D8477DE4', start: 2048, sectors: 8 * 2048, label: 'system' },
    { type: '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F', start: 9 * 2048, sectors: 2048, label: 'pages' },
  ]);
  for (const { offset, bytes } of table) write('disk.raw', offset, bytes);
  execFileSync(
    mke2fs,
    ['-q', '-t', 'ext4', '-L', 'rootfs', '-U', uuid, '-E', `offset=${mebibyte}`, at('disk.raw'), '8M'],
    { stdio: 'ignore' },
  );
};

beforeEach(async () => {
  folder = await workFolder();
  bench = await folder.open();
});
afterEach(() => folder.dispose());

describe.skipIf(!existsSync(mke2fs))('what the disk of an image holds', () => {
  beforeEach(async () => {
    makeDisk();
    qemuImg('convert', '-f', 'raw', '-O', 'qcow2', at('disk.raw'), at('base.qcow2'));
    qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', at('top, one.qcow2'));
    await bench.library.images.scan();
  });

  it('is told of a raw disk, of a qcow2 and through an overlay: partitions with offsets and file systems', async () => {
    for (const name of ['disk.raw', 'base.qcow2', 'top, one.qcow2']) {
      const disk = await bench.contents.disk(id(name));
      expect(disk, name).toMatchObject({ scheme: 'gpt', sectorSize: 512, problems: [], blank: false });
      expect(disk.items, name).toMatchObject([
        {
          ...{
            number: 1,
            name: 'system',
            typeName: 'Linux',
            start: 2048,
            offset: mebibyte,
            size: 8 * mebibyte,
          },
          ...{ fileSystem: 'ext4', label: 'rootfs', bootable: false, content: { uuid, size: 8 * mebibyte } },
        },
        { number: 2, name: 'pages', offset: 9 * mebibyte, fileSystem: null, label: null, content: null },
      ]);
      expect(disk.system?.name).toBe('Linux');
      expect(disk.boot).toEqual([]);
    }
  });

  it('is what the layer shows at its moment: what a layer above has changed is told of that one alone', async () => {
    const label = ['-f', 'qcow2', '-c', `write -P 65 ${mebibyte + 1024 + 120} 16`, at('top, one.qcow2')];
    execFileSync('qemu-io', label);
    expect((await bench.contents.disk(id('top, one.qcow2'))).items[0]?.label).toBe('A'.repeat(16));
    expect((await bench.contents.disk(id('base.qcow2'))).items[0]?.label).toBe('rootfs');
  });

  it('is read once, and again when a file of the chain has changed', async () => {
    const look = () => bench.contents.disk(id('top, one.qcow2'));
    await look();
    // What has lain still since it was read is remembered; right after a write the clock cannot tell two of them apart.
    await expect
      .poll(
        async () => {
          const before = bench.contents.reads.count;
          await look();
          return bench.contents.reads.count - before;
        },
        { timeout: 30_000 },
      )
      .toBe(0);
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 66 1049720 4', at('top, one.qcow2')]);
    expect((await look()).items[0]?.label).toBe('BBBBfs');
  });

  it('changes nothing, and is not looked at while somebody writes it: that is said, with the rest of the facts', async () => {
    copyFileSync(at('base.qcow2'), at('alone.qcow2'));
    await bench.library.images.scan();
    const before = readFileSync(at('alone.qcow2'));
    await bench.contents.disk(id('alone.qcow2'));
    expect(readFileSync(at('alone.qcow2')).equals(before)).toBe(true);
    const holder = await holdOpen(at('alone.qcow2'));
    try {
      await expect(bench.contents.disk(id('alone.qcow2'))).rejects.toMatchObject({ code: 'image-locked' });
      const told = await bench.contents.contents(id('alone.qcow2'));
      expect(told).toMatchObject({ disk: null, unread: expect.stringContaining('Close it there first') });
      expect(told.layers).toMatchObject([{ name: 'alone.qcow2', fileSize: before.length }]);
    } finally {
      await holder.close();
    }
    expect((await bench.contents.contents(id('alone.qcow2'))).unread).toBeNull();
  });

  it('of the layer that a running VM writes is not looked at, but of the frozen one below it', async () => {
    const use = {
      vmId: 'web',
      vmName: 'web',
      diskId: 'd1',
      imageId: id('top, one.qcow2'),
      running: true,
      suspended: false,
    };
    bench.library.images.addUseSource({ disks: () => [use] });
    await expect(bench.contents.disk(use.imageId)).rejects.toMatchObject({ code: 'image-in-use' });
    const { unread, disk } = await bench.contents.contents(use.imageId);
    expect(unread).toMatch(/The running VM “web” writes .* take a snapshot/);
    expect(disk).toBeNull();
    expect((await bench.contents.disk(id('base.qcow2'))).items).toHaveLength(2);
  });

  it('is answered with what every layer of the chain says of itself', async () => {
    const server = await startTestServer({ routes: (app) => contentsRoutes(app, bench.contents) });
    const asked = (what: string, name: string) => server.request('GET', `/images/${id(name)}/${what}`);
    const [told, list, none] = await Promise.all([
      asked('contents', 'top, one.qcow2'),
      asked('partitions', 'top, one.qcow2'),
      server.request('GET', '/images/nosuchimage/partitions'),
    ]).finally(() => server.stop());
    expect(none.status).toBe(404);
    const { layers, disk } = imageContents.parse(told.body);
    expect(layers.map(({ name }) => name)).toEqual(['top, one.qcow2', 'base.qcow2']);
    expect(layers[0]).toMatchObject({ format: 'qcow2', creator: null, backing: { state: 'ok' } });
    expect(layers[0]?.settings).toContainEqual({ name: 'clusters', value: '64 KiB' });
    const { scheme, sectorSize, items, problems } = partitionList.parse(disk);
    expect(list.body).toEqual({ scheme, sectorSize, items, problems });
    expect(items).toHaveLength(2);
  });
});

it('of an empty disk is told that it is blank, and of a VDI who made it', async () => {
  qemuImg('create', '-q', '-f', 'vdi', at('made.vdi'), '16M');
  await bench.library.images.scan();
  const { layers, disk } = await bench.contents.contents(id('made.vdi'));
  expect(disk).toMatchObject({ scheme: 'none', blank: true, whole: null, items: [], boot: [], system: null });
  expect(layers).toMatchObject([{ format: 'vdi', creator: 'QEMU VM Virtual Disk Image' }]);
});
