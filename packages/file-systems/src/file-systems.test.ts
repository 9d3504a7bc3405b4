import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gptTable, mbrTable, memoryDisk, type TestDisk } from '@strata/partition-table/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeDisk, type FileSystemKind, recognizeFileSystem } from './index.ts';
import * as fixtures from './testing/disk-fixtures.ts';

const { diskWith, uuid } = fixtures;
const mebibyte = 1024 ** 2;
const recognized = (disk: TestDisk) => recognizeFileSystem(disk.read, disk.size);
const described = (disk: TestDisk) => describeDisk(disk.read, disk.size);

/** The tools of the system, where it has them: what they make and what they say is what counts. */
const tool = (name: string): string | undefined =>
  ['/usr/sbin', '/sbin', '/usr/bin'].map((folder) => join(folder, name)).find((path) => existsSync(path));
const mke2fs = tool('mke2fs');
const mkswap = tool('mkswap');

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-fs-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const made = (path: string, args: readonly string[]): TestDisk => {
  const file = join(folder, 'disk');
  writeFileSync(file, '');
  truncateSync(file, 8 * mebibyte);
  execFileSync(path, [...args, file], { stdio: 'ignore' });
  const bytes = readFileSync(file);
  const disk = memoryDisk(bytes.length);
  return {
    ...disk,
    read: (offset, length) => Promise.resolve(new Uint8Array(bytes.subarray(offset, offset + length))),
  };
};

describe('a file system made by the tools of the system', () => {
  it.skipIf(mke2fs === undefined).each(['ext2', 'ext3', 'ext4'])(
    '%s is told with label, UUID and size',
    async (kind) => {
      const disk = made(mke2fs ?? '', ['-q', '-t', kind, '-L', 'système', '-U', uuid, '-M', '/']);
      expect(await recognized(disk)).toEqual({
        ...{ kind, label: 'système', uuid, size: 8 * mebibyte },
        notes: ['last mounted at /'],
      });
    },
  );
  it.skipIf(mkswap === undefined)('swap is told with label, UUID and size', async () => {
    const disk = made(mkswap ?? '', ['-q', '-L', 'pages', '-U', uuid]);
    expect(await recognized(disk)).toMatchObject({ kind: 'swap', label: 'pages', uuid, size: 8 * mebibyte });
  });
});

const known: readonly (readonly [FileSystemKind, Parameters<typeof diskWith>[0], object])[] = [
  ['xfs', fixtures.xfsDisk(), { label: 'rootfs', uuid, size: 64 * mebibyte }],
  ['btrfs', fixtures.btrfsDisk(), { label: 'data', uuid, size: 64 * mebibyte }],
  ['f2fs', fixtures.f2fsDisk(), { label: 'phone', uuid, size: 64 * mebibyte }],
  ['squashfs', fixtures.squashfsDisk(), { size: 4096 }],
  ['ntfs', fixtures.ntfsDisk(), { label: 'Data Ω', uuid: '0000001122334455', size: 131_071 * 512 }],
  ['exfat', fixtures.exfatDisk(), { label: 'Stick', uuid: 'CAFE-0123', size: 64 * mebibyte }],
  ['fat12', fixtures.fatDisk(4000), { label: 'EFI', uuid: '1234-ABCD', size: 4000 * 512 }],
  ['fat16', fixtures.fatDisk(60_000), { label: 'EFI', uuid: '1234-ABCD', size: 60_000 * 512 }],
  ['fat32', fixtures.fatDisk(120_000), { label: 'EFI', uuid: '1234-ABCD', size: 120_000 * 512 }],
  ['bitlocker', fixtures.bitLockerDisk(), { notes: ['encrypted'] }],
  [
    'iso9660',
    fixtures.isoDisk(),
    {
      ...{ label: 'Debian 12.5.0 amd64 n', uuid: '2024-02-10-11-27-26-00', size: 2_048_000 },
      notes: ['Joliet', 'El Torito', 'publisher DEBIAN', 'made with XORRISO-1.5.4'],
    },
  ],
  ['udf', fixtures.udfDisk(), { label: 'MOVIES' }],
  ['hfsplus', fixtures.hfsPlusDisk(), { label: 'Mac Disk', uuid: '0102030405060708', size: 64 * mebibyte }],
  ['apfs', fixtures.apfsDisk(), { uuid, size: 64 * mebibyte }],
  ['luks1', fixtures.luksDisk(1), { uuid, notes: ['encrypted'] }],
  ['luks2', fixtures.luksDisk(2), { uuid, label: 'secret' }],
  ['lvm2', fixtures.lvmDisk(), { label: 'vg_data', uuid: 'abcdef-ghij-klmn-opqr-stuv-wxyz-ABCDEF' }],
  ['linux-raid', fixtures.raidDisk(), { label: 'host:0', uuid }],
  ['zfs', fixtures.zfsDisk(), { label: 'tank' }],
];

describe('a file system by its published form', () => {
  it.each(known)('%s is told with what it says of itself', async (kind, pieces, facts) => {
    expect(await recognized(diskWith(pieces))).toMatchObject({ kind, ...facts });
  });
  it.each(known)('%s in a partition is the same as on a whole disk', async (kind, pieces, facts) => {
    const disk = memoryDisk(160 * mebibyte);
    disk.write(
      gptTable(disk.size, [
        { type: 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7', start: 2048, sectors: 120 * 2048, label: 'one' },
      ]),
    );
    disk.write(
      pieces.map(([offset, bytes]) => ({
        offset: offset + mebibyte,
        bytes:
          typeof bytes === 'string' ? Uint8Array.from(Buffer.from(bytes, 'latin1')) : Uint8Array.from(bytes),
      })),
    );
    const found = await described(disk);
    expect(found.partitions).toMatchObject([{ number: 1, label: 'one', fileSystem: { kind, ...facts } }]);
    expect(found.whole).toBeNull();
  });
  it('of none that is known nothing is told', async () => {
    expect(await described(diskWith([]))).toMatchObject({
      whole: null,
      isBlank: true,
      boot: [],
      system: null,
    });
    const noise = diskWith([[100, 'something of nobody']]);
    expect(await described(noise)).toMatchObject({ whole: null, isBlank: false });
  });
  it('shows no control characters, no change of direction and no more than 255 letters of a label', async () => {
    expect((await recognized(diskWith(fixtures.xfsDisk('a\x1b[2J\nb'))))?.label).toBe('a\ufffd[2J\ufffdb');
    expect((await recognized(diskWith(fixtures.ntfsDisk('a\u202egpj'))))?.label).toBe('a\ufffdgpj');
    const long = [...fixtures.f2fsDisk(), [1024 + 124, fixtures.wide('x'.repeat(512))] as const];
    expect((await recognized(diskWith(long)))?.label).toHaveLength(255);
  });
});

const efi = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';
const biosBoot = '21686148-6449-6E6F-744E-656564454649';
const linux = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';

const withEfi = (folders: Parameters<typeof fixtures.fatDisk>[1]): TestDisk => {
  const disk = memoryDisk(80 * mebibyte);
  disk.write(
    gptTable(disk.size, [
      { type: efi, start: 2048, sectors: 60 * 2048, label: 'EFI' },
      { type: biosBoot, start: 61 * 2048, sectors: 2048 },
      { type: linux, start: 62 * 2048, sectors: 8 * 2048, label: 'root' },
    ]),
  );
  const inside = diskWith(fixtures.fatDisk(120_000, folders), 60 * mebibyte);
  return {
    ...disk,
    read: async (offset, length) =>
      offset >= mebibyte && offset < 61 * mebibyte
        ? inside.read(offset - mebibyte, length)
        : disk.read(offset, length),
  };
};

describe('whether a disk boots', () => {
  it('by UEFI is told from the loader in its EFI partition, with the system that made its folder', async () => {
    const folders = { EFI: { BOOT: { 'BOOTX64.EFI': null }, DEBIAN: { 'GRUBX64.EFI': null } } };
    const found = await described(withEfi({ folders }));
    expect(found.boot).toEqual([{ firmware: 'uefi', by: 'EFI/BOOT/BOOTX64.EFI in partition 1 (x86-64)' }]);
    expect(found.system).toEqual({ name: 'Debian', why: 'its EFI partition has a folder EFI/DEBIAN' });
  });
  it('by UEFI only with an entry in the firmware is told where EFI/BOOT is missing', async () => {
    const { boot, system } = await described(withEfi({ folders: { EFI: { Microsoft: {} } } }));
    expect(boot).toMatchObject([{ firmware: 'uefi', by: expect.stringContaining('EFI/BOOT is missing') }]);
    expect(system?.name).toBe('Windows');
    expect((await described(withEfi({}))).boot).toEqual([]);
  });
  it('by BIOS is told from the code in its first sector, and what that goes on with', async () => {
    const disk = withEfi({});
    disk.write([{ offset: 0x180, bytes: Uint8Array.from(Buffer.from('GRUB \0Geom')) }]);
    expect((await described(disk)).boot).toEqual([
      { firmware: 'bios', by: 'boot code in the first sector (GRUB)' },
    ]);
    const old = (boot: boolean): TestDisk => {
      const made = memoryDisk(16 * mebibyte);
      made.write([mbrTable([{ type: 0x83, start: 2048, sectors: 2048, boot }])]);
      made.write([{ offset: 0, bytes: new Uint8Array([0xfa, 0x31, 0xc0]) }]);
      return made;
    };
    expect((await described(old(true))).boot).toEqual([
      { firmware: 'bios', by: 'boot code in the first sector, active partition 1' },
    ]);
    expect((await described(old(false))).boot).toEqual([]);
  });
  it('of a boot sector without a table is told; of a FAT that only says that it is none, not', async () => {
    const sector = diskWith(
      [
        [0, [0xfa, 0xf4]],
        [510, [0x55, 0xaa]],
      ],
      mebibyte,
    );
    expect((await described(sector)).boot).toMatchObject([{ firmware: 'bios' }]);
    const words = [90, 'This is not a bootable disk.  Please insert'] as const;
    expect((await described(diskWith([...fixtures.fatDisk(60_000), words]))).boot).toEqual([]);
    const loader = diskWith(fixtures.ntfsDisk('Windows', 'BOOTMGR is missing'));
    expect(await described(loader)).toMatchObject({
      boot: [{ firmware: 'bios', by: expect.stringContaining('Windows') }],
      system: { name: 'Windows' },
    });
  });
  it('from a drive is told by El Torito, for both firmwares; an ISO for sticks has a table as well', async () => {
    const disk = diskWith(fixtures.isoDisk());
    disk.write([mbrTable([{ type: 0xef, start: 4000, sectors: 2000 }])]);
    disk.write([{ offset: 0, bytes: Uint8Array.from(Buffer.from('isolinux.bin missing')) }]);
    const found = await described(disk);
    expect(found.boot.map(({ firmware, by }) => [firmware, by.split(',')[0]])).toEqual([
      ['bios', 'boot code in the first sector (ISOLINUX)'],
      ['bios', 'El Torito'],
      ['uefi', 'El Torito'],
    ]);
    expect(found).toMatchObject({ table: { scheme: 'mbr' }, whole: { kind: 'iso9660' } });
    expect(found.system?.name).toBe('medium “Debian 12.5.0 amd64 n”');
    expect((await described(diskWith(fixtures.isoDisk('CCCOMA_X64FRE_EN-US')))).system?.name).toMatch(
      /Windows/,
    );
  });
});

describe('whatever lies on a disk', () => {
  it('is read in bounds: any bytes over any known file system', async () => {
    const spot = fc.tuple(
      fc.integer({ min: 0, max: 70_000 }),
      fc.uint8Array({ minLength: 1, maxLength: 64 }),
    );
    const sources = [...known.map(([, pieces]) => pieces), []];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...sources),
        fc.array(spot, { maxLength: 12 }),
        async (pieces, spots) => {
          const disk = diskWith([...pieces, ...spots]);
          const found = await described(disk);
          expect(disk.reads.count).toBeLessThan(2500);
          const shown = [found.whole, ...found.partitions.map(({ fileSystem }) => fileSystem)];
          for (const one of shown) {
            if (one === null) continue;
            expect([one.label ?? '', ...one.notes].join('')).not.toMatch(/[\p{Cc}\p{Cs}\u202a-\u202e]/u);
            expect(one.size === null || Number.isSafeInteger(one.size)).toBe(true);
          }
        },
      ),
      { numRuns: 120 },
    );
  });
  it('numbers that lead anywhere lead to no read beyond the disk', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...known.map(([, pieces]) => pieces)),
        fc.array(fc.tuple(fc.integer({ min: 4, max: 1200 }), fc.constantFrom(0xff, 0x80, 0x7f, 0)), {
          maxLength: 40,
        }),
        async (pieces, spots) => {
          const disk = diskWith(
            [...pieces, ...spots.map(([at, byte]) => [at, [byte]] as const)],
            2 * mebibyte,
          );
          const seen: number[] = [];
          await describeDisk((offset, length) => {
            seen.push(offset + length);
            return disk.read(offset, length);
          }, disk.size);
          expect(Math.max(...seen)).toBeLessThanOrEqual(disk.size);
        },
      ),
      { numRuns: 120 },
    );
  });
});
