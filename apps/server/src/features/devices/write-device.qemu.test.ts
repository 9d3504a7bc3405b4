import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Image, Operation, WriteDevicePlan } from '@strata/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeBlocks } from '../../qemu/qemu-io.ts';
import { type DeviceBench, emptyFile, mebi, startDeviceBench } from './testing/device-bench.ts';
import { attachLoopAt, type LoopDevice, loopRefusal } from './testing/loop-device.ts';

const refusal = loopRefusal();
const skipped = refusal === null ? '' : ` (skipped: ${refusal})`;
let bench: DeviceBench;
let image: Image;

const planFor = async (loop: LoopDevice, of = image): Promise<WriteDevicePlan> => {
  const { id } = await bench.deviceAt(loop);
  const { status, body } = await bench.call('POST', `/images/${of.id}/write-device`, {
    device: id,
    plan: true,
  });
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body;
};
const wishOf = ({ device, fingerprint }: WriteDevicePlan) => ({
  ...{ device: device.id, identity: device.identity, fingerprint, confirmation: device.name },
});
const write = (wish: object, of = image) => bench.call('POST', `/images/${of.id}/write-device`, wish);
const written = async (loop: LoopDevice, of = image): Promise<Operation> => {
  const { status, body } = await write(wishOf(await planFor(loop, of)), of);
  if (status !== 202 && status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body;
};
/** Slow from its first byte on: nothing is written between the start and the limit. */
const writtenSlowly = async (loop: LoopDevice, of: Image): Promise<Operation> => {
  const { devices, operations } = bench.strata.services;
  const operation = await devices.write(of.id, wishOf(await planFor(loop, of)));
  await operations.setSpeed(operation.id, 2 * mebi);
  return operation;
};
const codesOf = (plan: WriteDevicePlan): string[] => plan.blockers.map(({ code }) => code);

/** A stick that held something, with a table of partitions at both ends. */
const usedStick = (name: string, bytes: number): string => bench.noise(name, bytes);

describe.skipIf(refusal !== null)(`writing an image to a device${skipped}`, () => {
  beforeAll(async () => {
    bench = await startDeviceBench(64 * mebi);
    image = await bench.addImage('system', 5 * mebi + 512 * 3);
  });
  afterAll(() => bench.stop());

  it('puts every byte of the image on it, reads it back, and makes the end of a larger device empty', async () => {
    const file = usedStick('stick', 12 * mebi);
    const before = readFileSync(file);
    const loop = bench.loop(file);
    const plan = await planFor(loop);
    expect(plan).toMatchObject({ bytes: image.virtualSize, blockers: [], confirmation: { kind: 'name' } });
    expect(plan.loses).toEqual([`${loop.path}: contents unknown, 12.0 MiB`]);
    const { body } = await write(wishOf(plan));
    const ended = await bench.ended(body);
    const wanted = readFileSync(image.path);
    const sha256 = createHash('sha256').update(wanted).digest('hex');
    expect(ended).toMatchObject({ state: 'done', result: { verified: true, bytes: wanted.length, sha256 } });
    expect(ended.result?.words).toContain('Read back and compared');
    const after = readFileSync(file);
    expect(after.subarray(0, wanted.length).equals(wanted)).toBe(true);
    expect(after.subarray(wanted.length, 11 * mebi).equals(before.subarray(wanted.length, 11 * mebi))).toBe(
      true,
    );
    expect(after.subarray(11 * mebi).equals(Buffer.alloc(mebi))).toBe(true);
    expect(readFileSync(image.path).equals(wanted)).toBe(true);
  });

  it('writes what an overlay shows through its chain', async () => {
    const { images } = bench.strata.services.library;
    const base = await images.create({ name: 'base', format: 'qcow2', size: 4 * mebi, preallocation: 'off' });
    await writeBlocks(base, [{ offset: 0, length: 2 * mebi, pattern: 17 }], bench.scratch);
    const top = await images.create({ name: 'top', format: 'qcow2', backing: base.id, preallocation: 'off' });
    await writeBlocks(top, [{ offset: mebi, length: mebi, pattern: 99 }], bench.scratch);
    await images.scan();
    const file = usedStick('for-chain', 4 * mebi);
    expect((await bench.ended(await written(bench.loop(file), top))).state).toBe('done');
    const wanted = Buffer.concat([Buffer.alloc(mebi, 17), Buffer.alloc(mebi, 99), Buffer.alloc(2 * mebi)]);
    expect(readFileSync(file).equals(wanted)).toBe(true);
  });

  it('is off unless the server was started with it, and says how', async () => {
    const other = await startDeviceBench();
    try {
      const own = await other.addImage('own', mebi);
      const loop = other.loop(other.noise('never', 2 * mebi));
      const before = readFileSync(loop.file);
      const { id, identity } = await other.deviceAt(loop);
      for (const more of [{ plan: true }, { identity, fingerprint: 'x', confirmation: loop.name }]) {
        const { status, body } = await other.call('POST', `/images/${own.id}/write-device`, {
          device: id,
          ...more,
        });
        expect(status).toBe(403);
        expect(body).toMatchObject({ code: 'device-write-off' });
        expect(body.detail).toContain('--enable-device-write');
      }
      expect(readFileSync(loop.file).equals(before)).toBe(true);
    } finally {
      await other.stop();
    }
  });

  it('writes nothing without the words typed, a plan, or the device as it was shown', async () => {
    const file = usedStick('careful', 8 * mebi);
    const before = readFileSync(file);
    const loop = bench.loop(file);
    const plan = await planFor(loop);
    const wish = wishOf(plan);
    const refused = async (change: object, status: number, code: string) => {
      const answer = await write({ ...wish, ...change });
      expect([answer.status, answer.body.code]).toEqual([status, code]);
      expect(readFileSync(file).equals(before)).toBe(true);
    };
    await refused({ confirmation: 'yes' }, 409, 'plan-blocked');
    await refused({ confirmation: '' }, 409, 'plan-blocked');
    await refused({ fingerprint: 'another' }, 409, 'plan-stale');
    for (const change of [{ serial: 'X' }, { size: 1 }, { diskseq: 1 }, { majorMinor: '8:0' }])
      await refused({ identity: { ...wish.identity, ...change } }, 409, 'plan-stale');
    await refused({ fingerprint: undefined }, 400, 'invalid-request');
    await refused({ device: '/dev/sda' }, 400, 'invalid-request');
    // Another image under the same plan.
    writeFileSync(image.path, Buffer.alloc(512, 1), { flag: 'r+' });
    await refused({}, 409, 'plan-stale');
  });

  it('writes nothing when another disk is in its place since the plan was made', async () => {
    const [first, second] = [usedStick('first', 8 * mebi), usedStick('second', 8 * mebi)];
    const before = readFileSync(second);
    // Whoever else looks for a free loop device may take its place first.
    const exchanged = async () => {
      for (;;) {
        const loop = bench.loop(first);
        const wish = wishOf(await planFor(loop));
        loop.detach();
        if (attachLoopAt(loop.path, second)) return { loop, wish };
      }
    };
    const { loop, wish } = await exchanged();
    try {
      expect(await write(wish)).toMatchObject({ status: 409, body: { code: 'plan-stale' } });
      expect(readFileSync(second).equals(before)).toBe(true);
    } finally {
      loop.detachNow();
    }
  });

  it('refuses what is too small, too large, or read-only', async () => {
    const small = bench.loop(usedStick('small', 5 * mebi));
    expect(codesOf(await planFor(small))).toEqual(['too-small']);
    expect(await write(wishOf(await planFor(small)))).toMatchObject({
      status: 409,
      body: { code: 'plan-blocked' },
    });
    const large = bench.loop(emptyFile(join(bench.scratch, 'large'), 65 * mebi));
    expect(codesOf(await planFor(large))).toEqual(['too-large']);
    const readOnly = bench.loop(usedStick('locked', 8 * mebi), '--read-only');
    expect(codesOf(await planFor(readOnly))).toContain('read-only');
  });

  it('refuses the disk of the system, and a loop device that shows an image of Strata or another device', async () => {
    const { items } = (await bench.call('GET', '/devices')).body;
    const system = items.find((each: { uses: string[] }) => each.uses.some((use) => use.includes('(/')));
    if (system !== undefined) {
      const plan = await write({ device: system.id, plan: true });
      expect(codesOf(plan.body)).toEqual(expect.arrayContaining(['system', 'mounted']));
      const wish = { ...wishOf(plan.body), confirmation: (system.identity.serial ?? system.name).slice(-4) };
      expect(await write(wish)).toMatchObject({ status: 409, body: { code: 'plan-blocked' } });
    }
    const other = await bench.addImage('other', 8 * mebi);
    const before = readFileSync(other.path);
    const ofImage = bench.loop(other.path);
    expect(codesOf(await planFor(ofImage))).toContain('file');
    expect((await write(wishOf(await planFor(ofImage)))).status).toBe(409);
    expect(readFileSync(other.path).equals(before)).toBe(true);
    const below = bench.loop(usedStick('below', 8 * mebi));
    const above = bench.loop(below.path);
    expect(codesOf(await planFor(above))).toContain('file');
    expect(codesOf(await planFor(below))).toContain('loop');
    above.detach();
  });

  it('refuses a device that something else has for itself', async () => {
    const loop = bench.loop(usedStick('held', 8 * mebi));
    const wish = wishOf(await planFor(loop));
    const holder = openSync(loop.path, constants.O_RDONLY | constants.O_EXCL);
    try {
      expect(await write(wish)).toMatchObject({ status: 409, body: { code: 'device-busy' } });
    } finally {
      closeSync(holder);
    }
  });

  it('says what is left on the device when it is cancelled, and nobody else may use it meanwhile', async () => {
    const large = await bench.addImage('large', 24 * mebi);
    const file = usedStick('half', 24 * mebi);
    const loop = bench.loop(file);
    const operation = await writtenSlowly(loop, large);
    const { operations } = bench.strata.services;
    await expect
      .poll(() => operations.get(operation.id).progress.done, { timeout: 60_000 })
      .toBeGreaterThan(0);
    const [second] = (await planFor(loop, large)).blockers;
    expect(second).toMatchObject({ code: 'operation-running' });
    expect(() => openSync(loop.path, constants.O_RDONLY | constants.O_EXCL)).toThrow(/EBUSY/);
    await operations.cancel(operation.id);
    const ended = await bench.ended(operation);
    expect(ended.state).toBe('cancelled');
    expect(ended.recovery).toContain(`${loop.path} now holds a part of “large.raw”`);
    // There is no table of partitions from which anybody could mount a half.
    expect(readFileSync(file).subarray(0, mebi).equals(Buffer.alloc(mebi))).toBe(true);
    expect((await bench.ended(await written(loop, large))).state).toBe('done');
    expect(readFileSync(file).equals(readFileSync(large.path))).toBe(true);
  });

  it('fails in words when the device stops taking what is written', async () => {
    const large = await bench.addImage('unlucky', 24 * mebi);
    const file = usedStick('shrinking', 24 * mebi);
    const loop = bench.loop(file);
    const operation = await writtenSlowly(loop, large);
    const { operations } = bench.strata.services;
    await expect
      .poll(() => operations.get(operation.id).progress.done, { timeout: 60_000 })
      .toBeGreaterThan(0);
    truncateSync(file, 0);
    loop.resized();
    await operations.setSpeed(operation.id, 0);
    const ended = await bench.ended(operation);
    expect(ended.state).toBe('failed');
    expect(ended.error?.message).toContain(`${loop.path} now holds a part of “unlucky.raw”`);
  });
});
