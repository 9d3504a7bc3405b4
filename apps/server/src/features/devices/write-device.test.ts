import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type DeviceWriting, emptiedEnd, verifyDevice, writeDevice, writtenBytes } from './write-device.ts';

const mebi = 1024 ** 2;
let folder: string;
let target: FileHandle;
let path: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'strata-write-'));
  path = join(folder, 'device');
  writeFileSync(path, randomBytes(8 * mebi));
  target = await open(path, 'r+');
});
afterEach(async () => {
  await target.close();
  rmSync(folder, { recursive: true, force: true });
});

const contentOf = (bytes: Buffer) => ({
  size: bytes.length,
  read: (offset: number, length: number) => Promise.resolve(bytes.subarray(offset, offset + length)),
});
const writing = (more: Partial<DeviceWriting> = {}): DeviceWriting => ({
  ...{ target, path, size: 8 * mebi, sectorSize: 512, inWords: (error: unknown) => error, ...more },
});
const watch = { progress: () => {} };

it('names the first byte at which the device is not what was written', async () => {
  const content = contentOf(randomBytes(3 * mebi));
  await writeDevice(writing(), content, watch);
  await target.write(Buffer.from([readFileSync(path)[2 * mebi + 77] === 5 ? 6 : 5]), 0, 1, 2 * mebi + 77);
  await expect(verifyDevice(writing(), content, watch)).rejects.toMatchObject({
    code: 'device-differs',
    message: expect.stringContaining(`at byte ${2 * mebi + 77}.`),
  });
});

it('finds something else behind the image, too: an old partition table at the end', async () => {
  const content = contentOf(randomBytes(3 * mebi));
  await writeDevice(writing(), content, watch);
  await target.write(Buffer.from('EFI PART'), 0, 8, 8 * mebi - 512);
  await expect(verifyDevice(writing(), content, watch)).rejects.toMatchObject({ code: 'device-differs' });
});

it('fills the last sector of a device with large sectors, and tells the sum of the image alone', async () => {
  const bytes = randomBytes(mebi + 512);
  await writeDevice(writing({ sectorSize: 4096 }), contentOf(bytes), watch);
  const sum = await verifyDevice(writing({ sectorSize: 4096 }), contentOf(bytes), watch);
  expect(sum).toBe(createHash('sha256').update(bytes).digest('hex'));
  expect(writtenBytes(bytes.length, 4096)).toBe(mebi + 4096);
  expect(
    readFileSync(path)
      .subarray(bytes.length, mebi + 4096)
      .equals(Buffer.alloc(3584)),
  ).toBe(true);
});

it('has no table of partitions at its beginning until everything else is there', async () => {
  const bytes = randomBytes(4 * mebi);
  const stop = new AbortController();
  const progress = (done: number): void => {
    if (done >= 2 * mebi) stop.abort(new Error('cancelled'));
  };
  const halfway = writeDevice(writing(), contentOf(bytes), { progress, signal: stop.signal });
  await expect(halfway).rejects.toThrow('cancelled');
  const found = readFileSync(path);
  expect(found.subarray(0, mebi).equals(Buffer.alloc(mebi))).toBe(true);
  expect(found.subarray(mebi, 3 * mebi).equals(bytes.subarray(mebi, 3 * mebi))).toBe(true);
});

it('empties at most the last MiB, and nothing that the image reaches', () => {
  expect(emptiedEnd(3 * mebi, 8 * mebi)).toEqual({ start: 7 * mebi, end: 8 * mebi });
  expect(emptiedEnd(7.5 * mebi, 8 * mebi)).toEqual({ start: 7.5 * mebi, end: 8 * mebi });
  expect(emptiedEnd(8 * mebi, 8 * mebi)).toBeNull();
});
