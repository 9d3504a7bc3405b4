import type { CreateVmInput, DiskInput } from '@strata/contract';
import { macAddress } from '@strata/contract';
import { type OvfItem, type OvfMachine, unitBytes } from './read-ovf.ts';

/** Kinds of lines, by the numbers of CIM (DSP0243). */
const kinds = {
  processor: 3,
  memory: 4,
  ide: 5,
  scsi: 6,
  network: 10,
  floppy: 14,
  cd: 15,
  dvd: 16,
  disk: 17,
  other: 20,
  usb: 23,
  video: 24,
} as const;

/** A disk or a medium of the VM, still by what the OVF calls it. */
export interface OvfDrive {
  readonly kind: 'disk' | 'cdrom' | 'floppy';
  readonly bus: DiskInput['bus'];
  /** Of a file in the archive; null: an empty drive, or an empty disk. */
  readonly fileId: string | null;
  /** Of an empty disk. */
  readonly size: number | null;
}

export interface MappedVm {
  readonly definition: Pick<
    CreateVmInput,
    'name' | 'cpus' | 'memory' | 'firmware' | 'machine' | 'nics' | 'notes'
  >;
  readonly drives: readonly OvfDrive[];
  readonly notMapped: readonly string[];
}

const mebibyte = 1024 ** 2;
const nicModels: ReadonlyArray<readonly [RegExp, NonNullable<CreateVmInput['nics']>[number]['model']]> = [
  [/^e1000e$/i, 'e1000e'],
  [/^e1000/i, 'e1000'],
  [/pcnet/i, 'pcnet'],
  [/vmxnet3/i, 'vmxnet3'],
  [/virtio/i, 'virtio'],
  [/rtl8139/i, 'rtl8139'],
];

const isAny =
  (...types: number[]) =>
  ({ type }: OvfItem): boolean =>
    types.includes(type);
const nameOf = ({ title, type }: OvfItem): string => (title === '' ? `device of kind ${type}` : title);

const busOf = (drive: OvfItem, items: readonly OvfItem[]): { bus: DiskInput['bus']; note: string | null } => {
  const controller = items.find(({ id }) => id === drive.parent);
  if (controller?.type === kinds.ide) return { bus: 'ide', note: null };
  if (controller?.type === kinds.scsi) {
    const note = /virtio/i.test(controller.subtype)
      ? null
      : `Its SCSI controller (${controller.subtype || nameOf(controller)}) becomes a virtio one, for which the guest needs a driver.`;
    return { bus: 'scsi', note };
  }
  if (controller !== undefined && /nvme/i.test(`${controller.subtype} ${controller.title}`))
    return { bus: 'nvme', note: null };
  if (controller !== undefined && /ahci|sata/i.test(`${controller.subtype} ${controller.title}`))
    return { bus: 'sata', note: null };
  return {
    bus: 'sata',
    note:
      controller === undefined
        ? null
        : `The controller “${nameOf(controller)}” is not known; its disks are attached by SATA.`,
  };
};

const memoryOf = (item: OvfItem | undefined): number | null => {
  const unit = item === undefined ? null : unitBytes(item.units === '' ? 'MB' : item.units);
  if (item?.quantity == null || unit === null) return null;
  return Math.max(1, Math.round((item.quantity * unit) / mebibyte)) * mebibyte;
};

const nicOf = (item: OvfItem): { nic: NonNullable<CreateVmInput['nics']>[number]; notes: string[] } => {
  const model = nicModels.find(([words]) => words.test(item.subtype))?.[1];
  const mac = macAddress.safeParse(
    item.address.replace(
      /^([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i,
      '$1:$2:$3:$4:$5:$6',
    ),
  );
  return {
    nic: { mode: 'user', model: model ?? 'e1000', ...(mac.success ? { mac: mac.data } : {}) },
    notes: [
      ...(model === undefined
        ? [`The network card “${item.subtype || nameOf(item)}” becomes an e1000.`]
        : []),
      ...(item.connection === null || /^nat$/i.test(item.connection)
        ? []
        : [
            `The network “${item.connection}” is not of this host: the card is connected by user networking (NAT).`,
          ]),
    ],
  };
};

const drivesOf = (machine: OvfMachine, notes: string[]): OvfDrive[] => {
  const { items } = machine;
  const places = (item: OvfItem): number =>
    Number(items.find(({ id }) => id === item.parent)?.place ?? 0) * 1000 + item.place;
  const sorted = items
    .filter(isAny(kinds.disk, kinds.cd, kinds.dvd, kinds.floppy))
    .toSorted((one, other) => places(one) - places(other));
  return sorted.flatMap((item): OvfDrive[] => {
    const { bus, note } = busOf(item, items);
    if (note !== null && item.type === kinds.disk && !notes.includes(note)) notes.push(note);
    const disk =
      item.source?.kind === 'disk' ? machine.disks.find(({ id }) => id === item.source?.id) : undefined;
    const fileId = item.source?.kind === 'file' ? item.source.id : (disk?.fileId ?? null);
    if (item.type !== kinds.disk)
      return [{ kind: item.type === kinds.floppy ? 'floppy' : 'cdrom', bus, fileId, size: null }];
    if (fileId === null && disk?.capacity == null) {
      notes.push(`The disk “${nameOf(item)}” names no file and no size.`);
      return [];
    }
    return [{ kind: 'disk', bus, fileId, size: fileId === null ? (disk?.capacity ?? null) : null }];
  });
};

/** A VM of Strata from what an OVF describes, and in words what it could not be given. */
export const vmOfOvf = (machine: OvfMachine, name: string): MappedVm => {
  const { items } = machine;
  const notes: string[] = [];
  const drives = drivesOf(machine, notes);
  const nics = items.filter(isAny(kinds.network)).map(nicOf);
  const cpus = items.find(isAny(kinds.processor))?.quantity ?? 1;
  const memory = memoryOf(items.find(isAny(kinds.memory)));
  if (memory === null) notes.push('Its memory is not told in a unit that is known; the VM gets 1 GiB.');
  if (cpus < 1 || cpus > 255) notes.push(`It wants ${cpus} processors; the VM gets 1.`);
  const passed = new Set<number>([...Object.values(kinds)]);
  for (const item of items)
    if (!passed.has(item.type)) notes.push(`“${nameOf(item)}” (kind ${item.type}) has no counterpart.`);
  if (machine.otherSections.length > 0)
    notes.push(`Sections that are not looked at: ${machine.otherSections.join(', ')}.`);
  // An IDE disk has its place on the older chipset; UEFI firmware wants the newer one.
  const isOld =
    machine.firmware === 'bios' && drives.some(({ kind, bus }) => kind === 'disk' && bus === 'ide');
  const told = [machine.system === '' ? '' : `System: ${machine.system}`, machine.notes].filter(
    (line) => line !== '',
  );
  return {
    definition: {
      name,
      cpus: cpus < 1 || cpus > 255 ? 1 : cpus,
      memory: memory ?? 1024 * mebibyte,
      firmware: machine.firmware,
      ...(isOld ? { machine: 'pc' } : {}),
      nics: nics.map(({ nic }) => nic).slice(0, 8),
      notes: told
        .join('\n')
        .replace(/[^\P{Cc}\n\t]/gu, '')
        .slice(0, 10_000),
    },
    drives: drives.map((drive) =>
      drive.bus === 'ide' && !isOld ? { ...drive, bus: 'sata' as const } : drive,
    ),
    notMapped: [...notes, ...nics.flatMap((each) => each.notes)],
  };
};
