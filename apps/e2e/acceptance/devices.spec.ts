import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { type LoopDevices, loopDevices, loopRefusal } from '../src/loop-devices.ts';
import { disposeStrata, finished, type Json, type Strata, startStrata, until } from '../src/strata.ts';

const mebi = 1024 ** 2;
const refusal = loopRefusal();
const flags = ['--enable-device-write'];

/** A file that gives and takes so many bytes a second, whoever asks: a kill finds the work in its middle. */
const slowFile = async (file: string, mountpoint: string, bytesPerSecond: number) => {
  writeFileSync(mountpoint, '');
  const limits = { 'bps-total': bytesPerSecond };
  const raw = { driver: 'raw', file: { driver: 'file', filename: file } };
  const daemon = spawn(
    'qemu-storage-daemon',
    [
      ...['--object', JSON.stringify({ 'qom-type': 'throttle-group', id: 'group', limits })],
      '--blockdev',
      JSON.stringify({ driver: 'throttle', 'throttle-group': 'group', 'node-name': 'n', file: raw }),
      '--export',
      JSON.stringify({ type: 'fuse', id: 'e', 'node-name': 'n', mountpoint, writable: true }),
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const ended = once(daemon, 'exit');
  const { size } = statSync(file);
  await until(
    'the slow file',
    () => Promise.resolve(statSync(mountpoint).size),
    (seen) => seen === size,
  );
  return async () => {
    daemon.kill('SIGTERM');
    await ended;
  };
};

const deviceAt = async (strata: Strata, path: string): Promise<Json> => {
  const { items } = await strata.ok('GET', '/devices');
  return items.find((each: Json) => each.path === path);
};
const moved = (strata: Strata, id: string, bytes: number): Promise<Json> =>
  until(
    'some of the work',
    () => strata.ok('GET', `/operations/${id}`),
    ({ progress, endedAt }) => progress.done > bytes || endedAt !== null,
  );

let loops: LoopDevices;
let strata: Strata;
let stop: () => Promise<void>;

test.skip(refusal !== null, refusal ?? '');
test.beforeEach(async () => {
  loops = loopDevices();
  strata = await startStrata({ flags });
});
test.afterEach(async () => {
  await disposeStrata(strata);
  loops.detach();
  await stop();
  loops.dispose();
});

test('a killed server goes on reading a device where it was, and has every byte', async () => {
  const file = join(loops.folder, 'stick');
  writeFileSync(file, randomBytes(128 * mebi));
  stop = await slowFile(file, join(loops.folder, 'slow'), 32 * mebi);
  const { path } = loops.attach(join(loops.folder, 'slow'));
  const { id } = await deviceAt(strata, path);
  // On a machine that does nothing for seconds it may have been read to its end: then once more.
  const interrupted = async (attempt: number): Promise<Json> => {
    const operation = await strata.ok('POST', `/devices/${id}/read`, { name: `Stick ${attempt}` });
    await moved(strata, operation.id, 65 * mebi);
    await strata.kill();
    strata = await startStrata({ dataDir: strata.dataDir, flags });
    const done = await finished(strata, operation);
    return done.recovery === null ? interrupted(attempt + 1) : done;
  };
  const done = await interrupted(1);
  expect(done.recovery).toContain(`It was gone on with at byte ${64 * mebi}.`);
  const image = await strata.ok('GET', `/images/${done.result.imageId}`);
  expect(readFileSync(image.path).equals(readFileSync(file))).toBe(true);
  expect(readdirSync(join(strata.dataDir, 'images')).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('a killed server does not write to a device by itself, and says what is left on it', async () => {
  const file = join(loops.folder, 'stick');
  writeFileSync(file, randomBytes(32 * mebi));
  stop = await slowFile(file, join(loops.folder, 'slow'), 8 * mebi);
  const { path, name } = loops.attach(join(loops.folder, 'slow'));
  writeFileSync(join(strata.dataDir, 'images', 'system.raw'), randomBytes(32 * mebi));
  const { items } = await until(
    'the image',
    () => strata.ok('GET', '/images'),
    (answer) => answer.items.length === 1,
  );
  const plan = async (): Promise<Json> => {
    const { id } = await deviceAt(strata, path);
    return strata.ok('POST', `/images/${items[0].id}/write-device`, { device: id, plan: true });
  };
  // As above: when everything was written before the kill, the comparison is done after it.
  const interrupted = async (): Promise<Json> => {
    const { device, fingerprint } = await plan();
    const operation = await strata.ok('POST', `/images/${items[0].id}/write-device`, {
      ...{ device: device.id, identity: device.identity, fingerprint, confirmation: name },
    });
    await moved(strata, operation.id, 0);
    await strata.kill();
    const after = readFileSync(file);
    strata = await startStrata({ dataDir: strata.dataDir, flags });
    const ended = await until(
      'its end',
      () => strata.ok('GET', `/operations/${operation.id}`),
      ({ endedAt }) => endedAt !== null,
    );
    return ended.state === 'done' ? interrupted() : { ended, after };
  };
  const { ended, after } = await interrupted();
  expect(ended.state).toBe('failed');
  expect(ended.error.message).toContain(`${path} now holds a part of “system.raw”`);
  // No table of partitions, and nobody has written since.
  expect(after.subarray(0, mebi).equals(Buffer.alloc(mebi))).toBe(true);
  expect(readFileSync(file).equals(after)).toBe(true);
  expect((await plan()).blockers).toEqual([]);
});
