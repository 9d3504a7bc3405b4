import type { Partition, PartitionTable } from '@strata/partition-table';
import { byteWords } from '../../chains/byte-words.ts';

const named = ({ number, label, typeName }: Partition): string => {
  const what = [typeName, label === null ? null : `“${label}”`].filter((word) => word !== null).join(', ');
  return what === '' ? `partition ${number}` : `partition ${number} (${what})`;
};

const isSwap = ({ typeName }: Partition): boolean => typeName?.includes('swap') === true;

/** A disk is made larger from the outside in. */
export const growOrder = (table: PartitionTable | null, last: Partition | null): string[] => {
  const image = 'Make the disk larger: this, here.';
  if (table === null || last === null)
    return [
      image,
      table?.scheme === 'none'
        ? 'Then, in the VM, whatever lies on the disk: its file system (resize2fs, xfs_growfs), or a new partition table.'
        : 'Then, in the VM, the last partition (growpart, parted; Disk Management in Windows), and then its file system.',
    ];
  const table2 =
    'Then, in the VM, let the partition table take the new end (parted and Windows offer it; or sgdisk -e).';
  return [
    image,
    ...(table.scheme === 'gpt' ? [table2] : []),
    `Then ${named(last)}, the last one (growpart, parted; Disk Management in Windows).`,
    ...(isSwap(last) ? ['It is swap: what is to grow must become the last one first.'] : []),
    'Then the file system in it (resize2fs, xfs_growfs, btrfs filesystem resize; Windows does it with the partition).',
  ];
};

/** And smaller from the inside out. `after`: the size that is wanted. */
export const shrinkOrder = (table: PartitionTable, last: Partition | null, after: number): string[] => {
  if (last === null)
    return table.scheme === 'none'
      ? [
          `First, in the VM, whatever lies on the disk without partitions: its file system to less than ${byteWords(after)}.`,
          'Shut the VM down.',
          'Then make the disk smaller: this, here.',
        ]
      : ['Make the disk smaller: this, here. It has no partitions.'];
  const fits = last.offset + last.size <= after;
  const inside = [
    `First, in the VM, the file system in ${named(last)} (resize2fs; XFS cannot shrink; Disk Management in Windows).`,
    `Then the partition itself, so that it ends before ${byteWords(after)} (${after.toLocaleString('en')} bytes).`,
    'Shut the VM down.',
  ];
  return [
    ...(fits ? [`The last partition ends before that: ${named(last)}.`] : inside),
    ...(table.scheme === 'gpt'
      ? ['The second copy of the partition table is written at the new end, and the first names it.']
      : []),
    fits ? 'Make the disk smaller: this, here.' : 'Then make the disk smaller: this, here.',
  ];
};
