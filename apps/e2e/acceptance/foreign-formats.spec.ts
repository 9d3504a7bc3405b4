import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { imagesAt } from '../src/images.ts';
import { openSerial } from '../src/serial.ts';
import { disposeStrata, finished, type Json, type Strata, startStrata, until } from '../src/strata.ts';

let strata: Strata;
test.beforeEach(async () => {
  strata = await startStrata();
});
test.afterEach(() => disposeStrata(strata));

const qemuImg = (...args: string[]): string =>
  execFileSync('qemu-img', args, { encoding: 'utf8', stdio: 'pipe' });
const sumOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** A disk that counts its boots on itself, as one raw file. */
const countingDisk = async (): Promise<string> => {
  const demo = await strata.ok('POST', '/vms/demo', { name: 'counter' });
  const { path } = await strata.ok('GET', `/images/${demo.disks[0].imageId}`);
  const raw = join(strata.dataDir, 'counting.raw');
  qemuImg('convert', '-f', 'qcow2', '-O', 'raw', path, raw);
  return raw;
};

const countOf = async (vm: Json): Promise<number> => {
  const serial = await openSerial(strata, vm.id);
  const said = await serial.until(/counted on this disk: *\d+\D/i, 120);
  serial.close();
  return Number(/counted on this disk: *(\d+)/i.exec(said)?.[1]);
};
const stop = async (vm: Json): Promise<void> => {
  await strata.ok('POST', `/vms/${vm.id}/poweroff`);
  await until(
    'it is off',
    () => strata.ok('GET', `/vms/${vm.id}`),
    ({ state }) => state === 'off',
  );
};

test('a VHD, VHDX, VDI or VMDK is booted over a layer of its own, and not a byte of it changes', async () => {
  test.setTimeout(300_000);
  const raw = await countingDisk();
  const forms = [
    ['dynamic.vhd', 'vpc', 'subformat=dynamic,force_size=on'],
    ['fixed.vhd', 'vpc', 'subformat=fixed,force_size=on'],
    ['disk.vhdx', 'vhdx', 'subformat=dynamic'],
    ['disk.vdi', 'vdi', 'static=off'],
    ['sparse.vmdk', 'vmdk', 'subformat=monolithicSparse'],
    ['stream.vmdk', 'vmdk', 'subformat=streamOptimized'],
  ] as const;
  const booted = await Promise.all(
    forms.map(async ([name, format, options]) => {
      const path = join(strata.dataDir, 'images', name);
      qemuImg('convert', '-f', 'raw', '-O', format, '-o', options, raw, path);
      const { image } = await imagesAt(strata, { image: path });
      expect(image).toMatchObject({ format, problems: [] });
      const itself = { name: `${name} itself`, disks: [{ imageId: image.id }], nics: [] };
      expect((await strata.call('POST', '/vms', itself)).status, name).toBe(422);
      const disks = [{ overlayOf: image.id, bus: 'ide' }];
      const vm = await strata.ok('POST', '/vms', { name, memory: '64M', disks, nics: [] });
      const sum = sumOf(path);
      await strata.ok('POST', `/vms/${vm.id}/start`);
      return { name, path, sum, vm };
    }),
  );
  for (const { name, path, sum, vm } of booted) {
    const count = await countOf(vm);
    expect(count, name).toBeGreaterThan(0);
    await stop(vm);
    expect(sumOf(path), name).toBe(sum);
    // What it has counted lies in its layer, and is there at the next boot.
    const layer = await strata.ok('GET', `/images/${vm.disks[0].imageId}`);
    qemuImg('check', '-q', '-f', 'qcow2', layer.path);
    await strata.ok('POST', `/vms/${vm.id}/start`);
    const serial = await openSerial(strata, vm.id);
    await serial.until(new RegExp(`counted on this disk: *${count + 1}\\D`, 'i'), 120);
    serial.close();
    await stop(vm);
    expect(sumOf(path), name).toBe(sum);
  }
});

test('a raw disk whose guest wrote the header of a qcow2 is raw for an export, a download and a VM', async () => {
  const canary = join(strata.dataDir, 'canary.raw');
  writeFileSync(canary, Buffer.alloc(1024 ** 2, 0x5a));
  const path = join(strata.dataDir, 'images', 'guest.raw');
  qemuImg('create', '-q', '-f', 'raw', path, '8M');
  const { image } = await imagesAt(strata, { image: path });
  const vm = await strata.ok('POST', '/vms', { name: 'g', disks: [{ imageId: image.id }], nics: [] });
  const hostile = join(strata.dataDir, 'header');
  qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', canary, '-F', 'raw', hostile, '8M');
  const header = readFileSync(hostile).subarray(0, 65_536);
  const file = openSync(path, 'r+');
  writeSync(file, header, 0, header.length, 0);
  closeSync(file);
  await strata.ok('POST', '/folders/scan');
  const written = readFileSync(path);

  const exported = await strata.ok('POST', '/exports', { imageId: image.id });
  const seen = join(strata.dataDir, 'seen.raw');
  qemuImg('convert', '-f', 'raw', '-O', 'raw', exported.uri, seen);
  expect(readFileSync(seen).equals(written)).toBe(true);
  await strata.ok('DELETE', `/exports/${exported.id}`);

  const download = await finished(
    strata,
    await strata.ok('POST', `/images/${image.id}/downloads`, { format: 'qcow2' }),
  );
  expect(download.state).toBe('done');

  // Attached, the guest reads its own bytes.
  const command = JSON.stringify(await strata.ok('GET', `/vms/${vm.id}/command`));
  expect(command).toContain('guest.raw');
  expect(command).not.toContain('canary');
  await strata.ok('POST', `/vms/${vm.id}/start`);
  const opened = execFileSync(
    'sh',
    ['-c', `ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c -- '${canary}$' || true`],
    {
      encoding: 'utf8',
    },
  );
  expect(Number(opened)).toBe(0);
  await stop(vm);
});
