import { AppError } from '../../app-error.ts';
import { diskDevice } from './boot-order.ts';
import type { Launch, LaunchDisk, LaunchMedium } from './launch.types.ts';
import { address, expressPlace, type MachineFamily, portOf, rootBus, slots } from './machine-layout.ts';
import { diskNode, nbdDiskArgs } from './nbd-disks.ts';

/** The host's page cache, and whether the guest's writes wait for the medium (QEMU's cache modes, spelled out). */
const cacheModes: Readonly<Record<string, { direct: boolean; writeCache: 'on' | 'off' }>> = {
  writeback: { direct: false, writeCache: 'on' },
  none: { direct: true, writeCache: 'on' },
  writethrough: { direct: false, writeCache: 'off' },
  directsync: { direct: true, writeCache: 'off' },
};
const cacheOf = (disk: LaunchDisk): { direct: boolean; writeCache: 'on' | 'off' } =>
  cacheModes[disk.cache] ?? { direct: false, writeCache: 'on' };

/** JSON, because a comma or a colon in a path cannot become an option there. The format is given, never probed. */
const diskNodes = (disk: LaunchDisk): string[] => {
  const shared = {
    cache: { direct: cacheOf(disk).direct, 'no-flush': false },
    discard: disk.discard ? 'unmap' : 'ignore',
  };
  const file = { driver: 'file', 'node-name': `f-${disk.id}`, filename: disk.path, ...shared };
  const top = { driver: disk.format, 'node-name': diskNode(disk.id), file: `f-${disk.id}`, ...shared };
  return ['-blockdev', JSON.stringify(file), '-blockdev', JSON.stringify(top)];
};

interface Buses {
  readonly family: MachineFamily;
  /** Next free port of the SATA or IDE controllers, and of the USB one. */
  sata: number;
  ide: number;
  usb: number;
  scsi: number;
}

const idePlace = (buses: Buses): string => {
  const port = buses.ide++;
  if (port > 3) throw new AppError('not-possible', 'An IDE controller takes four drives; this VM has more.');
  return `bus=ide.${Math.floor(port / 2)},unit=${port % 2}`;
};
const sataPlace = (buses: Buses): string => {
  const port = buses.sata++;
  if (port > 5) throw new AppError('not-possible', 'A SATA controller takes six drives; this VM has more.');
  return `bus=${buses.family === 'q35' ? 'ide' : 'sata'}.${port},unit=0`;
};
const usbPlace = (buses: Buses, id: string): string[] => {
  const port = buses.usb++;
  if (port > 15)
    throw new AppError('not-possible', 'The USB controller takes fifteen devices; this VM has more.');
  return ['-device', `usb-bot,id=${id}-usb,bus=usb.0,port=${port}`];
};

/** One disk device; a full host pauses the guest (`werror=enospc`), other errors are the guest's to know. */
const diskArgs = (disk: LaunchDisk, position: number, buses: Buses, boot: string): string[] => {
  const id = diskDevice(disk.id);
  const common = `drive=${diskNode(disk.id)},id=${id},serial=${disk.id},write-cache=${cacheOf(disk).writeCache}${boot}`;
  const policy = 'werror=enospc,rerror=report';
  const place = expressPlace(buses.family, portOf.disk(position));
  const express = `bus=${place.bus},addr=${place.addr}`;
  switch (disk.bus) {
    case 'virtio':
      return ['-device', `virtio-blk-pci,${express},${common},${policy}`];
    case 'nvme':
      return ['-device', `nvme,${express},${common}`];
    case 'scsi':
      return ['-device', `scsi-hd,bus=scsi.0,scsi-id=${buses.scsi++},lun=0,${common},${policy}`];
    case 'sata':
      return ['-device', `ide-hd,${sataPlace(buses)},${common},${policy}`];
    case 'ide':
      // q35 has no IDE; its AHCI takes the same drives.
      return [
        '-device',
        `ide-hd,${buses.family === 'pc' ? idePlace(buses) : sataPlace(buses)},${common},${policy}`,
      ];
    case 'usb':
      return [
        ...usbPlace(buses, id),
        '-device',
        `scsi-hd,bus=${id}-usb.0,scsi-id=0,lun=0,${common},${policy}`,
      ];
  }
};

/** Always raw and read-only, or the guest of today would choose tomorrow's format of a floppy. */
const mediumNodes = (medium: LaunchMedium): string[] => {
  if (medium.path === null) return [];
  const readOnly = medium.kind === 'cdrom';
  return [
    '-blockdev',
    JSON.stringify({
      driver: 'raw',
      'node-name': `m-${medium.slot}`,
      'read-only': readOnly,
      file: { driver: 'file', filename: medium.path, 'read-only': readOnly },
    }),
  ];
};

const mediumArgs = (medium: LaunchMedium, buses: Buses, boot: string): string[] => {
  const drive = medium.path === null ? '' : `,drive=m-${medium.slot}`;
  if (medium.kind === 'floppy') {
    if (buses.family === 'virt') throw new AppError('not-possible', 'This machine has no floppy drives.');
    const unit = Number(medium.slot.slice(-1));
    if (unit > 1) throw new AppError('not-possible', 'A machine has at most two floppy drives.');
    // The drive has no bootindex of its own; its controller has one for each.
    const bus = buses.family === 'pc' ? 'floppy-bus.0' : 'fdc.0';
    const device = `floppy,bus=${bus},unit=${unit},id=${medium.slot},drive-type=144${drive}`;
    const index = boot.replace(',bootindex=', '');
    const property = `isa-fdc.bootindex${unit === 0 ? 'A' : 'B'}`;
    return [...(index === '' ? [] : ['-global', `${property}=${index}`]), '-device', device];
  }
  if (buses.family === 'virt')
    return [
      ...usbPlace(buses, medium.slot),
      '-device',
      `scsi-cd,bus=${medium.slot}-usb.0,scsi-id=0,lun=0,id=${medium.slot}${drive}${boot}`,
    ];
  const place = buses.family === 'pc' ? idePlace(buses) : sataPlace(buses);
  return ['-device', `ide-cd,${place},id=${medium.slot}${drive}${boot}`];
};

const controllerArgs = (launch: Launch, family: MachineFamily): string[] => {
  const root = rootBus(family);
  const uses = (bus: string): boolean =>
    [...launch.disks, ...(launch.nbdDisks ?? [])].some((disk) => disk.bus === bus);
  const args: string[] = [];
  if (uses('scsi')) args.push('-device', `virtio-scsi-pci,id=scsi,bus=${root},addr=${address(slots.scsi)}`);
  if (uses('sata') && family !== 'q35')
    args.push('-device', `ahci,id=sata,bus=${root},addr=${address(slots.sata)}`);
  if (uses('ide') && family === 'virt')
    throw new AppError('not-possible', 'This machine has no IDE; use virtio, SATA or SCSI.');
  // q35 leaves the floppy controller out; pc has it built in, without a name, and takes no second one.
  if (launch.media.some((medium) => medium.kind === 'floppy') && family === 'q35')
    args.push('-device', 'isa-fdc,id=fdc');
  return args;
};

/** `firstUsbPort`: the ports before it are taken by the pointer and the keyboard. */
export const storageArgs = (
  launch: Launch,
  family: MachineFamily,
  bootIndex: (device: string) => string,
  firstUsbPort: number,
): string[] => {
  const buses: Buses = { family, sata: 0, ide: 0, usb: firstUsbPort, scsi: 0 };
  return [
    ...controllerArgs(launch, family),
    ...launch.disks.flatMap((disk, position) => [
      ...diskNodes(disk),
      ...diskArgs(disk, position, buses, bootIndex(diskDevice(disk.id))),
    ]),
    ...nbdDiskArgs(launch.nbdDisks ?? [], family, bootIndex),
    ...launch.media.flatMap((medium) => [
      ...mediumNodes(medium),
      ...mediumArgs(medium, buses, bootIndex(medium.slot)),
    ]),
  ];
};
