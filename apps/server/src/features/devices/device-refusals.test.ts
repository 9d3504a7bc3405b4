import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BlockDevice, type HostRoots, readBlockDevices } from './block-devices.ts';
import { readRefusals, writeRefusals } from './device-refusals.ts';
import { readDeviceTree } from './device-tree.ts';
import { usesOf } from './device-uses.ts';
import { confirmationOf, isConfirmed, losesOf } from './write-confirmation.ts';

/*
 * A host as its kernel tells of it: sda is the system (LVM over sda2), sdb a USB stick with a mounted partition, sdc one with
 * nothing in use, sdd a RAID member, sde too large, sr0 an empty drive, mmcblk0 a memory card, nvme0n1 built in and unused.
 */
let folder: string;
let roots: HostRoots;
let devices: BlockDevice[];

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), `${text}\n`);
};
const gib = (count: number): string => String((count * 1024 ** 3) / 512);

interface FakeDisk {
  readonly bus: string;
  readonly dev: string;
  readonly size?: string;
  readonly removable?: string;
  readonly serial?: string;
  readonly partitions?: Readonly<Record<string, string>>;
}
const disk = (
  name: string,
  { bus, dev, size = gib(8), removable = '0', serial, partitions = {} }: FakeDisk,
): void => {
  const place = `sys/devices/${bus}/block/${name}`;
  const facts = { dev, size, removable, ro: '0', diskseq: dev.split(':')[1] ?? '0' };
  for (const [file, text] of Object.entries(facts)) write(`${place}/${file}`, text);
  write(`${place}/device/model`, `Model of ${name}`);
  if (serial !== undefined) write(`${place}/device/serial`, serial);
  mkdirSync(join(folder, place, 'holders'));
  symlinkSync(join(folder, place), join(folder, 'sys/block', name));
  symlinkSync(join(folder, place), join(folder, 'sys/dev/block', dev));
  for (const [number, partDev] of Object.entries(partitions)) {
    const part = `${place}/${name}${number}`;
    for (const [file, text] of Object.entries({
      partition: number,
      dev: partDev,
      start: '2048',
      size: '4096',
    }))
      write(`${part}/${file}`, text);
    mkdirSync(join(folder, part, 'holders'));
    symlinkSync(join(folder, part), join(folder, 'sys/dev/block', partDev));
  }
};
const holds = (holder: string, dev: string, uuid: string, member: string): void => {
  const place = `sys/devices/virtual/block/${holder}`;
  write(`${place}/dev`, dev);
  write(`${place}/dm/uuid`, uuid);
  mkdirSync(join(folder, place, 'slaves'));
  symlinkSync(join(folder, member), join(folder, place, 'slaves', member.split('/').at(-1) ?? ''));
  symlinkSync(join(folder, place), join(folder, 'sys/block', holder));
  symlinkSync(join(folder, place), join(folder, 'sys/dev/block', dev));
  writeFileSync(join(folder, member, 'holders', holder), '');
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'strata-sys-'));
  const at = (name: string): string => join(folder, name);
  roots = { sys: at('sys'), proc: at('proc'), dev: at('dev'), udev: at('udev') };
  for (const name of ['sys/block', 'sys/dev/block', 'proc/self', 'dev', 'udev'])
    mkdirSync(at(name), { recursive: true });
  disk('sda', { bus: 'pci0/ata1/host0', dev: '8:0', partitions: { 1: '8:1', 2: '8:2' } });
  holds('dm-0', '253:0', 'LVM-abc', 'sys/devices/pci0/ata1/host0/block/sda/sda2');
  disk('sdb', { bus: 'pci0/usb1/1-1', dev: '8:16', partitions: { 1: '8:17' }, serial: 'AB12CD34' });
  disk('sdc', { bus: 'pci0/usb1/1-2', dev: '8:32', partitions: { 1: '8:33' }, serial: 'XY99ZZ77' });
  disk('sdd', { bus: 'pci0/usb1/1-3', dev: '8:48' });
  holds('md0', '9:0', '', 'sys/devices/pci0/usb1/1-3/block/sdd');
  disk('sde', { bus: 'pci0/usb1/1-4', dev: '8:64', size: gib(12_288) });
  disk('sr0', { bus: 'pci0/ata2/host1', dev: '11:0', size: '0', removable: '1' });
  disk('mmcblk0', { bus: 'pci0/mmc_host/mmc0', dev: '179:0' });
  write('sys/devices/pci0/mmc_host/mmc0/block/mmcblk0/device/type', 'SD');
  disk('nvme0n1', { bus: 'pci0/nvme/nvme0', dev: '259:0' });
  for (const name of ['zram0', 'ram0', 'loop7'])
    disk(name, { bus: `virtual/${name}`, dev: `7${name.length}:${name.at(-1)}`, size: '0' });
  writeFileSync(
    join(folder, 'udev/b8:33'),
    'E:ID_FS_TYPE=vfat\nE:ID_FS_LABEL=photos\nE:ID_FS_LABEL_ENC=My\\x20pho\\x1b[31mtos\n',
  );
  write(
    'proc/self/mountinfo',
    [
      '22 1 253:0 / / rw,relatime shared:1 - ext4 /nowhere/root rw',
      '23 22 8:1 / /boot rw,relatime shared:2 - ext4 /nowhere/boot rw',
      '24 22 8:17 / /media/a\\040stick ro,nosuid - vfat /nowhere/sdb1 ro',
      '25 22 0:5 / /proc rw - proc proc rw',
    ].join('\n'),
  );
  write('proc/swaps', 'Filename Type Size Used Priority\n/nowhere/swap partition 1 0 -2');
  devices = await readBlockDevices(roots);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const found = (name: string): BlockDevice => {
  const device = devices.find((each) => each.name === name);
  if (device === undefined) throw new Error(`no ${name}`);
  return device;
};
const judged = async (name: string, strata: readonly string[] = []) => {
  const device = found(name);
  const uses = await usesOf(device, devices, await readDeviceTree(roots), { strata }, roots);
  const situation = { device, uses, busyWith: null, fileRefusal: null };
  const codes = (problems: readonly { code: string }[]): string[] => [
    ...new Set(problems.map(({ code }) => code)),
  ];
  return {
    words: uses.map(({ words }) => words),
    read: codes(readRefusals(situation)),
    write: codes(writeRefusals(situation, 2 * 1024 ** 4)),
  };
};

describe('the devices of a host', () => {
  it('are whole disks, without memory, empty loop devices and what is made of other disks', () => {
    expect(devices.map(({ name }) => name)).toEqual([
      ...['mmcblk0', 'nvme0n1', 'sda', 'sdb', 'sdc', 'sdd', 'sde', 'sr0'],
    ]);
  });
  it('are known by what cannot be the same for another disk in their place', () => {
    expect(found('sdb')).toMatchObject({
      ...{ id: 'sdb-16', bus: 'usb', removable: true, model: 'Model of sdb' },
      identity: { serial: 'AB12CD34', size: 8 * 1024 ** 3, diskseq: 16, majorMinor: '8:16' },
      partitions: [{ number: 1, start: 1024 ** 2, size: 2 * 1024 ** 2 }],
    });
  });
  it('show names that somebody gave as plain text', () => {
    expect(found('sdc').partitions[0]).toMatchObject({ fileSystem: 'vfat', label: 'My pho [31mtos' });
    expect(losesOf(found('sdc'))[0]).toContain('/sdc1 “My pho [31mtos”: vfat, 2.0 MiB');
  });
});

describe('what may not be written, or not be read', () => {
  it('is the disk of the system, also below LVM', async () => {
    const { read, write: refused, words } = await judged('sda');
    expect(refused).toEqual(['built-in', 'system', 'mounted', 'held']);
    expect(read).toEqual(['mounted', 'held']);
    expect(words.join('; ')).toContain('holds the system of this machine (/,');
    expect(words).toContain('part of a volume group of LVM (dm-0)');
  });
  it('is what is mounted; read-only it may be read', async () => {
    expect(await judged('sdb')).toEqual({
      words: ['mounted at /media/a stick, read-only'],
      ...{ read: [], write: ['mounted'] },
    });
  });
  it('is a part of a RAID', async () => {
    expect(await judged('sdd')).toMatchObject({
      read: ['held'],
      write: ['held'],
      words: ['part of a RAID (md0)'],
    });
  });
  it('is where Strata keeps its images', async () => {
    expect((await judged('sdb', ['/media/a stick/images'])).write).toEqual(['strata', 'mounted']);
  });
  it('is a very large disk, a built-in one, and a drive without a medium', async () => {
    expect(await judged('sde')).toMatchObject({ read: [], write: ['too-large'] });
    expect(await judged('nvme0n1')).toMatchObject({ read: [], write: ['built-in'] });
    expect(await judged('sr0')).toMatchObject({ read: ['no-medium'], write: ['no-medium', 'optical'] });
  });
  it('is not a stick or a memory card that nothing uses', async () => {
    expect(await judged('sdc')).toEqual({ words: [], read: [], write: [] });
    expect(await judged('mmcblk0')).toEqual({ words: [], read: [], write: [] });
  });
});

it('a device is confirmed by the end of its serial number, or by its name when it has none', () => {
  expect(confirmationOf(found('sdb')).kind).toBe('serial');
  expect(confirmationOf(found('sdb')).words).not.toContain('CD34');
  expect(['CD34', ' cd34 '].map((typed) => isConfirmed(found('sdb'), typed))).toEqual([true, true]);
  expect(['', 'D34', 'sdb', 'AB12CD34'].map((typed) => isConfirmed(found('sdb'), typed))).toEqual([
    ...[false, false, false, false],
  ]);
  expect(isConfirmed(found('sdd'), 'sdd')).toBe(true);
  expect(isConfirmed(found('sdd'), '')).toBe(false);
});
