import type { Vm } from '@strata/contract';

const prefixes: Record<string, string> = {
  virtio: 'vd',
  scsi: 'sd',
  sata: 'sd',
  usb: 'sd',
  ide: 'hd',
};

/** What a guest would most likely call the disk: `vda`, `sdb`, `nvme0n1`. */
export function diskName(disks: Pick<Vm['disks'][number], 'bus'>[], index: number): string {
  const bus = disks[index]?.bus ?? 'virtio';
  const prefix = prefixes[bus] ?? 'nvme';
  const before = disks.slice(0, index).filter((disk) => (prefixes[disk.bus] ?? 'nvme') === prefix).length;
  return prefix === 'nvme' ? `nvme${before}n1` : `${prefix}${String.fromCharCode(97 + before)}`;
}
