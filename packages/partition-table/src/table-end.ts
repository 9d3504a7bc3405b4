import type { Partition, PartitionTable } from './partition-table.types.ts';

const endOf = ({ offset, size }: Partition): number => offset + size;

/** The partition that ends last, not counting the one that others lie in; null: there is none. */
export const lastPartition = ({ partitions }: PartitionTable): Partition | null =>
  partitions
    .filter(({ kind }) => kind !== 'extended')
    .reduce<Partition | null>(
      (last, partition) => (last === null || endOf(partition) > endOf(last) ? partition : last),
      null,
    );

/** Where the last partition ends, in bytes; 0: there is none. */
export const partitionsEnd = ({ partitions }: PartitionTable): number =>
  partitions.reduce((end, partition) => Math.max(end, endOf(partition)), 0);

/** The size below which something of the table would be cut off: of a GPT its second copy needs a place behind them. */
export const smallestSize = (table: PartitionTable): number => {
  const { scheme, sectorSize, gpt } = table;
  const behind = scheme === 'gpt' ? ((gpt?.entrySectors ?? 32) + 1) * sectorSize : 0;
  const before = scheme === 'gpt' ? (gpt?.firstUsable ?? 34) * sectorSize : scheme === 'mbr' ? 512 : 0;
  return Math.max(partitionsEnd(table), before) + behind;
};
