import type { Definition, DiskDraft } from '../vm-form/definition.ts';

/**
 * The bus of one more disk: that of the disks the VM has, since its guest knows it. Without any, a machine of the old chipset is
 * for a system that knows IDE; every other gets what is fastest.
 */
export function busForNext({ disks, machine }: Pick<Definition, 'disks' | 'machine'>): DiskDraft['bus'] {
  const last = disks.at(-1);
  if (last !== undefined) return last.bus;
  return /^(pc|isapc)(-i440fx.*|-\d.*)?$/.test(machine) ? 'ide' : 'virtio';
}
