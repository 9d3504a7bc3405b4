import { AppError } from '../../app-error.ts';

/** How the buses of a machine hang together: all that the devices' addresses depend on. */
export type MachineFamily = 'q35' | 'pc' | 'virt';

export const machineFamily = (machine: string): MachineFamily => {
  if (/^(pc-)?q35/.test(machine)) return 'q35';
  if (/^pc($|-i440fx|-[0-9])/.test(machine)) return 'pc';
  if (/^virt($|-)/.test(machine)) return 'virt';
  throw new AppError(
    'not-possible',
    `Strata can lay out the devices of q35, pc and virt machines; "${machine}" is none of them. Choose one of these.`,
  );
};

export const rootBus = (family: MachineFamily): string => (family === 'pc' ? 'pci.0' : 'pcie.0');

/**
 * Slots on the root bus, the same in every machine, so that a device never moves when another one is added:
 * 0x1f is the chipset of q35, 0x01 that of pc.
 */
export const slots = {
  display: 0x02,
  agent: 0x03,
  usb: 0x04,
  audio: 0x05,
  scsi: 0x06,
  random: 0x07,
  /** Eight NICs that are conventional PCI devices. */
  nics: 0x08,
  /** Functions of these slots are the root ports: 8 a slot. */
  rootPorts: 0x10,
  /** An AHCI controller on a machine that has none. */
  sata: 0x1e,
} as const;

export const address = (slot: number): string => `0x${slot.toString(16)}`;

/** Root ports by number: 0–15 disks, 16–23 NICs, 24–27 stay free for what is plugged in later. */
export const portOf = {
  disk: (position: number): number => position,
  nic: (position: number): number => 16 + position,
  spare: [24, 25, 26, 27],
} as const;
export const portId = (port: number): string => `rp${port}`;

/** Where a PCI Express device goes: below a root port of its own, or into a slot of plain PCI. */
export const expressPlace = (family: MachineFamily, port: number): { bus: string; addr: string } => {
  if (family !== 'pc') return { bus: portId(port), addr: '0x0' };
  // Without root ports disks take 0x10–0x1f; NICs have the slots of their conventional relatives.
  return { bus: 'pci.0', addr: address(port < 16 ? 0x10 + port : slots.nics + port - 16) };
};

/** The root ports that a set of devices needs; several share a slot as its functions. */
export const rootPortArgs = (family: MachineFamily, used: readonly number[]): string[] => {
  if (family === 'pc') return [];
  const ports = [...new Set([...used, ...portOf.spare])].sort((a, b) => a - b);
  // A function can only be found when function 0 of its slot exists.
  const needed = new Set([...ports, ...ports.map((port) => port - (port % 8))]);
  return [...needed]
    .sort((a, b) => a - b)
    .flatMap((port) => {
      const slot = address(slots.rootPorts + Math.floor(port / 8));
      const multifunction = port % 8 === 0 ? ',multifunction=on' : '';
      return [
        '-device',
        `pcie-root-port,id=${portId(port)},bus=pcie.0,addr=${slot}.0x${port % 8},chassis=${port + 1},slot=${port + 1}${multifunction}`,
      ];
    });
};
