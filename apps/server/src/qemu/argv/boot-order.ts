import type { BootDevice, Launch } from './launch.types.ts';
import { machineFamily } from './machine-layout.ts';

export interface Bootable {
  readonly kind: BootDevice;
  /** The id of its device. */
  readonly device: string;
}

/** Everything a machine could boot from, in the order of the definition. */
export const bootables = (launch: Pick<Launch, 'disks' | 'nbdDisks' | 'media' | 'nics'>): Bootable[] => [
  ...[...launch.disks, ...(launch.nbdDisks ?? [])].map((disk) => ({
    kind: 'disk' as const,
    device: diskDevice(disk.id),
  })),
  ...launch.media.map((medium) => ({ kind: medium.kind, device: medium.slot })),
  ...launch.nics.map((nic) => ({ kind: 'network' as const, device: nic.id })),
];

export const diskDevice = (diskId: string): string => `disk-${diskId}`;

// 0 belongs to QEMU's own loader of a kernel; the one-time device stands before all others.
const firstOnce = 1;
const firstUsual = 100;

const inOrder = (
  all: readonly Bootable[],
  order: readonly BootDevice[],
  first: number,
): Map<string, number> =>
  new Map(
    order
      .flatMap((kind) => all.filter((bootable) => bootable.kind === kind))
      .map((bootable, index) => [bootable.device, first + index]),
  );

/** Device → bootindex, as it shall be from the second boot on. */
export const usualBootIndexes = (
  launch: Pick<Launch, 'disks' | 'nbdDisks' | 'media' | 'nics' | 'boot'>,
): Map<string, number> => inOrder(bootables(launch), [...new Set(launch.boot.order)], firstUsual);

/** The same for this start, with the one-time device first. */
export const bootIndexes = (
  launch: Pick<Launch, 'disks' | 'nbdDisks' | 'media' | 'nics' | 'boot'>,
): Map<string, number> =>
  new Map([
    ...usualBootIndexes(launch),
    ...inOrder(bootables(launch), launch.boot.once === null ? [] : [launch.boot.once], firstOnce),
  ]);

/**
 * What to set once the firmware has read its list: the firmware keeps the one-time order for this boot, and the
 * next reset builds the list anew, from these. A floppy's place belongs to its controller, which only q35 names.
 */
export const afterOnce = (
  launch: Pick<Launch, 'disks' | 'nbdDisks' | 'media' | 'nics' | 'boot' | 'machine'>,
): { device: string; property: string; bootindex: number }[] => {
  const usual = usualBootIndexes(launch);
  return bootables(launch)
    .filter((bootable) => bootable.kind === launch.boot.once)
    .filter(({ kind }) => kind !== 'floppy' || machineFamily(launch.machine) === 'q35')
    .map(({ kind, device }) => ({
      device: kind === 'floppy' ? 'fdc' : device,
      property: kind !== 'floppy' ? 'bootindex' : device === 'fd0' ? 'bootindexA' : 'bootindexB',
      bootindex: usual.get(device) ?? -1,
    }));
};
