import { createHash } from 'node:crypto';
import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import type { Image, Operation } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdOpen } from '../../../testing/damaged-image.ts';
import {
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
  writeAt,
} from '../../../testing/work-bench.ts';

let folder: WorkFolder;
let bench: WorkBench;
const at = (name: string): string => folder.at(name);
const id = (name: string): string => bench.library.images.findByPath(at(name))?.id ?? `no ${name}`;
const sumOf = (name: string, algorithm = 'sha256'): string =>
  createHash(algorithm)
    .update(readFileSync(at(name)))
    .digest('hex');
const mebibyte = 1024 ** 2;

const image = async (name: string): Promise<Image> => {
  await bench.library.images.refresh([id(name)]);
  return bench.library.images.get(id(name));
};
const compute = async (
  name: string,
  wish: Parameters<WorkBench['checksums']['compute']>[1] = {},
): Promise<Operation> => bench.ended(await bench.checksums.compute(id(name), wish));

/** At work, and standing still somewhere in the file. */
const paused = async (name: string): Promise<Operation> => {
  const operation = await bench.checksums.compute(id(name), {});
  while (bench.operations.get(operation.id).progress.done === 0) await turn();
  return bench.operations.pause(operation.id);
};

beforeEach(async () => {
  folder = await workFolder();
  await folder.open();
  qemuImg('create', '-q', '-f', 'qcow2', at('base.qcow2'), '8M');
  writeAt(at('base.qcow2'), 1, 7);
  qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', at('top.qcow2'));
  qemuImg('create', '-q', '-f', 'raw', at('sparse.raw'), '160M');
  for (const megabyte of [0, 100, 159]) writeAt(at('sparse.raw'), megabyte, (megabyte % 7) + 1, 'raw');
  writeFileSync(at('odd.img'), Buffer.alloc(3 * mebibyte + 77, 5));
  bench = await folder.open();
});
afterEach(() => folder.dispose());

describe('a checksum', () => {
  it('is that of the file, in all four kinds at once, and is shown with the image', async () => {
    const algorithms = ['sha256', 'sha512', 'sha1', 'md5'] as const;
    const { state, result } = await compute('odd.img', { algorithms: [...algorithms] });
    expect(state).toBe('done');
    const expected = Object.fromEntries(algorithms.map((name) => [name, sumOf('odd.img', name)]));
    expect(result).toMatchObject({ checksums: expected, verified: null, bytes: 3 * mebibyte + 77 });
    const { checksums } = await image('odd.img');
    expect(Object.fromEntries(checksums.map(({ algorithm, value }) => [algorithm, value]))).toEqual(expected);
    expect(checksums.every((checksum) => checksum.void === null && checksum.verified === null)).toBe(true);
  });

  it('of a file with holes is the same as of its bytes', async () => {
    expect(statSync(at('sparse.raw')).blocks * 512).toBeLessThan(16 * mebibyte);
    expect((await compute('sparse.raw')).result?.checksums).toEqual({ sha256: sumOf('sparse.raw') });
  });

  it('of an overlay is of its file alone, and says so', async () => {
    const { result, steps } = await compute('top.qcow2');
    expect(result?.checksums).toEqual({ sha256: sumOf('top.qcow2') });
    expect(steps[0]?.text).toContain('this layer alone');
  });

  it('that is expected verifies the image, and survives a restart', async () => {
    const expected = `${'0'.repeat(64)}  other.iso\n${sumOf('odd.img')}  odd.img`;
    expect((await compute('odd.img', { expected })).result).toMatchObject({ verified: true });
    bench = await folder.open();
    expect((await image('odd.img')).checksums).toMatchObject([
      { algorithm: 'sha256', verified: true, void: null },
    ]);
    // Without a word of what is expected it stays as well proven as it was.
    expect((await compute('odd.img')).state).toBe('done');
    expect((await image('odd.img')).checksums).toMatchObject([{ verified: true, void: null }]);
  });

  it('that is not the expected one says so, and is shown as wrong', async () => {
    const { state, result } = await compute('odd.img', { expected: 'f'.repeat(32) });
    expect({ state, result }).toMatchObject({
      state: 'done',
      result: { verified: false, checksums: { md5: sumOf('odd.img', 'md5') } },
    });
    expect((await image('odd.img')).checksums).toMatchObject([{ algorithm: 'md5', verified: false }]);
  });

  it('is void as soon as the file is written, also by one who sets its time back, and says why', async () => {
    await compute('base.qcow2', { expected: sumOf('base.qcow2') });
    const { atime, mtime } = statSync(at('base.qcow2'));
    writeAt(at('base.qcow2'), 5, 9);
    expect((await image('base.qcow2')).checksums).toMatchObject([
      { verified: true, void: expect.stringMatching(/bytes now|was written/) },
    ]);
    await compute('odd.img');
    const before = readFileSync(at('odd.img'));
    const times = statSync(at('odd.img'));
    writeFileSync(at('odd.img'), Buffer.concat([Buffer.from('x'), before.subarray(1)]));
    utimesSync(at('odd.img'), times.atime, times.mtime);
    expect((await image('odd.img')).checksums[0]?.void).not.toBeNull();
    utimesSync(at('base.qcow2'), atime, mtime);
    expect((await image('base.qcow2')).checksums[0]?.void).not.toBeNull();
  });

  it('is refused of a text without any sum, in words, before anything is begun', async () => {
    await expect(bench.checksums.compute(id('odd.img'), { expected: 'trust me' })).rejects.toMatchObject({
      code: 'invalid-request',
    });
    expect(bench.operations.list({}).total).toBe(0);
  });

  it('is refused while another program has the file open', async () => {
    const holder = await holdOpen(at('top.qcow2'));
    try {
      await expect(bench.checksums.compute(id('top.qcow2'), {})).rejects.toMatchObject({
        code: 'image-locked',
        message: expect.stringContaining('qemu-io'),
      });
    } finally {
      await holder.close();
    }
    expect((await compute('top.qcow2')).state).toBe('done');
  });

  it('is computed of what is exported read-only, and not of what an export writes', async () => {
    let writes = false;
    const served = { exportId: 'e', name: 'served', imageId: id('top.qcow2') };
    bench.library.images.addUseSource({ exports: () => [{ ...served, writes }] });
    const server = await holdOpen(at('top.qcow2'));
    try {
      expect((await compute('top.qcow2')).state).toBe('done');
      writes = true;
      await expect(bench.checksums.compute(id('top.qcow2'), {})).rejects.toMatchObject({
        code: 'image-locked',
      });
    } finally {
      await server.close();
    }
  });

  it('fails when the file is written while it is read, and nothing is written down', async () => {
    const operation = await paused('sparse.raw');
    writeAt(at('sparse.raw'), 120, 3, 'raw');
    await bench.operations.resume(operation.id);
    expect(await bench.ended(operation)).toMatchObject({
      state: 'failed',
      error: { code: 'image-unreadable', message: expect.stringContaining('changed while it was read') },
    });
    expect((await image('sparse.raw')).checksums).toEqual([]);
  });

  it('can be cancelled', async () => {
    const operation = await paused('sparse.raw');
    await bench.operations.cancel(operation.id);
    expect((await bench.ended(operation)).state).toBe('cancelled');
    expect((await image('sparse.raw')).checksums).toEqual([]);
  });

  it('begins anew when the server was killed in the middle of it', async () => {
    const { id: operationId } = await paused('sparse.raw');
    const { operations: killed } = bench;
    bench = await folder.open();
    // In the process of this test its threads still wait; they write nothing any more.
    await killed.resume(operationId).catch(() => {});
    expect(await bench.operations.wait(operationId, 60)).toMatchObject({
      state: 'done',
      recovery: expect.stringContaining('from its beginning'),
      result: { checksums: { sha256: sumOf('sparse.raw') } },
    });
  });
});
