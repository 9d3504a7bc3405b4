import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Operation } from '@strata/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram } from '../../qemu/capabilities.ts';
import { type DeviceBench, emptyFile, mebi, startDeviceBench } from './testing/device-bench.ts';
import { badFile, type LoopDevice, loopRefusal } from './testing/loop-device.ts';

const refusal = loopRefusal();
let bench: DeviceBench;

const read = async (loop: LoopDevice, wish: object): Promise<Operation> => {
  const { id } = await bench.deviceAt(loop);
  const { status, body } = await bench.call('POST', `/devices/${id}/read`, wish);
  if (status !== 202 && status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body as Operation;
};
/** Slow from its first byte on: nothing is read between the start and the limit. */
const readSlowly = async (loop: LoopDevice, name: string): Promise<Operation> => {
  const { devices, operations } = bench.strata.services;
  const { id } = await bench.deviceAt(loop);
  const operation = await devices.read(id, { name, format: 'raw' });
  await operations.setSpeed(operation.id, 2 * mebi);
  return operation;
};
const refusedRead = async (id: string, wish: object) => bench.call('POST', `/devices/${id}/read`, wish);
const leftovers = (): string[] => readdirSync(bench.images).filter((name) => name.startsWith('.strata'));

describe.skipIf(refusal !== null)(
  `reading a device of the host${refusal === null ? '' : ` (skipped: ${refusal})`}`,
  () => {
    beforeAll(async () => {
      bench = await startDeviceBench();
    });
    afterAll(() => bench.stop());

    it('lists whole devices with what tells them apart, and why one is not to be touched', async () => {
      const loop = bench.loop(bench.noise('listed', 2 * mebi));
      const { body } = await bench.call('GET', '/devices');
      const device = await bench.deviceAt(loop);
      expect(device).toMatchObject({
        ...{ name: loop.name, kind: 'loop', size: 2 * mebi, file: loop.file, readOnly: false },
        identity: { serial: null, size: 2 * mebi },
        reading: { blockers: [] },
      });
      expect(device.id).toBe(`${loop.name}-${device.identity.diskseq}`);
      expect(body.writing).toMatchObject({ enabled: false, command: 'npm start -- --enable-device-write' });
      const system = body.items.filter((each: { uses: string[] }) =>
        each.uses.some((use) => use.includes('(/')),
      );
      for (const { writing, reading } of system) {
        expect(writing.blockers.map(({ code }: { code: string }) => code)).toContain('system');
        expect(reading.blockers.length).toBeGreaterThan(0);
      }
    });

    it('makes a raw image that has every byte of it, and holes where zeros are', async () => {
      const file = bench.noise('raw', 3 * mebi + 512 * 3);
      truncateSync(file, 40 * mebi);
      const ended = await bench.ended(await read(bench.loop(file), { name: 'Stick' }));
      expect(ended).toMatchObject({ state: 'done', result: { unreadable: null } });
      const image = bench.image(ended);
      expect(image).toMatchObject({ name: 'Stick', format: 'raw', virtualSize: 40 * mebi, problems: [] });
      expect(readFileSync(image.path).equals(readFileSync(file))).toBe(true);
      expect(image.allocatedSize).toBeLessThan(8 * mebi);
      expect(leftovers()).toEqual([]);
    });

    it('makes a qcow2 that reads as the device', async () => {
      const file = bench.noise('qcow2', 5 * mebi);
      const loop = bench.loop(file);
      const plan = await bench.call('POST', `/devices/${(await bench.deviceAt(loop)).id}/read`, {
        ...{ name: 'As qcow2', format: 'qcow2', plan: true },
      });
      expect(plan.body).toMatchObject({ bytes: 5 * mebi, blockers: [] });
      const image = bench.image(await bench.ended(await read(loop, { name: 'As qcow2', format: 'qcow2' })));
      expect(image).toMatchObject({ format: 'qcow2', virtualSize: 5 * mebi });
      execFileSync('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', file, image.path]);
      expect(leftovers()).toEqual([]);
    });

    it('takes what cannot be read as zeros, says where, and the image says that it is incomplete', async () => {
      const file = bench.noise('shortened', 3 * mebi);
      const whole = readFileSync(file);
      const loop = bench.loop(file);
      // The device has its size, and no medium at the end of it.
      const length = 65_536;
      const offset = 3 * mebi - length;
      truncateSync(file, offset);
      const ended = await bench.ended(await read(loop, { name: 'Torn' }));
      const unreadable = { bytes: length, count: 1, ranges: [{ offset, length }] };
      expect(ended).toMatchObject({ state: 'done', result: { unreadable } });
      const image = bench.image(ended);
      const bytes = readFileSync(image.path);
      expect(bytes.length).toBe(3 * mebi);
      expect(bytes.subarray(0, offset).equals(whole.subarray(0, offset))).toBe(true);
      expect(bytes.subarray(offset).equals(Buffer.alloc(length))).toBe(true);
      expect(image.problems).toMatchObject([{ code: 'incomplete' }]);
      expect(image.problems[0]?.message).toContain('65,536 bytes in 1 place could not be read');
      expect(image.problems[0]?.message).toContain('Zeros stand there.');
    });

    it.skipIf(findProgram('fusermount3') === null)('reads everything around single bad sectors', async () => {
      const file = bench.noise('scratched', 8 * mebi);
      const whole = readFileSync(file);
      const sectors = [0, 8200, 16_383];
      const mountpoint = join(bench.scratch, 'scratched.mnt');
      const stop = await badFile(file, mountpoint, { sectors });
      const loop = bench.loop(mountpoint, '--read-only');
      const ended = await bench.ended(await read(loop, { name: 'Scratched' }));
      // FUSE asks for pages of 4096 bytes, so that one bad sector takes its page along.
      const ranges = sectors.map((sector) => ({ offset: Math.floor(sector / 8) * 4096, length: 4096 }));
      expect(ended).toMatchObject({
        state: 'done',
        result: { unreadable: { bytes: 3 * 4096, count: 3, ranges } },
      });
      for (const { offset, length } of ranges) whole.fill(0, offset, offset + length);
      expect(readFileSync(bench.image(ended).path).equals(whole)).toBe(true);
      loop.detach();
      await stop();
    });

    it('fails and leaves nothing when not one sector can be read', async () => {
      const file = bench.noise('dead', 65_536);
      const loop = bench.loop(file);
      truncateSync(file, 0);
      const ended = await bench.ended(await read(loop, { name: 'Dead' }));
      expect(ended).toMatchObject({ state: 'failed', error: { code: 'device-unreadable' } });
      expect(leftovers()).toEqual([]);
    });

    it('ends in words, and leaves nothing, when the device goes in the middle', async () => {
      const file = bench.noise('pulled', 24 * mebi);
      const loop = bench.loop(file);
      const operation = await readSlowly(loop, 'Pulled');
      const { operations } = bench.strata.services;
      await expect
        .poll(() => operations.get(operation.id).progress.done, { timeout: 60_000 })
        .toBeGreaterThan(0);
      truncateSync(file, 0);
      loop.resized();
      await operations.setSpeed(operation.id, 0);
      const ended = await bench.ended(operation);
      expect(ended).toMatchObject({ state: 'failed', error: { code: 'device-gone' } });
      expect(ended.error?.message).toContain('taken out');
      expect(leftovers()).toEqual([]);
    });

    it('is cancelled, and leaves nothing; the device is free then', async () => {
      const loop = bench.loop(bench.noise('cancelled', 24 * mebi));
      const operation = await readSlowly(loop, 'Cancelled');
      const { operations } = bench.strata.services;
      await expect
        .poll(() => operations.get(operation.id).progress.done, { timeout: 60_000 })
        .toBeGreaterThan(0);
      const second = await refusedRead((await bench.deviceAt(loop)).id, { name: 'Second' });
      expect(second).toMatchObject({ status: 409, body: { blockers: [{ code: 'operation-running' }] } });
      await operations.cancel(operation.id);
      expect((await bench.ended(operation)).state).toBe('cancelled');
      expect(leftovers()).toEqual([]);
      expect((await bench.ended(await read(loop, { name: 'Afterwards' }))).state).toBe('done');
    });

    it('takes a disc as an ISO, and refuses to call anything else so', async () => {
      const source = join(bench.scratch, 'source');
      mkdirSync(source);
      writeFileSync(join(source, 'a.txt'), 'on the disc');
      const iso = join(bench.scratch, 'disc.iso');
      execFileSync('xorriso', ['-as', 'mkisofs', '-quiet', '-o', iso, source], { stdio: 'ignore' });
      const image = bench.image(
        await bench.ended(await read(bench.loop(iso), { name: 'Disc', format: 'iso' })),
      );
      expect(image).toMatchObject({ format: 'iso', role: 'media' });
      expect(readFileSync(image.path).equals(readFileSync(iso).subarray(0, statSync(image.path).size))).toBe(
        true,
      );
      const other = await bench.deviceAt(bench.loop(bench.noise('no-disc', mebi)));
      expect(await refusedRead(other.id, { name: 'No disc', format: 'iso' })).toMatchObject({
        ...{ status: 422, body: { code: 'image-refused' } },
      });
    });

    it('refuses what is mounted for writing, and reads what is mounted read-only', async () => {
      const file = emptyFile(join(bench.scratch, 'mounted'), 4 * mebi);
      execFileSync('mke2fs', ['-q', '-F', file]);
      const loop = bench.loop(file);
      const point = join(bench.scratch, 'point');
      mkdirSync(point);
      execFileSync('mount', [loop.path, point]);
      try {
        const { id } = await bench.deviceAt(loop);
        const refused = await refusedRead(id, { name: 'Mounted' });
        expect(refused).toMatchObject({ status: 409, body: { blockers: [{ code: 'mounted' }] } });
        expect(refused.body.detail).toContain(`mounted at ${point}`);
        execFileSync('mount', ['-o', 'remount,ro', point]);
        expect((await bench.ended(await read(loop, { name: 'Read-only' }))).state).toBe('done');
      } finally {
        execFileSync('umount', [point]);
      }
    });

    it('says so when something else has it for itself', async () => {
      const loop = bench.loop(bench.noise('taken', mebi));
      const { id } = await bench.deviceAt(loop);
      const holder = openSync(loop.path, constants.O_RDONLY | constants.O_EXCL);
      try {
        expect(await refusedRead(id, { name: 'Taken' })).toMatchObject({
          status: 409,
          body: { code: 'device-busy' },
        });
      } finally {
        closeSync(holder);
      }
    });

    it('knows no partitions and no devices that are gone', async () => {
      expect(await refusedRead('loop9999-1', { name: 'x' })).toMatchObject({ status: 404 });
      expect(await refusedRead('..%2Fsda', { name: 'x' })).toMatchObject({ status: 400 });
      const loop = bench.loop(bench.noise('replaced', mebi));
      const { id, identity } = await bench.deviceAt(loop);
      const earlier = id.replace(/\d+$/, String((identity.diskseq ?? 1) - 1));
      expect(await refusedRead(earlier, { name: 'x' })).toMatchObject({
        status: 409,
        body: { code: 'plan-stale' },
      });
    });
  },
);
