import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readQcow2Allocation } from './qcow2-allocation.ts';
import { qemuImg, qemuIo, randomNumbers, temporaryFolder } from './testing/image-files.ts';

const folder = temporaryFolder();
afterAll(folder.remove);
const at = (name: string): string => join(folder.path, name);

type Range = [start: number, end: number];

const joined = (ranges: Iterable<Range>): Range[] => {
  const out: Range[] = [];
  for (const [start, end] of ranges) {
    const last = out.at(-1);
    if (last !== undefined && last[1] === start) last[1] = end;
    else out.push([start, end]);
  }
  return out;
};

interface MapEntry {
  start: number;
  length: number;
  depth: number;
  present: boolean;
  zero: boolean;
}
const mapOf = (path: string): MapEntry[] =>
  JSON.parse(qemuImg('map', '-f', 'qcow2', '--output=json', path)) as MapEntry[];

const compare = async (path: string): Promise<void> => {
  const own = mapOf(path).filter((entry) => entry.present && entry.depth === 0);
  const { extents, problems } = await readQcow2Allocation(path);
  expect(problems).toEqual([]);
  const ranges = (list: readonly { start: number; length: number }[]): Range[] =>
    joined(list.map(({ start, length }): Range => [start, start + length]));
  expect(ranges(extents)).toEqual(ranges(own));
  const zeros = own.filter((entry) => entry.zero);
  for (const extent of extents.filter(({ kind }) => kind === 'zero')) {
    const told = ranges(zeros).some(
      ([start, end]) => start <= extent.start && end >= extent.start + extent.length,
    );
    expect(told, `zeros at ${extent.start}`).toBe(true);
  }
};

const size = 64 * 1024 ** 2;
const random = randomNumbers(42);

const scribble = (path: string, zeros: boolean, compressed: boolean): void => {
  const commands: string[] = [];
  // Version 2 does not write compressed clusters over others.
  const packed = new Set(Array.from({ length: compressed ? 12 : 0 }, () => random(size / 65_536) * 65_536));
  for (const start of packed) commands.push('-c', `write -c -P 3 ${start} 65536`);
  for (let index = 0; index < 40; index += 1) {
    const start = random(size / 512) * 512;
    const length = Math.min(512 * (1 + random(600)), size - start);
    const cluster = Math.floor(start / 65_536) * 65_536;
    const choice = random(4);
    if (choice === 0 && zeros) commands.push('-c', `write -z ${start} ${length}`);
    else if (choice === 2 && zeros) commands.push('-c', `discard ${cluster} 131072`);
    else commands.push('-c', `write -P ${1 + random(200)} ${start} ${length}`);
  }
  qemuIo('-f', 'qcow2', ...commands, path);
};

describe('readQcow2Allocation tells what qemu-img map tells', () => {
  test.each([
    ['the default', 'compat=1.1', true, true],
    ['version 2', 'compat=0.10', false, true],
    ['clusters of 512 bytes', 'cluster_size=512', true, false],
    ['clusters of 4 KiB', 'cluster_size=4k', true, false],
    ['clusters of 2 MiB', 'cluster_size=2M', true, false],
    ['subclusters', 'extended_l2=on,cluster_size=64k', true, true],
    ['subclusters of 64 KiB', 'extended_l2=on,cluster_size=2M', true, false],
    ['preallocated metadata', 'preallocation=metadata', true, false],
  ])('for %s', async (name, options, zeros, compressed) => {
    for (let round = 0; round < 3; round += 1) {
      const path = at(`${name}-${round}.qcow2`);
      qemuImg('create', '-f', 'qcow2', '-o', options, path, String(size));
      scribble(path, zeros, compressed);
      await compare(path);
    }
  });

  test('for an overlay: only what it holds itself, discarded ranges included', async () => {
    const [base, top] = [at('base.qcow2'), at('top.qcow2')];
    qemuImg('create', '-f', 'qcow2', base, String(size));
    scribble(base, true, false);
    qemuImg('create', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', top);
    scribble(top, true, true);
    await compare(top);
  });

  test('for a size that ends within a cluster, and a compressed image', async () => {
    const odd = at('odd.qcow2');
    qemuImg('create', '-f', 'qcow2', odd, '1000448');
    qemuIo('-f', 'qcow2', '-c', 'write 983040 17408', odd);
    await compare(odd);
    qemuImg('convert', '-c', '-f', 'qcow2', '-O', 'qcow2', at('base.qcow2'), at('packed.qcow2'));
    await compare(at('packed.qcow2'));
    const kinds = (await readQcow2Allocation(at('packed.qcow2'))).extents.map((extent) => extent.kind);
    expect(kinds).toContain('compressed');
  });
});

test('reads 100 GiB in 120,000 pieces in less than a second', async () => {
  const path = at('pieces.qcow2');
  qemuImg('create', '-f', 'qcow2', '-o', 'preallocation=metadata', path, '100G');
  const fd = openSync(path, 'r+');
  const l1At = Buffer.alloc(8);
  readSync(fd, l1At, 0, 8, 40);
  const l1 = Buffer.alloc(200 * 8);
  readSync(fd, l1, 0, l1.length, Number(l1At.readBigUInt64BE()));
  // Of every 13 clusters one is forgotten: 1,638,400 / 13 leaves 126,031 pieces.
  for (let table = 0, cluster = 0; table < 200; table += 1) {
    const offset = Number(l1.readBigUInt64BE(table * 8) & 0x00fffffffffffe00n);
    const l2 = Buffer.alloc(65_536);
    readSync(fd, l2, 0, l2.length, offset);
    for (let entry = 0; entry < 8192; entry += 1, cluster += 1)
      if (cluster % 13 === 0) l2.fill(0, entry * 8, entry * 8 + 8);
    writeSync(fd, l2, 0, l2.length, offset);
  }
  closeSync(fd);
  const before = performance.now();
  const { extents, problems } = await readQcow2Allocation(path);
  const took = performance.now() - before;
  expect(problems).toEqual([]);
  expect(extents).toHaveLength(126_031);
  expect(took).toBeLessThan(1000);
});

test('refuses tables outside the file and tables used twice, and ends', async () => {
  const path = at('evil.qcow2');
  qemuImg('create', '-f', 'qcow2', path, '2G');
  qemuIo('-f', 'qcow2', '-c', 'write 0 64k', path);
  const bytes = readFileSync(path);
  const l1 = Number(bytes.readBigUInt64BE(40));
  const fd = openSync(path, 'r+');
  writeSync(fd, bytes, l1, 8, l1 + 8);
  writeSync(fd, Buffer.from('8000ffffffff0000', 'hex'), 0, 8, l1 + 16);
  closeSync(fd);
  const { extents, problems } = await readQcow2Allocation(path);
  expect(extents).toEqual([{ start: 0, length: 65_536, kind: 'data' }]);
  expect(problems).toMatchObject([{ code: 'damaged-header' }]);
});
