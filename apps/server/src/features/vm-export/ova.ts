import { commonNotes, type DescribedVm, type Description, xml } from './described-vm.ts';

/** CIM resource types (DSP0004): what a line of the hardware is. */
const kinds = { cpu: 3, memory: 4, ide: 5, scsi: 6, nic: 10, disk: 17, sata: 20 } as const;
const adapters: Readonly<Record<string, string>> = {
  e1000: 'E1000',
  e1000e: 'E1000e',
  vmxnet3: 'VmxNet3',
  pcnet: 'PCNet32',
};

const item = (fields: Readonly<Record<string, string | number>>): string =>
  `      <Item>\n${Object.entries(fields)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `        <rasd:${name}>${xml(String(value))}</rasd:${name}>`)
    .join('\n')}\n      </Item>`;

const controllers = ({ disks }: DescribedVm): { kind: 'ide' | 'sata' | 'scsi'; id: number }[] => {
  const wanted = new Set(disks.map(({ bus }) => (bus === 'ide' ? 'ide' : bus === 'scsi' ? 'scsi' : 'sata')));
  return [...wanted].map((kind, index) => ({ kind, id: 10 + index }));
};

/** An OVF 1.0 envelope: what VirtualBox, VMware and others read. */
export const ovf = (described: DescribedVm): Description => {
  const { vm, stem, disks } = described;
  const places = controllers(described);
  const placeOf = (bus: string): number =>
    places.find(({ kind }) => kind === (bus === 'ide' || bus === 'scsi' ? bus : 'sata'))?.id ?? 10;
  const hardware = [
    item({ InstanceID: 1, ResourceType: kinds.cpu, ElementName: 'Processors', VirtualQuantity: vm.cpus }),
    item({
      ...{ InstanceID: 2, ResourceType: kinds.memory, ElementName: 'Memory' },
      ...{ AllocationUnits: 'byte * 2^20', VirtualQuantity: vm.memory / 1024 ** 2 },
    }),
    ...places.map(({ kind, id }) =>
      item({
        ...{ InstanceID: id, ResourceType: kinds[kind], ElementName: kind, Address: id - 10 },
        ...(kind === 'sata'
          ? { ResourceSubType: 'AHCI' }
          : kind === 'scsi'
            ? { ResourceSubType: 'lsilogic' }
            : {}),
      }),
    ),
    ...disks.map(({ bus }, index) =>
      item({
        ...{ InstanceID: 20 + index, ResourceType: kinds.disk, ElementName: `Disk ${index + 1}` },
        ...{ HostResource: `ovf:/disk/disk${index + 1}`, Parent: placeOf(bus), AddressOnParent: index },
      }),
    ),
    ...vm.nics.map((nic, index) =>
      item({
        ...{ InstanceID: 50 + index, ResourceType: kinds.nic, ElementName: `Network card ${index + 1}` },
        ...{
          ResourceSubType: adapters[nic.model] ?? 'E1000',
          Connection: 'nat',
          Address: nic.mac,
          AutomaticAllocation: 'true',
        },
      }),
    ),
  ];
  const text = `<?xml version="1.0" encoding="UTF-8"?>
<Envelope ovf:version="1.0" xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
  <References>
${disks.map(({ file, fileSize }, index) => `    <File ovf:id="file${index + 1}" ovf:href="${xml(file)}" ovf:size="${fileSize}"/>`).join('\n')}
  </References>
  <DiskSection>
    <Info>Disks</Info>
${disks.map(({ virtualSize }, index) => `    <Disk ovf:diskId="disk${index + 1}" ovf:fileRef="file${index + 1}" ovf:capacity="${virtualSize}" ovf:capacityAllocationUnits="byte" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>`).join('\n')}
  </DiskSection>
  <NetworkSection>
    <Info>Networks</Info>
    <Network ovf:name="nat"/>
  </NetworkSection>
  <VirtualSystem ovf:id="${xml(stem)}">
    <Info>A virtual machine</Info>
    <Name>${xml(vm.name)}</Name>
    <OperatingSystemSection ovf:id="102">
      <Info>Not known</Info>
    </OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>Hardware</Info>
${hardware.join('\n')}
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
`;
  const notes = [
    ...commonNotes(described),
    ...(disks.some(({ bus }) => ['virtio', 'nvme', 'usb'].includes(bus))
      ? ['An OVA knows no virtio, NVMe or USB disks: these are on a SATA controller in it.']
      : []),
    ...(vm.nics.some(({ model }) => adapters[model] === undefined)
      ? ['Network cards it has no name for are E1000 in it.']
      : []),
    ...(vm.firmware === 'uefi'
      ? ['It cannot say that the VM boots by UEFI: choose that where it is imported.']
      : []),
    ...(vm.nics.some(({ mode }) => mode !== 'user') ? ['All network cards are connected by NAT in it.'] : []),
  ];
  return { fileName: `${stem}.ovf`, text, notes };
};
