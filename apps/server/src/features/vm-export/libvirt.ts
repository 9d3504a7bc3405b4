import { commonNotes, type DescribedVm, type Description, xml } from './described-vm.ts';

/** Where the system's libvirt keeps images. */
export const libvirtFolder = '/var/lib/libvirt/images';

const buses: Readonly<Record<string, { bus: string; prefix: string }>> = {
  virtio: { bus: 'virtio', prefix: 'vd' },
  scsi: { bus: 'scsi', prefix: 'sd' },
  sata: { bus: 'sata', prefix: 'sd' },
  ide: { bus: 'ide', prefix: 'hd' },
  usb: { bus: 'usb', prefix: 'sd' },
  nvme: { bus: 'virtio', prefix: 'vd' },
};
const bootNames = { disk: 'hd', cdrom: 'cdrom', network: 'network', floppy: 'fd' } as const;

const networkOf = ({ mode, network }: DescribedVm['vm']['nics'][number]): string =>
  mode === 'bridge' && network !== undefined
    ? `<interface type='bridge'>\n      <source bridge='${xml(network)}'/>`
    : `<interface type='user'>`;

/** A domain for `virsh define`. */
export const domain = (described: DescribedVm): Description => {
  const { vm, stem, disks } = described;
  const drives = disks.map(({ file, bus }, index) => {
    const place = buses[bus] ?? { bus: 'virtio', prefix: 'vd' };
    return `    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='${libvirtFolder}/${xml(file)}'/>
      <target dev='${place.prefix}${String.fromCharCode(97 + index)}' bus='${place.bus}'/>
    </disk>`;
  });
  const cards = vm.nics
    .filter(({ mode }) => mode !== 'none')
    .map(
      (nic) => `    ${networkOf(nic)}
      <mac address='${nic.mac}'/>
      <model type='${nic.model === 'usb' ? 'usb-net' : nic.model}'/>
    </interface>`,
    );
  const text = `<domain type='${vm.effectiveAccelerator.kind === 'kvm' ? 'kvm' : 'qemu'}'>
  <name>${xml(vm.name.replaceAll('/', '-'))}</name>
  <uuid>${vm.uuid}</uuid>
  <memory unit='b'>${vm.memory}</memory>
  <vcpu>${vm.cpus}</vcpu>
  <os${vm.firmware === 'uefi' ? " firmware='efi'" : ''}>
    <type arch='${xml(vm.arch === 'i386' ? 'i686' : vm.arch)}' machine='${xml(vm.machine)}'>hvm</type>
${vm.boot.order.map((device) => `    <boot dev='${bootNames[device]}'/>`).join('\n')}
  </os>
  <features>
    <acpi/>
    <apic/>
  </features>
  <devices>
${[...drives, ...cards].join('\n')}
    <serial type='pty'/>
    <console type='pty'/>${vm.display === 'none' ? '' : "\n    <graphics type='vnc' port='-1' autoport='yes'/>\n    <video>\n      <model type='vga'/>\n    </video>"}
  </devices>
</domain>
`;
  const notes = [
    `Put the images into ${libvirtFolder} (or change the paths in ${stem}.xml), then: virsh define ${stem}.xml`,
    ...commonNotes(described),
    ...(disks.some(({ bus }) => bus === 'nvme') ? ['NVMe disks are virtio in it.'] : []),
    ...(vm.nics.some(({ mode }) => mode === 'isolated' || mode === 'tap')
      ? ['Isolated networks and tap interfaces are user networking in it.']
      : []),
  ];
  return { fileName: `${stem}.xml`, text, notes };
};
