import { commonNotes, type DescribedVm, type Description } from './described-vm.ts';

const gibibyte = 1024 ** 3;
/** JSON is YAML: nothing of a user's text can become structure. */
const quoted = (value: unknown): string => JSON.stringify(value);

/** Letters, digits and dashes (RFC 1123): what an object of Kubernetes may be called. */
const objectName = (stem: string): string =>
  stem
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 50) || 'vm';

const busOf = (bus: string): string => (['sata', 'scsi', 'usb'].includes(bus) ? bus : 'virtio');
const modelOf = (model: string): string =>
  ['e1000', 'e1000e', 'rtl8139', 'pcnet', 'ne2k_pci'].includes(model) ? model : 'virtio';

/** A VirtualMachine whose disks are uploaded into claims of their own. */
export const manifest = (described: DescribedVm): Description => {
  const { vm, stem, disks } = described;
  const name = objectName(stem);
  const claim = (index: number): string => `${name}-disk${index + 1}`;
  const spec = {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: { name, annotations: { description: vm.name } },
    spec: {
      runStrategy: 'Halted',
      template: {
        metadata: { labels: { 'kubevirt.io/domain': name } },
        spec: {
          architecture: vm.arch === 'aarch64' ? 'arm64' : 'amd64',
          domain: {
            cpu: { cores: vm.cpus },
            memory: { guest: `${vm.memory / 1024 ** 2}Mi` },
            ...(vm.firmware === 'uefi' ? { firmware: { bootloader: { efi: { secureBoot: false } } } } : {}),
            devices: {
              disks: disks.map(({ bus }, index) => ({
                ...{ name: claim(index), disk: { bus: busOf(bus) }, bootOrder: index + 1 },
              })),
              interfaces: vm.nics.slice(0, 1).map(({ model, mac }) => ({
                ...{ name: 'default', masquerade: {}, model: modelOf(model), macAddress: mac },
              })),
            },
          },
          networks: vm.nics.length === 0 ? [] : [{ name: 'default', pod: {} }],
          volumes: disks.map((_, index) => ({
            ...{ name: claim(index), persistentVolumeClaim: { claimName: claim(index) } },
          })),
        },
      },
    },
  };
  const uploads = disks.map(
    ({ file, virtualSize }, index) =>
      `virtctl image-upload pvc ${claim(index)} --size=${Math.ceil(virtualSize / gibibyte)}Gi --image-path=${file}`,
  );
  const comments = [...uploads, `kubectl apply -f ${stem}.yaml`].map((command) => `# ${command}`);
  const notes = [
    `The commands that upload the disks and apply the manifest stand at the top of ${stem}.yaml.`,
    ...commonNotes(described),
    ...(disks.some(({ bus }) => bus === 'ide' || bus === 'nvme')
      ? ['IDE and NVMe disks are virtio in it.']
      : []),
    ...(vm.nics.length > 1 ? ['Only the first network card is in it, on the network of the pod.'] : []),
    ...(vm.arch === 'x86_64' || vm.arch === 'aarch64' ? [] : [`KubeVirt does not run ${vm.arch} machines.`]),
  ];
  return { fileName: `${stem}.yaml`, text: `${comments.join('\n')}\n${yamlOf(spec)}`, notes };
};

/** Maps as blocks, everything else as JSON, which YAML reads alike. */
const yamlOf = (value: object, indent = ''): string =>
  Object.entries(value)
    .map(([key, part]: [string, unknown]) =>
      typeof part === 'object' && part !== null && !Array.isArray(part) && Object.keys(part).length > 0
        ? `${indent}${key.includes('/') ? quoted(key) : key}:\n${yamlOf(part, `${indent}  `)}`
        : `${indent}${key.includes('/') ? quoted(key) : key}: ${quoted(part)}\n`,
    )
    .join('');
