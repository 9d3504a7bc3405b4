import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertImageBody, resizeImageBody, takeInBody } from '@strata/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyBytes, sameBytes } from '../../copy-bytes.ts';
import {
  expectSame,
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
} from '../../testing/work-bench.ts';

/*
 * A raw disk of 2 TiB, of which 3 MiB are written. Whoever read all of it would take an hour: that these tests end is what they
 * show, so that no time has to be asserted.
 */
const tebibyte = 1024 ** 4;
const size = 2 * tebibyte;
const places = [0, 1_000_000, 2_097_151];
let folder: WorkFolder;
let bench: WorkBench;
let outside: string;
let path: string;

const id = (): string => bench.library.images.findByPath(folder.at('huge.raw'))?.id ?? '';

beforeAll(async () => {
  folder = await workFolder();
  bench = await folder.open();
  outside = mkdtempSync(join(tmpdir(), 'strata-huge-'));
  path = join(outside, 'huge.raw');
  execFileSync('truncate', ['-s', String(size), path]);
  const writes = places.flatMap((megabyte) => ['-c', `write -P ${(megabyte % 250) + 1} ${megabyte}M 1M`]);
  execFileSync('qemu-io', ['-f', 'raw', ...writes, path]);
});
afterAll(async () => {
  await folder.dispose();
  rmSync(outside, { recursive: true, force: true });
});

describe('a sparse disk of 2 TiB', () => {
  it('is copied into the library with its holes, and compared', async () => {
    const operation = await bench.ended(await bench.imports.takeIn(takeInBody.parse({ path, name: 'huge' })));
    expect([operation.state, operation.error]).toEqual(['done', undefined]);
    const image = bench.library.images.get(String(operation.result?.imageId));
    expect(image).toMatchObject({ format: 'raw', virtualSize: size });
    expect(image.allocatedSize).toBeLessThan(64 * 1024 ** 2);
    expectSame(path, image.path, ['raw', 'raw']);
  });

  it('is converted, and what that takes is forecast', async () => {
    const wish = { format: 'qcow2', name: 'small' } as const;
    const forecast = await bench.conversions.forecast(id(), convertImageBody.parse({ ...wish, plan: true }));
    expect(forecast.blockers).toEqual([]);
    expect(forecast.required).toBeLessThan(2 * 1024 ** 3);
    const operation = await bench.ended(await bench.conversions.run(id(), convertImageBody.parse(wish)));
    expect([operation.state, operation.error]).toEqual(['done', undefined]);
    const made = bench.library.images.get(String(operation.result?.imageId));
    expect(made.virtualSize).toBe(size);
    expect(statSync(made.path).size).toBeLessThan(1024 ** 3);
    expectSame(path, made.path, ['raw', 'qcow2']);
  });

  it('is grown by a tebibyte', async () => {
    const wish = resizeImageBody.parse({ size: '+1T' });
    const plan = await bench.resizing.plan(id(), wish);
    expect([plan.before, plan.after, plan.blockers]).toEqual([size, size + tebibyte, []]);
    const operation = await bench.ended(
      await bench.resizing.run(id(), { ...wish, fingerprint: plan.fingerprint }),
    );
    expect([operation.state, operation.error]).toEqual(['done', undefined]);
    expect(bench.library.images.get(id()).virtualSize).toBe(size + tebibyte);
  });

  it('is told apart from one that differs in its last byte', async () => {
    const copy = join(outside, 'copy.raw');
    await copyBytes(path, copy);
    expect(await sameBytes(path, copy)).toBe(true);
    expect(statSync(copy).blocks * 512).toBeLessThan(64 * 1024 ** 2);
    execFileSync('qemu-io', ['-f', 'raw', '-c', `write -P 9 ${size - 512} 512`, copy]);
    expect(await sameBytes(path, copy)).toBe(false);
    expect(await sameBytes(copy, path)).toBe(false);
  });
});

it('a file that is nearly all hole is not read where it has none of its data', async () => {
  const empty = join(outside, 'empty.raw');
  qemuImg('create', '-q', '-f', 'raw', empty, '8T');
  await copyBytes(empty, `${empty}.copy`);
  expect(await sameBytes(empty, `${empty}.copy`)).toBe(true);
  expect(statSync(`${empty}.copy`)).toMatchObject({ size: statSync(empty).size });
});
