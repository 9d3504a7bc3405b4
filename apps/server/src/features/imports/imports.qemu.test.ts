import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createVmBody } from '@strata/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildApp, type StrataApp } from '../../app.ts';
import { canMount, mountSmallDisk } from '../../testing/full-disk.ts';
import { makeZip } from '../../testing/make-zip.ts';
import { ovfText } from '../../testing/ovf-text.ts';
import { testDataDir } from '../../testing/test-app.ts';
import { type UploadClient, uploadClient } from '../../testing/upload-client.ts';

const token = 'test-token-test-token-test-token-test';
/** The machine may be busy. */
const patient = { timeout: 30_000 };
const folder = testDataDir();
const scratch = mkdtempSync(join(tmpdir(), 'strata-imports-'));
let strata: StrataApp;
let client: UploadClient;

const start = async (): Promise<void> => {
  strata = await buildApp({
    ...{ version: '0.0.0-test', host: '127.0.0.1', port: 0, dataDir: folder.dataDir, runDir: folder.runDir },
    ...{ open: false, token, webRoot: null, logLevel: 'silent' },
  });
  await strata.app.listen({ host: '127.0.0.1', port: 0 });
  client = uploadClient((strata.app.server.address() as AddressInfo).port, token);
};
beforeAll(start);
afterAll(async () => {
  await strata.close();
  folder.remove();
  rmSync(scratch, { recursive: true, force: true });
});
const incoming = (): string[] => readdirSync(join(folder.dataDir, 'incoming'));
const images = (): string[] => readdirSync(join(folder.dataDir, 'images')).sort();
const image = (id: unknown) => strata.services.library.images.get(String(id));
const tool = (name: string, args: readonly string[], input: Buffer): Buffer =>
  execFileSync(name, args, { input, maxBuffer: 2 ** 30 });

/** A raw disk with data and holes. */
const disk = ((): Buffer => {
  const bytes = Buffer.alloc(8 * 1024 ** 2);
  randomBytes(1024 ** 2).copy(bytes, 1024 ** 2);
  bytes.write('end', bytes.length - 3);
  return bytes;
})();
const made = (format: string, name: string, ...options: string[]): string => {
  const [raw, path] = [join(scratch, 'source.raw'), join(scratch, name)];
  writeFileSync(raw, disk);
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', format, ...options, raw, path]);
  return path;
};
const expectContent = (path: string, format: string): void => {
  writeFileSync(join(scratch, 'source.raw'), disk);
  execFileSync('qemu-img', ['compare', '-f', 'raw', '-F', format, join(scratch, 'source.raw'), path]);
};

describe('a compressed image is unpacked while it is read:', () => {
  const packers: ReadonlyArray<readonly [string, (bytes: Buffer) => Buffer]> = [
    ['gz', (bytes) => gzipSync(bytes)],
    ['xz', (bytes) => tool('xz', ['-c', '-0'], bytes)],
    ['zst', (bytes) => tool('zstd', ['-qc'], bytes)],
    [
      'zip',
      (bytes) =>
        makeZip([
          { name: 'in/stick.img', bytes },
          { name: 'in/read me.txt', bytes: Buffer.from('x') },
        ]),
    ],
  ];
  it.each(packers)('.%s', async (ending, pack) => {
    const filename = ending === 'zip' ? 'stick.zip' : `stick.img.${ending}`;
    const operation = await client.send(pack(disk), { filename, name: `Stick ${ending}` });
    expect([operation.state, operation.error]).toEqual(['done', undefined]);
    const { path, name, format, allocatedSize } = image(operation.result?.imageId);
    expect([name, format]).toEqual([`Stick ${ending}`, 'raw']);
    expect(readFileSync(path).equals(disk)).toBe(true);
    // Its holes are holes.
    expect(allocatedSize).toBeLessThan(2 * 1024 ** 2);
    if (ending === 'zip')
      expect(operation.result?.notMapped).toEqual(['“in/read me.txt” is no disk image and was passed over.']);
    expect(incoming()).toEqual([]);
  });

  it('and judged like any other: an overlay in it is refused', async () => {
    const path = join(scratch, 'h.qcow2');
    execFileSync('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-u',
      '-b',
      '/etc/passwd',
      '-F',
      'raw',
      path,
      '1M',
    ]);
    const before = images();
    const operation = await client.send(gzipSync(readFileSync(path)), { filename: 'h.qcow2.gz' });
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'image-refused' } });
    expect(images()).toEqual(before);
    await expect.poll(incoming, patient).toEqual([]);
  });

  it.each(packers)('.%s that is cut off is refused, and nothing of it stays', async (ending, pack) => {
    const before = images();
    const whole = pack(disk);
    const filename = ending === 'zip' ? 'cut.zip' : `cut.img.${ending}`;
    const operation = await client.send(whole.subarray(0, Math.floor(whole.length / 2)), { filename });
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'image-refused' } });
    expect(images()).toEqual(before);
    await expect.poll(incoming, patient).toEqual([]);
  });

  it('an archive in an archive in an archive is refused', async () => {
    const twice = gzipSync(gzipSync(gzipSync(disk)));
    const operation = await client.send(twice, { filename: 'x.img.gz.gz.gz' });
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'image-refused' } });
    await expect.poll(incoming, patient).toEqual([]);
  });
});

describe.runIf(canMount)('a bomb is cut off where the space ends:', () => {
  const zeros = Buffer.alloc(24 * 1024 ** 2);
  const bombs: ReadonlyArray<readonly [string, () => Buffer]> = [
    ['x.img.gz', () => gzipSync(zeros, { level: 9 })],
    ['x.img.xz', () => tool('xz', ['-9c'], zeros)],
    ['x.img.zst', () => tool('zstd', ['-19qc'], zeros)],
    ['x.zip', () => makeZip([{ name: 'x.img', bytes: zeros }])],
  ];
  it('.gz, .xz, .zst and .zip', async () => {
    await strata.close();
    const small = mountSmallDisk(join(folder.dataDir, 'incoming'), 16);
    try {
      await start();
      const before = images();
      for (const [filename, bytes] of bombs) {
        const operation = await client.send(bytes(), { filename, useReserve: 'true' });
        expect(operation).toMatchObject({ state: 'failed', error: { code: 'image-refused' } });
        expect(operation.error?.message).toContain('all the space there is');
        await expect.poll(incoming, patient).toEqual([]);
      }
      expect(images()).toEqual(before);
    } finally {
      await strata.close();
      small.unmount();
      await start();
    }
  });
});

describe('a VM in an OVA', () => {
  const pack = (name: string, files: Readonly<Record<string, Buffer | string>>): Buffer => {
    const source = mkdtempSync(join(scratch, 'ova-'));
    for (const [file, content] of Object.entries(files)) writeFileSync(join(source, file), content);
    const path = join(scratch, name);
    execFileSync('tar', ['--format=ustar', '-C', source, '-cf', path, ...Object.keys(files)]);
    return readFileSync(path);
  };
  const sum = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');
  const vmdk = (): Buffer => readFileSync(made('vmdk', 'disk1.vmdk', '-o', 'subformat=streamOptimized'));
  const manifest = (ovf: string, bytes: Buffer): string =>
    `SHA256(web.ovf)= ${sum(ovf)}\nSHA256(disk1.vmdk)= ${sum(bytes)}\n`;

  it('becomes a VM over its disks, and what could not be mapped is told', async () => {
    const [ovf, bytes] = [ovfText(), vmdk()];
    const ova = pack('web.ova', { 'web.ovf': ovf, 'web.mf': manifest(ovf, bytes), 'disk1.vmdk': bytes });
    const operation = await client.send(ova, { filename: 'web.ova', name: 'Web server' });
    expect([operation.state, operation.error]).toEqual(['done', undefined]);
    const { vmId, imageIds, notMapped } = operation.result as {
      vmId: string;
      imageIds: string[];
      notMapped: string[];
    };
    expect(notMapped).toContain('“Sound card” (kind 35) has no counterpart.');
    const vm = strata.services.vms.get(vmId);
    expect(vm).toMatchObject({
      name: 'Web server',
      cpus: 2,
      memory: 2 * 1024 ** 3,
      firmware: 'bios',
      state: 'off',
    });
    expect(vm.disks.map(({ bus, chainLength }) => [bus, chainLength])).toEqual([
      ['sata', 2],
      ['scsi', 1],
    ]);
    expect(vm.nics.map(({ model }) => model)).toEqual(['e1000', 'vmxnet3']);
    const original = image(imageIds[0]);
    expect(original.format).toBe('vmdk');
    expect(readFileSync(original.path).equals(bytes)).toBe(true);
    const overlay = image(vm.disks[0]?.imageId);
    expect(overlay.backingId).toBe(original.id);
    expectContent(overlay.path, 'qcow2');
    expect(image(vm.disks[1]?.imageId).virtualSize).toBe(4 * 1024 ** 3);
    expect(incoming()).toEqual([]);
  });

  it('may come as a zip, or lie in a folder of the host', async () => {
    const [ovf, bytes] = [ovfText({ disk: 'disk2.vmdk' }), vmdk()];
    const zip = makeZip([
      { name: 'out/web.ovf', bytes: Buffer.from(ovf) },
      { name: 'out/disk2.vmdk', bytes },
    ]);
    const sent = await client.send(zip, { filename: 'web.zip', name: 'From a zip' });
    expect([sent.state, sent.error]).toEqual(['done', undefined]);
    expect(strata.services.vms.get(String(sent.result?.vmId)).name).toBe('From a zip');
    const outside = join(scratch, 'export');
    mkdirSync(outside);
    writeFileSync(join(outside, 'web.ovf'), ovf);
    writeFileSync(join(outside, 'disk2.vmdk'), bytes);
    const body = JSON.stringify({ path: join(outside, 'web.ovf'), name: 'From a folder' });
    const taken = await client.call(
      'POST',
      '/images/unpack?wait=30',
      { 'content-type': 'application/json' },
      body,
    );
    expect([taken.status, taken.body.state, taken.body.error]).toEqual([200, 'done', undefined]);
    expect(taken.body.result.notMapped).toContain(
      'The address 08:00:27:aa:bb:cc belongs to a card of another VM; the card gets a new one.',
    );
    expect(strata.services.vms.get(taken.body.result.vmId).name).toBe('From a folder');
    expect(readdirSync(outside).sort()).toEqual(['disk2.vmdk', 'web.ovf']);
    // The same once more: the name is taken, and the next free one is used.
    const again = await client.call(
      'POST',
      '/images/unpack?wait=30',
      { 'content-type': 'application/json' },
      body,
    );
    expect(strata.services.vms.get(again.body.result.vmId).name).toBe('From a folder 2');
  });

  it.each<readonly [string, () => Readonly<Record<string, Buffer | string>>, RegExp]>([
    ['a disk is missing', () => ({ 'web.ovf': ovfText() }), /not in it/],
    ['a disk lies elsewhere', () => ({ 'web.ovf': ovfText({ disk: '../../../etc/passwd' }) }), /not in it/],
    [
      'a disk is on the network',
      () => ({ 'web.ovf': ovfText({ disk: 'http://127.0.0.1/x.vmdk' }) }),
      /not in it/,
    ],
    [
      'its manifest does not fit',
      () => ({ 'web.ovf': ovfText(), 'web.mf': manifest(ovfText(), Buffer.from('x')), 'disk1.vmdk': vmdk() }),
      /check sum/,
    ],
    [
      'its description was changed',
      () => ({ 'web.ovf': ovfText(), 'web.mf': manifest('x', vmdk()), 'disk1.vmdk': vmdk() }),
      /check sum/,
    ],
    ['its description is no XML', () => ({ 'web.ovf': '<a><b></a>' }), /cannot be read/],
    [
      'a disk names another file',
      () => ({
        'web.ovf': ovfText(),
        'disk1.vmdk':
          '# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 8 FLAT "/etc/passwd" 0\n',
      }),
      /names other files/,
    ],
    [
      'a disk is in pieces',
      () => ({ 'web.ovf': ovfText({ file: 'ovf:chunkSize="100"' }), 'disk1.vmdk': vmdk() }),
      /pieces/,
    ],
  ])('is refused whole when %s', async (_, files, words) => {
    const [before, vms] = [images(), strata.services.vms.list().length];
    const operation = await client.send(pack('bad.ova', files()), { filename: 'bad.ova' });
    expect(operation).toMatchObject({
      state: 'failed',
      error: { code: 'image-refused', message: expect.stringMatching(words) },
    });
    expect([images(), strata.services.vms.list().length]).toEqual([before, vms]);
    await expect.poll(incoming, patient).toEqual([]);
  });
});

describe('an image of another program', () => {
  it.each<readonly [string, string, readonly string[]]>([
    ['vpc', 'dynamic.vhd', ['-o', 'subformat=dynamic']],
    ['vpc', 'fixed.vhd', ['-o', 'subformat=fixed']],
    ['vhdx', 'x.vhdx', []],
    ['vdi', 'x.vdi', []],
    ['vmdk', 'x.vmdk', []],
  ])('%s (%s) is booted at once through an overlay, and never written', async (format, name, options) => {
    const bytes = readFileSync(made(format, name, ...options));
    const sent = await client.send(bytes, { filename: name });
    const original = image(sent.result?.imageId);
    expect(original.format).toBe(format);
    const vm = await strata.services.vms.create(
      createVmBody.parse({
        name: `From ${name}`,
        memory: '32M',
        nics: [],
        display: 'none',
        disks: [{ overlayOf: original.id }],
      }),
    );
    const { mtimeNs } = statSync(original.path, { bigint: true });
    const started = await strata.services.vms.start(vm.id);
    expect(started.state).toBe('running');
    await strata.services.vms.poweroff(vm.id);
    const overlay = image(vm.disks[0]?.imageId);
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 9 0 64k', overlay.path]);
    expect(readFileSync(original.path).equals(bytes)).toBe(true);
    expect(statSync(original.path, { bigint: true }).mtimeNs).toBe(mtimeNs);
    await expect(
      strata.services.vms.create(
        createVmBody.parse({ name: `Into ${name}`, disks: [{ imageId: original.id }] }),
      ),
    ).rejects.toMatchObject({ status: expect.any(Number) });
  });
});
