import type { Vm } from '@strata/contract';

export type VmForm = 'ova' | 'libvirt' | 'kubevirt';

export interface DescribedDisk {
  /** In the archive. */
  readonly file: string;
  /** Bytes of the disk, and of the file. */
  readonly virtualSize: number;
  readonly fileSize: number;
  readonly bus: Vm['disks'][number]['bus'];
}
export interface DescribedVm {
  readonly vm: Vm;
  /** What its files are called. */
  readonly stem: string;
  readonly disks: readonly DescribedDisk[];
}
/** What a form says of a VM, and in words what it cannot. */
export interface Description {
  readonly fileName: string;
  readonly text: string;
  readonly notes: readonly string[];
}

export const xml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** What no form takes along. */
export const commonNotes = ({ vm }: DescribedVm): string[] => [
  ...(vm.snapshotCount > 0 ? ['Snapshots stay here: the disks are as they are now, each in one file.'] : []),
  ...(vm.media.some(({ imageId }) => imageId !== null)
    ? ['What is inserted in its drives is not in it.']
    : []),
  ...(vm.firmware === 'uefi'
    ? ['The variables of its UEFI firmware are not in it: the boot entries may have to be made again.']
    : []),
  ...((vm.nbdDisks ?? []).length > 0 ? ['Its network disks (NBD) are not in it.'] : []),
  ...(vm.kernel === null ? [] : ['It boots a kernel of this host, which is not in it.']),
  ...(vm.extraArgs.length > 0 ? [`Further options of QEMU are left out: ${vm.extraArgs.join(' ')}`] : []),
  ...(vm.nics.some(({ forwards }) => forwards.length > 0) ? ['Its port forwards are left out.'] : []),
];
