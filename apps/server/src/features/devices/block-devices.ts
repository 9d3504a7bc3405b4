import { readdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DeviceIdentity } from '@strata/contract';
import { readUdevFacts, type UdevFacts } from './udev-facts.ts';

/** Where the kernel tells of its devices; a test gives others. */
export interface HostRoots {
  readonly sys: string;
  readonly proc: string;
  readonly dev: string;
  /** What udev has found out: there on most hosts, and not in containers. */
  readonly udev: string;
}
export const hostRoots: HostRoots = { sys: '/sys', proc: '/proc', dev: '/dev', udev: '/run/udev/data' };

export interface BlockPartition {
  readonly number: number;
  readonly path: string;
  readonly majorMinor: string;
  readonly start: number;
  readonly size: number;
  readonly fileSystem: string | null;
  readonly label: string | null;
}

/** A whole disk, disc or loop device, as the kernel tells of it: plain reads of /sys, no device is opened. */
export interface BlockDevice {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly kind: 'disk' | 'optical' | 'floppy' | 'loop';
  readonly bus: string | null;
  readonly vendor: string | null;
  readonly model: string | null;
  readonly wwn: string | null;
  readonly identity: DeviceIdentity;
  readonly sectorSize: number;
  readonly removable: boolean;
  readonly readOnly: boolean;
  readonly file: string | null;
  readonly fileSystem: string | null;
  readonly label: string | null;
  readonly partitions: readonly BlockPartition[];
  /** Devices made of it or of a partition of it (LVM, RAID, an opened LUKS, multipath). */
  readonly holders: readonly string[];
}

/** The kernel counts in these, whatever the sectors of the disk are. */
const unit = 512;

/** Memory, and what is made of other disks: none is a disk of its own. */
const madeOfOthers = /^(ram|zram|dm-|md\d|md_|bcache|drbd)/;

const bytesOf = (path: string): Promise<Buffer | null> => readFile(path).catch(() => null);

/** Names of makers are text of the device: what cannot be shown is left out. */
export const plainText = (text: string): string | null => {
  const plain = text.replace(/[^\x20-\x7e]+/g, ' ').trim();
  return plain === '' ? null : plain.slice(0, 100);
};
const textOf = async (path: string): Promise<string | null> => {
  const bytes = await bytesOf(path);
  return bytes === null ? null : plainText(bytes.toString('latin1'));
};
/** PCI and virtio give a number for it. */
const makerOf = async (path: string): Promise<string | null> => {
  const text = await textOf(path);
  return text === null || /^0x[0-9a-f]+$/.test(text) ? null : text;
};
const numberOf = async (path: string): Promise<number | null> => {
  const text = await textOf(path);
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
};
const firstOf = async (...paths: readonly string[]): Promise<string | null> => {
  for (const path of paths) {
    const text = await textOf(path);
    if (text !== null) return text;
  }
  return null;
};

const busOf = (place: string): string | null => {
  if (/\/usb\d+\//.test(place)) return 'usb';
  if (/\/mmc_host\//.test(place)) return 'mmc';
  if (/\/nvme\d+/.test(place)) return 'nvme';
  if (/\/fw\d+/.test(place)) return 'firewire';
  if (/\/ata\d+\//.test(place)) return 'sata';
  return /\/virtio\d+\//.test(place) ? 'virtio' : null;
};

const kindOf = (name: string): BlockDevice['kind'] => {
  if (/^sr\d/.test(name)) return 'optical';
  if (/^fd\d/.test(name)) return 'floppy';
  return /^loop\d/.test(name) ? 'loop' : 'disk';
};

/** The serial number that a USB stick tells on its bus, somewhere above it. */
const usbSerial = async (place: string): Promise<string | null> => {
  for (let at = place; /\/usb\d+\//.test(at); at = dirname(at))
    if ((await textOf(join(at, 'idVendor'))) !== null) return textOf(join(at, 'serial'));
  return null;
};
/** SCSI's page of the unit's serial number: four bytes, then text. */
const scsiSerial = async (place: string): Promise<string | null> => {
  const page = await bytesOf(join(place, 'device/vpd_pg80'));
  return page === null ? null : plainText(page.subarray(4).toString('latin1'));
};
const serialOf = async (place: string, udev: UdevFacts): Promise<string | null> =>
  udev.serial ??
  (await firstOf(join(place, 'serial'), join(place, 'device/serial'))) ??
  (await usbSerial(place)) ??
  (await scsiSerial(place));

const readPartition = async (folder: string, roots: HostRoots): Promise<BlockPartition | null> => {
  const number = await numberOf(join(folder, 'partition'));
  const majorMinor = await textOf(join(folder, 'dev'));
  if (number === null || majorMinor === null) return null;
  const { fileSystem, label } = await readUdevFacts(roots.udev, majorMinor);
  return {
    ...{ number, majorMinor, fileSystem, label },
    path: join(roots.dev, (folder.split('/').at(-1) ?? '').replaceAll('!', '/')),
    start: ((await numberOf(join(folder, 'start'))) ?? 0) * unit,
    size: ((await numberOf(join(folder, 'size'))) ?? 0) * unit,
  };
};

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

/** Null: gone a moment ago, or nothing that anybody would call a disk. */
export const readBlockDevice = async (name: string, roots: HostRoots): Promise<BlockDevice | null> => {
  if (madeOfOthers.test(name) || name.includes('/')) return null;
  const place = await realpath(join(roots.sys, 'block', name)).catch(() => null);
  if (place === null) return null;
  const at = (file: string): string => join(place, file);
  const [majorMinor, sectors] = [await textOf(at('dev')), await numberOf(at('size'))];
  if (majorMinor === null || sectors === null) return null;
  const takesMedia = (await textOf(at('removable'))) === '1';
  const kind = kindOf(name);
  // A loop device that shows no file, a network disk that is not connected.
  if (sectors === 0 && !takesMedia) return null;
  const udev = await readUdevFacts(roots.udev, majorMinor);
  const bus = kind === 'loop' ? null : busOf(place);
  const isCard = bus === 'mmc' && (await textOf(at('device/type'))) === 'SD';
  const diskseq = await numberOf(at('diskseq'));
  const below = (await namesIn(place)).filter((each) => each.startsWith(name));
  const partitions = await Promise.all(below.map((each) => readPartition(at(each), roots)));
  const holders = await Promise.all(['.', ...below].map((each) => namesIn(at(join(each, 'holders')))));
  return {
    ...{ name, kind, bus },
    id: diskseq === null ? name : `${name}-${diskseq}`,
    path: join(roots.dev, name.replaceAll('!', '/')),
    vendor: udev.vendor ?? (await makerOf(at('device/vendor'))),
    model: udev.model ?? (await firstOf(at('device/model'), at('device/name'))),
    wwn: udev.wwn ?? (await firstOf(at('wwid'), at('device/wwid'))),
    identity: { serial: await serialOf(place, udev), size: sectors * unit, diskseq, majorMinor },
    sectorSize: (await numberOf(at('queue/logical_block_size'))) ?? unit,
    removable: takesMedia || kind === 'loop' || bus === 'usb' || bus === 'firewire' || isCard,
    readOnly: (await textOf(at('ro'))) === '1',
    file: (await bytesOf(at('loop/backing_file')))?.toString('utf8').replace(/\n$/, '') ?? null,
    ...{ fileSystem: udev.fileSystem, label: udev.label },
    partitions: partitions
      .filter((partition) => partition !== null)
      .sort((one, other) => one.number - other.number),
    holders: [...new Set(holders.flat())],
  };
};

export const readBlockDevices = async (roots: HostRoots): Promise<BlockDevice[]> => {
  const names = (await namesIn(join(roots.sys, 'block'))).sort((one, other) =>
    one.localeCompare(other, 'en', { numeric: true }),
  );
  const devices = await Promise.all(names.map((name) => readBlockDevice(name, roots)));
  return devices.filter((device) => device !== null);
};
