import { diskDevice } from './boot-order.ts';
import type { LaunchNbdDisk } from './launch.types.ts';
import { expressPlace, type MachineFamily, portOf } from './machine-layout.ts';

/** The block node at the top of a disk's chain; the layers below have no names that last. */
export const diskNode = (diskId: string): string => `d-${diskId}`;

/** Counted from behind, before the slots that an AHCI controller may take: disks of the library are counted from the front. */
const firstPort = 13;
/** So many other disks leave the last four places to these. */
export const mostBesideNbd = 10;
/** The numbers below belong to the disks of the library. */
const firstScsiId = 100;
/** A server that is gone for so long is waited for; then the guest gets an error. */
const reconnectSeconds = 30;

const place = (position: number): number => portOf.disk(firstPort - position);

/** The root ports that they need. */
export const nbdPorts = (disks: readonly LaunchNbdDisk[]): number[] =>
  disks.flatMap((disk, position) => (disk.bus === 'virtio' ? [place(position)] : []));

/** Keys are read from a folder: nothing secret stands on a command line. */
const nodes = ({ id, target, credentials, readOnly }: LaunchNbdDisk): string[] => {
  const { server, exportName } = target;
  const keys = { 'qom-type': 'tls-creds-x509', id: `tls-${id}`, dir: credentials, endpoint: 'client' };
  const connection = {
    ...{ driver: 'nbd', 'node-name': `f-${id}` },
    server: server.type === 'unix' ? server : { ...server, port: String(server.port) },
    ...{ export: exportName, 'reconnect-delay': reconnectSeconds, 'read-only': readOnly },
    ...(credentials === null ? {} : { 'tls-creds': keys.id }),
  };
  const top = {
    driver: 'raw',
    'node-name': diskNode(id),
    file: connection['node-name'],
    'read-only': readOnly,
  };
  return [
    ...(credentials === null ? [] : ['-object', JSON.stringify(keys)]),
    ...['-blockdev', JSON.stringify(connection), '-blockdev', JSON.stringify(top)],
  ];
};

const device = (
  { id, bus }: LaunchNbdDisk,
  position: number,
  family: MachineFamily,
  boot: string,
): string => {
  const common = `drive=${diskNode(id)},id=${diskDevice(id)},serial=${id},write-cache=on${boot}`;
  if (bus === 'scsi') return `scsi-hd,bus=scsi.0,scsi-id=${firstScsiId + position},lun=0,${common}`;
  const { bus: port, addr } = expressPlace(family, place(position));
  return `virtio-blk-pci,bus=${port},addr=${addr},${common}`;
};

/** Disks that NBD servers have, always raw there: what a guest writes never becomes another format. */
export const nbdDiskArgs = (
  disks: readonly LaunchNbdDisk[],
  family: MachineFamily,
  bootIndex: (device: string) => string,
): string[] =>
  disks.flatMap((disk, position) => [
    ...nodes(disk),
    '-device',
    device(disk, position, family, bootIndex(diskDevice(disk.id))),
  ]);
