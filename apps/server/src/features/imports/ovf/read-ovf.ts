import { allBelow, childOf, childrenOf, readXml, textOf, type XmlElement } from './read-xml.ts';

/** A line of the virtual hardware, by the numbers of CIM. */
export interface OvfItem {
  readonly id: string;
  readonly type: number;
  readonly subtype: string;
  readonly title: string;
  readonly quantity: number | null;
  readonly units: string;
  readonly parent: string | null;
  readonly place: number;
  /** The id of a disk or of a file, out of `ovf:/disk/ID`. */
  readonly source: { readonly kind: 'disk' | 'file'; readonly id: string } | null;
  readonly connection: string | null;
  readonly address: string;
}

export interface OvfFile {
  readonly id: string;
  readonly href: string;
  readonly compression: string | null;
  readonly isChunked: boolean;
}

export interface OvfDisk {
  readonly id: string;
  /** Null: an empty disk of the given capacity. */
  readonly fileId: string | null;
  readonly capacity: number | null;
}

export interface OvfMachine {
  readonly name: string;
  readonly notes: string;
  readonly system: string;
  readonly firmware: 'bios' | 'uefi';
  readonly items: readonly OvfItem[];
  readonly files: readonly OvfFile[];
  readonly disks: readonly OvfDisk[];
  readonly machines: number;
  /** Sections that nothing is made of, by their names. */
  readonly otherSections: readonly string[];
}

/** `byte * 2^20`, `MegaBytes`, `MB` and the like → bytes. */
export const unitBytes = (units: string): number | null => {
  const text = units.trim().toLowerCase();
  const power = /^byte\s*\*\s*2\s*\^\s*(\d{1,2})$/.exec(text)?.[1];
  if (power !== undefined) return 2 ** Number(power);
  const named: Readonly<Record<string, number>> = {
    '': 1,
    byte: 1,
    bytes: 1,
    kilobytes: 10,
    kb: 10,
    megabytes: 20,
    mb: 20,
    gigabytes: 30,
    gb: 30,
    terabytes: 40,
    tb: 40,
  };
  const found = named[text];
  return found === undefined ? null : found === 1 ? 1 : 2 ** found;
};

const sourceOf = (text: string): OvfItem['source'] => {
  const [, kind, id] = /^(?:ovf:)?\/(disk|file)\/(.+)$/.exec(text) ?? [];
  return kind === undefined || id === undefined ? null : { kind: kind as 'disk' | 'file', id };
};

const itemOf = (item: XmlElement): OvfItem => {
  const quantity = textOf(item, 'VirtualQuantity');
  const place = Number(textOf(item, 'AddressOnParent') || '0');
  return {
    id: textOf(item, 'InstanceID') || textOf(item, 'InstanceId'),
    type: Number(textOf(item, 'ResourceType')),
    subtype: textOf(item, 'ResourceSubType'),
    title: textOf(item, 'ElementName') || textOf(item, 'Caption') || textOf(item, 'Description'),
    quantity: /^\d{1,15}$/.test(quantity) ? Number(quantity) : null,
    units: textOf(item, 'AllocationUnits'),
    parent: textOf(item, 'Parent') || null,
    place: Number.isInteger(place) && place >= 0 ? place : 0,
    source: sourceOf(textOf(item, 'HostResource')),
    connection: textOf(item, 'Connection') || null,
    address: textOf(item, 'Address'),
  };
};

const firmwareOf = (system: XmlElement): 'bios' | 'uefi' => {
  const told = [
    ...allBelow(system, 'Config')
      .filter(({ attributes }) => attributes.key === 'firmware')
      .map(({ attributes }) => attributes.value),
    ...allBelow(system, 'Firmware').map(({ attributes }) => attributes.type),
  ];
  return told.some((value) => /^efi/i.test(value ?? '')) ? 'uefi' : 'bios';
};

const filesOf = (envelope: XmlElement): OvfFile[] =>
  childrenOf(childOf(envelope, 'References') ?? envelope, 'File').map(({ attributes }) => ({
    id: attributes.id ?? '',
    href: attributes.href ?? '',
    compression: attributes.compression ?? null,
    isChunked: attributes.chunkSize !== undefined,
  }));

const disksOf = (envelope: XmlElement): OvfDisk[] =>
  allBelow(envelope, 'DiskSection')
    .flatMap((section) => childrenOf(section, 'Disk'))
    .map(({ attributes }) => {
      const unit = unitBytes(attributes.capacityAllocationUnits ?? '');
      const capacity = /^\d{1,18}$/.test(attributes.capacity ?? '') ? Number(attributes.capacity) : null;
      return {
        id: attributes.diskId ?? '',
        fileId: attributes.fileRef ?? null,
        capacity: capacity === null || unit === null ? null : capacity * unit,
      };
    });

const understood = new Set([
  'References',
  'DiskSection',
  'NetworkSection',
  'VirtualSystem',
  'VirtualHardwareSection',
  'OperatingSystemSection',
  'AnnotationSection',
  'Info',
  'Name',
  'VirtualSystemCollection',
  'Strings',
  'Machine',
]);

/** What an OVF says about its VM, as it says it. Throws `XmlFlaw`. */
export const readOvf = (text: string): OvfMachine => {
  const envelope = readXml(text);
  const systems = allBelow(envelope, 'VirtualSystem');
  const [system] = systems;
  const hardware = system === undefined ? undefined : childOf(system, 'VirtualHardwareSection');
  const inSystem = system === undefined ? [] : system.children;
  return {
    name: system === undefined ? '' : textOf(system, 'Name') || (system.attributes.id ?? ''),
    notes: allBelow(envelope, 'Annotation')
      .map((each) => each.text.trim())
      .join('\n'),
    system:
      allBelow(envelope, 'OperatingSystemSection')
        .map((each) => textOf(each, 'Description'))
        .find((each) => each !== '') ?? '',
    firmware: system === undefined ? 'bios' : firmwareOf(system),
    items: (hardware?.children ?? []).filter(({ name }) => /Item$/.test(name)).map(itemOf),
    files: filesOf(envelope),
    disks: disksOf(envelope),
    machines: systems.length,
    otherSections: [
      ...new Set(
        [...envelope.children, ...inSystem].map(({ name }) => name).filter((name) => !understood.has(name)),
      ),
    ],
  };
};
