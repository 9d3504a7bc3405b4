import { openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { rawGrain, readQcow2Usage, readRawUsage, wholeGrains } from './layer-usage.ts';
import { qemuImg, qemuIo, temporaryFolder } from './testing/image-files.ts';

const folder = temporaryFolder();
afterAll(folder.remove);
const at = (name: string): string => join(folder.path, name);
const MiB = 1024 ** 2;
const all = { budget: 1024 * MiB };

qemuImg('create', '-q', '-f', 'qcow2', at('base.qcow2'), '64M');
qemuIo('-f', 'qcow2', '-c', 'write -P 1 0 32M', at('base.qcow2'));

const layer = (name: string, options: string): string => {
  const path = at(name);
  qemuImg('create', '-q', '-f', 'qcow2', '-o', options, '-b', 'base.qcow2', '-F', 'qcow2', path);
  return path;
};
/** What qemu-img makes of it: the file that compacting would leave. */
const rewritten = (path: string, options: string): string => {
  const target = `${path}.new`;
  const backing = ['-B', 'base.qcow2', '-F', 'qcow2'];
  qemuImg('convert', '-f', 'qcow2', '-O', 'qcow2', '-o', options, ...backing, path, target);
  return target;
};

describe('what a layer would take without zeros and unused clusters', () => {
  test.each([
    'cluster_size=64k',
    'cluster_size=4k',
    'cluster_size=2M',
    'cluster_size=64k,refcount_bits=1',
    'compat=0.10',
  ])('is the size of the file that qemu-img writes anew, to the byte: %s', async (options) => {
    const path = layer(`${options.replace(/\W/g, '-')}.qcow2`, options);
    const writes = ['-P 7 0 3M', '-P 0 4M 6M', '-z 12M 4M', '-P 5 20M 70k', '-P 0 40M 2M', '-P 9 62M 2M'];
    qemuIo('-f', 'qcow2', ...writes.flatMap((write) => ['-c', `write ${write}`]), path);
    qemuIo('-f', 'qcow2', '-c', 'discard 1M 1M', path);
    const usage = await readQcow2Usage(path, all);
    expect(usage).toMatchObject({ exact: true, compressed: false, bitmaps: 0 });
    const after = rewritten(path, options);
    expect(statSync(after).size).toBe(usage?.neededBytes);
    // Version 2 has no mark for zeros: over a backing they have to be stored.
    const least = options === 'compat=0.10' ? 0 : 4 * MiB;
    expect(usage?.zeroBytes).toBeGreaterThanOrEqual(least);
    expect(usage?.storedBytes).toBe(statSync(path).blocks * 512);
  });

  test('counts subclusters where the layer has them', async () => {
    const options = 'cluster_size=128k,extended_l2=on';
    const path = layer('extended.qcow2', options);
    qemuIo('-f', 'qcow2', '-c', 'write -P 3 0 4k', '-c', 'write -P 0 1M 1M', path);
    const usage = await readQcow2Usage(path, all);
    expect(usage).toMatchObject({ dataBytes: MiB + 4096, zeroBytes: MiB });
    expect(statSync(rewritten(path, options)).blocks * 512).toBeLessThanOrEqual(usage?.neededBytes ?? 0);
  });

  test('is estimated from pieces spread over all of it when there is more than may be read', async () => {
    const path = layer('sampled.qcow2', 'cluster_size=64k');
    qemuIo('-f', 'qcow2', '-c', 'write -P 7 0 24M', '-c', 'write -P 0 24M 24M', path);
    const usage = await readQcow2Usage(path, { budget: 8 * MiB });
    expect(usage).toMatchObject({ exact: false, dataBytes: 48 * MiB });
    expect(usage?.scannedBytes).toBeLessThanOrEqual(9 * MiB);
    expect(Math.abs((usage?.zeroBytes ?? 0) - 24 * MiB)).toBeLessThan(6 * MiB);
  });

  test('tells compressed clusters and bitmaps, which a rewritten file would not keep', async () => {
    const path = layer('special.qcow2', 'cluster_size=64k');
    qemuIo('-f', 'qcow2', '-c', 'write -c -P 3 0 64k', path);
    qemuImg('bitmap', '--add', '-f', 'qcow2', path, 'daily');
    expect(await readQcow2Usage(path, all)).toMatchObject({ compressed: true, bitmaps: 1 });
  });
});

test('a raw image gives back whole pieces of zeros; its holes are none of it', async () => {
  const path = at('disk.raw');
  const file = openSync(path, 'w');
  writeSync(file, Buffer.alloc(MiB, 1), 0, MiB, 0);
  writeSync(file, Buffer.alloc(2 * MiB), 0, 2 * MiB, MiB);
  writeSync(file, Buffer.alloc(100, 1), 0, 100, 8 * MiB);
  const held = [
    [0, 3 * MiB],
    [8 * MiB, 4096],
  ] as const;
  expect(wholeGrains(held, 8 * MiB + 100)).toEqual([[0, 3 * MiB]]);
  expect(await readRawUsage(path, held, all)).toMatchObject({
    dataBytes: 3 * MiB,
    zeroBytes: 2 * MiB,
    exact: true,
  });
  expect((2 * MiB) % rawGrain).toBe(0);
});
