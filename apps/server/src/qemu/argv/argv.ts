import { AppError } from '../../app-error.ts';
import { bootIndexes } from './boot-order.ts';
import { storageArgs } from './disks.ts';
import { checkExtraArgs } from './extra-args.ts';
import type { Launch } from './launch.types.ts';
import {
  address,
  type MachineFamily,
  machineFamily,
  portOf,
  rootBus,
  rootPortArgs,
  slots,
} from './machine-layout.ts';
import { nbdPorts } from './nbd-disks.ts';
import { needsBridgeHelper, networkArgs, nicPorts } from './network.ts';

/** In QEMU's option syntax a comma ends a value; doubled it is a comma. */
const quoted = (value: string): string => value.replaceAll(',', ',,');

/** seccomp: no other process, no other rights (security.md SEC-13). */
const sandbox = (launch: Launch): string =>
  needsBridgeHelper(launch.nics)
    ? 'on,obsolete=deny,elevateprivileges=allow,spawn=allow,resourcecontrol=deny'
    : 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny';

const firmwareArgs = (launch: Launch): string[] => {
  if (launch.firmware === null) return [];
  const node = (name: string, filename: string, readOnly: boolean): string[] => [
    '-blockdev',
    JSON.stringify({
      driver: 'raw',
      'node-name': name,
      'read-only': readOnly,
      file: { driver: 'file', filename, 'read-only': readOnly },
    }),
  ];
  return [
    ...node('uefi-code', launch.firmware.code, true),
    ...node('uefi-vars', launch.firmware.vars, false),
  ];
};

const machineArgs = (launch: Launch, family: MachineFamily): string[] => {
  const options = [launch.machine, 'dump-guest-core=off'];
  if (family !== 'virt') options.push('usb=off', 'vmport=off');
  if (family === 'virt' && launch.arch === 'aarch64') options.push('gic-version=max');
  if (launch.firmware !== null) options.push('pflash0=uefi-code', 'pflash1=uefi-vars');
  return [
    ...firmwareArgs(launch),
    '-machine',
    options.join(','),
    '-accel',
    launch.accelerator,
    '-cpu',
    launch.accelerator === 'kvm' ? 'host' : 'max',
    '-smp',
    `cpus=${launch.cpus}`,
    '-m',
    `${launch.memory / 1024 ** 2}M`,
    '-rtc',
    'base=utc',
  ];
};

const kernelArgs = (launch: Launch): string[] => {
  if (launch.kernel === null) return [];
  const { path, initrd, append } = launch.kernel;
  return [
    '-kernel',
    path,
    ...(initrd === undefined ? [] : ['-initrd', initrd]),
    ...(append === '' ? [] : ['-append', append]),
  ];
};

const socketChardev = (id: string, path: string, log?: string): string[] => [
  '-chardev',
  `socket,id=${id},path=${quoted(path)},server=on,wait=off${log === undefined ? '' : `,logfile=${quoted(log)},logappend=on`}`,
];

/** Two monitors: power and state on one, jobs and block commands on the other, so that neither waits. */
const monitorArgs = (launch: Launch): string[] => [
  ...socketChardev('control', launch.sockets.control),
  '-mon',
  'chardev=control,mode=control',
  ...socketChardev('tools', launch.sockets.tools),
  '-mon',
  'chardev=tools,mode=control',
];

const serialArgs = (launch: Launch, family: MachineFamily): string[] => {
  if (family === 'virt' && launch.sockets.serial.length > 1)
    throw new AppError('not-possible', 'This machine has one serial port.');
  return launch.sockets.serial.flatMap((path, index) => [
    ...socketChardev(`serial${index}`, path, launch.serialLogs[index]),
    // The serial port of `virt` is part of the board.
    ...(family === 'virt'
      ? ['-serial', `chardev:serial${index}`]
      : ['-device', `isa-serial,chardev=serial${index},id=com${index},index=${index}`]),
  ]);
};

const displays: Readonly<Record<string, string>> = {
  std: 'VGA',
  virtio: 'virtio-vga',
  cirrus: 'cirrus-vga',
  vmware: 'vmware-svga',
};
const displayArgs = (launch: Launch, family: MachineFamily): string[] => {
  if (launch.display === 'none') return ['-display', 'none'];
  // A board without VGA firmware shows its picture through virtio.
  const device = family === 'virt' ? 'virtio-gpu-pci' : (displays[launch.display] ?? 'VGA');
  return [
    '-display',
    'none',
    // Shared by force: a second viewer must not throw out the first.
    '-vnc',
    `unix:${quoted(launch.sockets.vnc)},share=force-shared`,
    '-device',
    `${device},id=video0,bus=${rootBus(family)},addr=${address(slots.display)}`,
  ];
};

const audioArgs = (launch: Launch, family: MachineFamily): string[] => {
  const place = `bus=${rootBus(family)},addr=${address(slots.audio)}`;
  const backend = ['-audiodev', 'none,id=audio0'];
  if (launch.audio === 'hda')
    return [
      ...backend,
      '-device',
      `intel-hda,id=sound0,${place}`,
      '-device',
      'hda-duplex,bus=sound0.0,cad=0,audiodev=audio0',
    ];
  if (launch.audio === 'ac97') return [...backend, '-device', `AC97,id=sound0,${place},audiodev=audio0`];
  return [];
};

/** Pointer, keyboard, the channel of the guest agent, and random numbers: what every machine has. */
const usualDeviceArgs = (launch: Launch, family: MachineFamily): string[] => {
  const place = (slot: number): string => `bus=${rootBus(family)},addr=${address(slot)}`;
  return [
    '-device',
    `qemu-xhci,id=usb,p2=15,p3=15,${place(slots.usb)}`,
    '-device',
    'usb-tablet,id=tablet,bus=usb.0,port=1',
    ...(family === 'virt' ? ['-device', 'usb-kbd,id=keyboard,bus=usb.0,port=2'] : []),
    '-device',
    `virtio-serial-pci,id=channels,${place(slots.agent)}`,
    ...socketChardev('agent', launch.sockets.agent),
    '-device',
    'virtserialport,bus=channels.0,nr=1,chardev=agent,id=agent0,name=org.qemu.guest_agent.0',
    '-object',
    'rng-random,id=random,filename=/dev/urandom',
    '-device',
    `virtio-rng-pci,rng=random,id=rng0,${place(slots.random)}`,
  ];
};

/** The arguments of QEMU for a VM, without the program itself. Pure: the same launch gives the same line. */
export const qemuArgs = (launch: Launch): string[] => {
  checkExtraArgs(launch.extraArgs);
  const family = machineFamily(launch.machine);
  const indexes = bootIndexes(launch);
  const bootIndex = (device: string): string => {
    const index = indexes.get(device);
    return index === undefined ? '' : `,bootindex=${index}`;
  };
  const diskPorts = launch.disks.flatMap((disk, position) =>
    disk.bus === 'virtio' || disk.bus === 'nvme' ? [portOf.disk(position)] : [],
  );
  return [
    ...['-name', `guest=${quoted(launch.name)}`, '-uuid', launch.uuid],
    ...['-nodefaults', '-no-user-config', '-sandbox', sandbox(launch)],
    ...['-pidfile', launch.pidFile],
    ...machineArgs(launch, family),
    ...['-boot', `menu=${launch.boot.menu ? 'on,splash-time=5000' : 'off'},strict=on`],
    ...kernelArgs(launch),
    ...monitorArgs(launch),
    ...rootPortArgs(family, [...diskPorts, ...nbdPorts(launch.nbdDisks ?? []), ...nicPorts(launch.nics)]),
    ...displayArgs(launch, family),
    ...usualDeviceArgs(launch, family),
    ...serialArgs(launch, family),
    ...storageArgs(launch, family, bootIndex, family === 'virt' ? 3 : 2),
    ...networkArgs(launch.nics, family, bootIndex),
    ...audioArgs(launch, family),
    ...(launch.incoming ? ['-S', '-incoming', 'defer'] : launch.paused ? ['-S'] : []),
    ...launch.extraArgs,
  ];
};
