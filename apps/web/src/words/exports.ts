import type { ExportClient } from '@strata/contract';
import { formatBytes, formatCount } from '../lib/format.ts';

/** Ways out of the library. */
export const exports = {
  button: (count: number) => (count === 0 ? 'Exports' : `Exports (${count})`),
  menu: 'Export…',
  title: 'Exports',
  none: 'Nothing is exported. Choose an image, then More, Export….',
  text: 'Other programs read these images as they are now. What an export shows cannot be changed or removed meanwhile.',
  dialog: {
    title: (name: string) => `Export “${name}”`,
    text: 'Other programs can read what this layer shows, through its whole chain, without a copy.',
    how: 'How',
    hows: {
      unix: 'NBD, on a socket that only you can reach',
      tcp: 'NBD, on a port of 127.0.0.1',
      fuse: 'As a raw file (FUSE)',
    },
    howText: {
      unix: 'For qemu-img, nbdinfo, nbd-client and other VMs of yours on this machine.',
      tcp: 'Every user of this machine can connect, and through an SSH tunnel other machines. With TLS only who has the key.',
      fuse: 'A file that reads as the disk does, for programs that know no NBD.',
    },
    port: 'Port',
    anyPort: 'A free one',
    tls: 'TLS: only who has the client’s key can connect',
    pinned: 'Pin it: it goes on when Strata ends',
    writable: 'Let others write it',
    writableText: 'Only while nothing stands on it. What they write cannot be undone.',
    name: 'Name',
    submit: 'Export',
    done: 'Close',
  },
  download: {
    menu: 'Download…',
    title: (name: string) => `Download “${name}”`,
    what: 'As what',
    file: 'The file as it is',
    fileText: (overlay: boolean) =>
      overlay
        ? 'This layer alone: it shows nothing without the layers that it stands on.'
        : 'Byte for byte, with its internal snapshots.',
    raw: 'raw: all that it shows',
    rawText: 'Streamed while it is read: as long as the disk is, with nothing written here.',
    formats: {
      qcow2: 'qcow2',
      vmdk: 'VMDK (VMware)',
      vdi: 'VDI (VirtualBox)',
      vhdx: 'VHDX (Hyper-V)',
      vpc: 'VHD',
    },
    formatText: 'All that it shows, in one file that stands on nothing. It is made first, and compared.',
    compress: 'Compressed',
    submit: 'Download',
    preparing:
      'The file is being made. You can close this: when it is ready, it stands under Exports for a day.',
    ready: (name: string) => `${name} is ready, and its download has begun.`,
  },
  vm: {
    menu: 'Export…',
    title: (name: string) => `Export the VM “${name}”`,
    as: 'As what',
    forms: { ova: 'OVA', libvirt: 'libvirt domain and images', kubevirt: 'KubeVirt manifest and images' },
    formText: {
      ova: 'For VirtualBox, VMware and others: one file, with compressed disks.',
      libvirt: 'An archive with the XML for virsh define and a qcow2 image for each disk.',
      kubevirt: 'An archive with a VirtualMachine, its disks, and the commands that upload them.',
    },
    notes:
      'Each disk becomes one file that stands on nothing, compared with what it shows. What the form cannot express stands with the file in the library, under Exports.',
    submit: 'Export',
    running: 'The VM writes its disks now. Shut it down first.',
    suspended: 'The VM is suspended: its memory waits for these disks.',
    bare: 'It has no disk that could be taken along.',
  },
  files: {
    title: 'Ready to be downloaded',
    text: (size: number) => `${formatBytes(size)} · goes`,
    fetch: 'Download',
    remove: 'Remove',
  },
  card: {
    of: (image: string, size: number) => `${image} · ${formatBytes(size)}`,
    writable: 'written by others',
    pinned: 'pinned',
    tls: 'TLS',
    keys: 'Certificates and key for clients',
    since: 'since',
    noClients: 'Nobody is connected.',
    clients: (clients: readonly ExportClient[]) => {
      const named = clients.flatMap(({ program, address }) =>
        address === 'unix' ? [] : [program === undefined ? address : `${program} (${address})`],
      );
      const count = formatCount(clients.length, 'connection', 'connections');
      return named.length === 0 ? count : `${count}: ${named.join(', ')}`;
    },
    copyUri: 'Copy the address',
    commands: 'Commands to use it',
    needs: (what: string) => `Needs ${what}.`,
    stop: 'Stop',
    stopTitle: (name: string) => `Stop the export “${name}”?`,
    stopText: (clients: number) =>
      clients === 0
        ? 'Nobody is connected. The image itself is not touched.'
        : `${formatCount(clients, 'connection is', 'connections are')} cut off. The image itself is not touched.`,
  },
};
