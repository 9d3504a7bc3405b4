export {
  type ExtendedPartition,
  type ExtendRefusal,
  extendLast,
} from './extend-partition.ts';
export { guidAt, showable, viewOf } from './little-endian.ts';
export { gptTail, type NewTable, newPartitionTable } from './new-table.ts';
export type {
  GptPlace,
  Partition,
  PartitionTable,
  ReadDisk,
  TableProblem,
  TableProblemCode,
} from './partition-table.types.ts';
export { readPartitionTable } from './read-partition-table.ts';
export { type DiskWrite, relocateGpt } from './relocate-gpt.ts';
export { lastPartition, partitionsEnd, smallestSize } from './table-end.ts';
