import { AppError } from '../../app-error.ts';
import type { LaunchNic } from './launch.types.ts';
import { address, expressPlace, type MachineFamily, portOf, rootBus, slots } from './machine-layout.ts';

type Forward = LaunchNic['forwards'][number];

const forwardOption = (forward: Forward): string => {
  // slirp's own parser splits at colons (QEMU 7.2, net/slirp.c): an IPv6 address cannot be said.
  if (forward.hostAddress.includes(':'))
    throw new AppError('not-possible', 'Port forwards can listen on IPv4 addresses only.');
  return `,hostfwd=${forward.protocol}:${forward.hostAddress}:${forward.hostPort}-:${forward.guestPort}`;
};

const named = (nic: LaunchNic): string => {
  if (nic.network === undefined)
    throw new AppError(
      'invalid-request',
      `A network card in ${nic.mode} mode needs the name of the interface.`,
      {
        errors: [{ path: 'nics.network', message: `is needed for ${nic.mode}` }],
      },
    );
  return nic.network;
};

const backend = (nic: LaunchNic, position: number): string => {
  const id = `net${position}`;
  const forwards = nic.forwards.map(forwardOption).join('');
  switch (nic.mode) {
    case 'user':
      return `user,id=${id}${forwards}`;
    case 'isolated':
      // The guest reaches nothing, not even the host; forwards still lead in.
      return `user,id=${id},restrict=on${forwards}`;
    case 'bridge':
      return `bridge,id=${id},br=${named(nic)}`;
    case 'tap':
      return `tap,id=${id},ifname=${named(nic)},script=no,downscript=no`;
    default:
      // A cable that leads nowhere: a hub without other ports.
      return `hubport,id=${id},hubid=${100 + position}`;
  }
};

const models: Readonly<Record<string, { device: string; place: 'express' | 'pci' | 'usb' }>> = {
  virtio: { device: 'virtio-net-pci', place: 'express' },
  e1000e: { device: 'e1000e', place: 'express' },
  vmxnet3: { device: 'vmxnet3', place: 'express' },
  e1000: { device: 'e1000', place: 'pci' },
  rtl8139: { device: 'rtl8139', place: 'pci' },
  ne2k_pci: { device: 'ne2k_pci', place: 'pci' },
  pcnet: { device: 'pcnet', place: 'pci' },
  usb: { device: 'usb-net', place: 'usb' },
};

const card = (nic: LaunchNic, position: number, family: MachineFamily, boot: string): string => {
  const model = models[nic.model];
  if (model === undefined) throw new AppError('not-possible', `Strata knows no network card "${nic.model}".`);
  const common = `netdev=net${position},id=${nic.id},mac=${nic.mac}`;
  if (model.place === 'usb') return `${model.device},bus=usb.0,${common}`;
  if (model.place === 'pci')
    return `${model.device},bus=${rootBus(family)},addr=${address(slots.nics + position)},${common}${boot}`;
  const place = expressPlace(family, portOf.nic(position));
  return `${model.device},bus=${place.bus},addr=${place.addr},${common}${boot}`;
};

export const networkArgs = (
  nics: readonly LaunchNic[],
  family: MachineFamily,
  bootIndex: (device: string) => string,
): string[] =>
  nics.flatMap((nic, position) => [
    '-netdev',
    backend(nic, position),
    '-device',
    card(nic, position, family, bootIndex(nic.id)),
  ]);

/** Whether only programs of this host reach an address. */
export const isLoopback = (address: string): boolean => address.startsWith('127.');

/** The ports that network cards take below root ports. */
export const nicPorts = (nics: readonly LaunchNic[]): number[] =>
  nics.flatMap((nic, position) => (models[nic.model]?.place === 'express' ? [portOf.nic(position)] : []));

/** A bridge is joined by QEMU's setuid helper: the sandbox must let it be started. The only exception there is. */
export const needsBridgeHelper = (nics: readonly { mode: string }[]): boolean =>
  nics.some((nic) => nic.mode === 'bridge');
