import { crc32 } from './crc32.ts';
import { viewOf } from './little-endian.ts';
import type { GptPlace, Partition, PartitionTable } from './partition-table.types.ts';
import { type DiskWrite, relocateGpt } from './relocate-gpt.ts';
import { lastPartition } from './table-end.ts';

export interface ExtendedPartition {
  readonly before: Partition;
  readonly after: Partition;
  /** In this order; of a GPT both copies, the second one at the end of the disk. */
  readonly writes: readonly DiskWrite[];
}

/**
 * `none`: there is no partition. `damaged`: what the table says cannot be relied on. `logical`: the extended partition around
 * it would have to grow too. `no-room`: nothing is free behind it.
 */
export type ExtendRefusal = 'none' | 'damaged' | 'logical' | 'no-room';

/** Partitions end where systems like them to end. */
const alignment = 1024 ** 2;
/** The fields of an MBR have 32 bits. */
const mbrSectors = 2 ** 32 - 1;

const harmless = new Set(['backup-not-at-end', 'backup-damaged']);

/** The first sector that is not its own, when it takes all that is free behind it. */
const endFor = ({ scheme, sectorSize, gpt }: PartitionTable, size: number): number => {
  const sectors = Math.floor(size / sectorSize);
  const behind = scheme === 'gpt' ? (gpt?.entrySectors ?? 0) + 1 : 0;
  const unit = Math.max(1, alignment / sectorSize);
  const usable = scheme === 'gpt' ? sectors - behind : Math.min(sectors, mbrSectors);
  return Math.floor(usable / unit) * unit;
};

const gptWrites = (
  gpt: GptPlace,
  partition: Partition,
  end: number,
  disk: DiskForm,
): readonly DiskWrite[] => {
  const headerBytes = new Uint8Array(gpt.headerBytes);
  const header = viewOf(headerBytes);
  const entryBytes = new Uint8Array(gpt.entryBytes);
  const entry = (partition.number - 1) * header.getUint32(84, true);
  viewOf(entryBytes).setBigUint64(entry + 40, BigInt(end - 1), true);
  header.setUint32(88, crc32(entryBytes), true);
  const [copy, backup, primary] = relocateGpt(
    { ...gpt, headerBytes, entryBytes },
    disk.size,
    disk.sectorSize,
  );
  // Its copy is whole when the first table is touched.
  const entries = { offset: gpt.entriesAt * disk.sectorSize, bytes: copy.bytes };
  return [copy, backup, entries, primary];
};
interface DiskForm {
  readonly size: number;
  readonly sectorSize: number;
}

const mbrWrites = ({ number }: Partition, sectors: number): readonly DiskWrite[] => {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, sectors, true);
  return [{ offset: 446 + 16 * (number - 1) + 12, bytes }];
};

/** The last partition with all that is free behind it, on a disk of this size; only its end moves. */
export const extendLast = (table: PartitionTable, size: number): ExtendedPartition | ExtendRefusal => {
  const { scheme, sectorSize, gpt } = table;
  const before = lastPartition(table);
  if (before === null) return 'none';
  if (table.problems.some(({ code }) => !harmless.has(code)) || (scheme === 'gpt' && gpt === null))
    return 'damaged';
  if (before.kind === 'logical') return 'logical';
  const end = endFor(table, size);
  const sectors = end - before.start;
  if (sectors <= before.sectors) return 'no-room';
  const writes =
    gpt === null ? mbrWrites(before, sectors) : gptWrites(gpt, before, end, { size, sectorSize });
  return { before, after: { ...before, sectors, size: sectors * sectorSize }, writes };
};
