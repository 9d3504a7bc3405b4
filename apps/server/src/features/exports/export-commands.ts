import type { ExportCommand } from '@strata/contract';
import { type ExportPlaces, type ExportPlan, loopback } from '../../qemu/exports/export-daemon.ts';
import { shellWord } from '../../shell-word.ts';
import type { ExportedPartition, ExportRecord } from './exports.repository.ts';

const line = (...words: string[]): string => words.map(shellWord).join(' ');

/** How programs that know NBD name the export. */
export const exportUri = (plan: ExportPlan, places: ExportPlaces): string => {
  if (plan.kind === 'fuse') return `file://${encodeURI(places.mountpoint)}`;
  const { exportName, port, tls } = plan;
  if (port === null) return `nbd+unix:///${exportName}?socket=${encodeURIComponent(places.socket)}`;
  return `${tls ? 'nbds' : 'nbd'}://${loopback}:${port}/${exportName}`;
};

/** How QEMU's tools name it. They have no way to put keys into an address. */
const forQemu = (plan: ExportPlan, places: ExportPlaces): { keys: string[]; name: string[] } => {
  const { exportName, port, tls } = plan;
  if (!tls || port === null) return { keys: [], name: ['-f', 'raw', exportUri(plan, places)] };
  const object = `tls-creds-x509,id=tls0,dir=${places.clientKeys.replaceAll(',', ',,')},endpoint=client`;
  const image = `driver=nbd,host=${loopback},port=${port},export=${exportName},tls-creds=tls0`;
  return { keys: ['--object', object], name: ['--image-opts', image] };
};

const nbdClient = (plan: ExportPlan, places: ExportPlaces): string => {
  const { exportName, port, tls } = plan;
  const keys = (file: string): string => `${places.clientKeys}/${file}.pem`;
  const where = port === null ? ['-unix', places.socket] : [loopback, String(port)];
  const proof = tls
    ? ['-certfile', keys('client-cert'), '-keyfile', keys('client-key'), '-cacertfile', keys('ca-cert')]
    : [];
  return line(
    'sudo',
    'nbd-client',
    ...where,
    '-N',
    exportName,
    ...(plan.writable ? [] : ['-readonly']),
    ...proof,
    '/dev/nbd0',
  );
};

const mounting = (device: string, writable: boolean): string[] => [
  line('sudo', 'partprobe', device),
  line('sudo', 'mount', ...(writable ? [] : ['-o', 'ro']), `${device}p1`, '/mnt'),
];

const nbdCommands = (plan: ExportPlan, places: ExportPlaces): ExportCommand[] => {
  const uri = exportUri(plan, places);
  const withKeys = plan.tls ? `${uri}?tls-certificates=${encodeURI(places.clientKeys)}` : uri;
  const { keys, name } = forQemu(plan, places);
  const readOnly = plan.writable ? [] : ['--read-only'];
  return [
    {
      title: 'What it is',
      command: line('nbdinfo', withKeys),
      needs: 'nbdinfo (Debian: libnbd-bin)',
    },
    { title: 'What QEMU sees', command: line('qemu-img', 'info', ...keys, ...name) },
    {
      title: 'Copy all of it into a new image',
      command: line('qemu-img', 'convert', '-p', ...keys, ...name, '-O', 'qcow2', 'copy.qcow2'),
    },
    {
      title: 'Copy all of it into a raw file',
      command: line('nbdcopy', withKeys, 'copy.raw'),
      needs: 'nbdcopy (Debian: libnbd-bin)',
    },
    {
      title: 'As a disk of this machine, and mount its first partition',
      command: [
        'sudo modprobe nbd max_part=16',
        line('sudo', 'qemu-nbd', ...readOnly, ...keys, ...name, '--connect', '/dev/nbd0'),
        ...mounting('/dev/nbd0', plan.writable),
      ].join('\n'),
      needs: 'root, and the kernel module nbd',
    },
    {
      title: 'The same by the kernel’s own client',
      command: [
        'sudo modprobe nbd max_part=16',
        nbdClient(plan, places),
        ...mounting('/dev/nbd0', plan.writable),
      ].join('\n'),
      needs: 'root, nbd-client, and the kernel module nbd',
    },
    {
      title: 'Let go of the disk again',
      command: ['sudo umount /mnt', line('sudo', 'qemu-nbd', '--disconnect', '/dev/nbd0')].join('\n'),
      needs: 'root',
    },
  ];
};

const fuseCommands = ({ writable }: ExportPlan, { mountpoint }: ExportPlaces): ExportCommand[] => [
  { title: 'What partitions it has', command: line('/sbin/fdisk', '-l', mountpoint) },
  { title: 'Copy all of it', command: line('cp', '--sparse=always', mountpoint, 'copy.raw') },
  {
    title: 'As a disk of this machine, and mount its first partition',
    command: [
      `device=$(${line('sudo', 'losetup', ...(writable ? [] : ['--read-only']), '--partscan', '--find', '--show', mountpoint)})`,
      `sudo mount ${writable ? '' : '-o ro '}"\${device}p1" /mnt`,
    ].join('\n'),
    needs:
      'root; the file is root’s to read only if /etc/fuse.conf says user_allow_other, or Strata runs as root',
  },
  {
    title: 'Let go of the disk again',
    command: 'sudo umount /mnt\nsudo losetup --detach "$device"',
    needs: 'root',
  },
];

/** Partitions that a person would mount by hand; a table may list a hundred. */
const mostMounted = 8;

/** The kernel needs to be told where a partition begins and how long it is: both are computed here. */
const loopMounts = (
  file: string,
  partitions: readonly ExportedPartition[],
  writable: boolean,
): ExportCommand[] =>
  partitions.slice(0, mostMounted).map(({ number, offset, size }) => {
    const options = [...(writable ? [] : ['ro']), 'loop', `offset=${offset}`, `sizelimit=${size}`];
    return {
      title: `Mount partition ${number} of the file ${file}`,
      command: line('sudo', 'mount', '-o', options.join(','), file, '/mnt'),
      needs: 'root',
    };
  });

/** What to type to use an export, whole and ready to paste. */
export const exportCommands = (
  { plan, partitions = [], rawFile = null }: Pick<ExportRecord, 'plan' | 'partitions' | 'rawFile'>,
  places: ExportPlaces,
): ExportCommand[] =>
  plan.kind === 'fuse'
    ? [...fuseCommands(plan, places), ...loopMounts(places.mountpoint, partitions, plan.writable)]
    : [
        ...nbdCommands(plan, places),
        // What is written through the export must not be mounted beside it.
        ...(rawFile === null || plan.writable ? [] : loopMounts(rawFile, partitions, false)),
      ];
