import { type GptHeader, readGptHeader } from './gpt.ts';
import { isBootSector, isUsed, mbrEntries, readMbr } from './mbr.ts';
import type { Partition, PartitionTable, ReadDisk, TableProblem } from './partition-table.types.ts';

const sectorSizes = [512, 4096] as const;

const byPlace = (one: Partition, other: Partition): number =>
  one.start - other.start || one.number - other.number;

const end = ({ start, sectors }: Partition): number => start + sectors;

const placeProblems = (partitions: readonly Partition[], sectors: number): TableProblem[] => {
  const beyond = partitions
    .filter((partition) => end(partition) > sectors)
    .map(
      ({ number }): TableProblem => ({
        code: 'beyond-end',
        message: `Partition ${number} goes beyond the end of the disk.`,
      }),
    );
  // What lies in an extended partition does not overlap with it.
  const data = partitions.filter(({ kind }) => kind !== 'extended').toSorted(byPlace);
  const overlaps = data.flatMap((partition, index): TableProblem[] => {
    const before = data[index - 1];
    return before !== undefined && end(before) > partition.start
      ? [{ code: 'overlap', message: `The partitions ${before.number} and ${partition.number} overlap.` }]
      : [];
  });
  return [...beyond, ...overlaps];
};

const isHeader = (found: GptHeader | string): found is GptHeader => typeof found !== 'string';

const backupProblems = (
  found: Awaited<ReturnType<typeof readGptHeader>>,
  isAtEnd: boolean,
): TableProblem[] => {
  if (!isHeader(found))
    return [
      { code: 'backup-damaged', message: 'The second table, at the end of the disk, is lost or damaged.' },
    ];
  if (isAtEnd) return [];
  const message = 'The second table is not at the end of the disk, which was resized.';
  return [{ code: 'backup-not-at-end', message }];
};

/** The first table, or the second one where the first is damaged. */
const readGpt = async (
  read: ReadDisk,
  sectors: number,
  sectorSize: number,
): Promise<{ header: GptHeader; problems: TableProblem[] } | null> => {
  const last = sectors - 1;
  const primary = await readGptHeader(read, 1, sectorSize);
  if (isHeader(primary)) {
    const { alternate } = primary;
    const backup =
      alternate > 1 && alternate <= last ? await readGptHeader(read, alternate, sectorSize) : 'unsigned';
    return { header: primary, problems: backupProblems(backup, alternate === last) };
  }
  const backup = await readGptHeader(read, last, sectorSize);
  if (!isHeader(backup)) return null;
  const message =
    'The first table is damaged; what is told here is in the second one, at the end of the disk.';
  return { header: backup, problems: [{ code: 'primary-damaged', message }] };
};

const none = (sectorSize: number, problems: readonly TableProblem[] = []): PartitionTable => ({
  scheme: 'none',
  sectorSize,
  partitions: [],
  problems,
  gpt: null,
});

/**
 * The partitions of a disk of so many bytes. Whatever is on it was written by somebody: everything is bounded, nothing
 * is followed twice, and what is wrong is told beside what could be read.
 */
export const readPartitionTable = async (read: ReadDisk, size: number): Promise<PartitionTable> => {
  const first = await read(0, 512);
  const entries = mbrEntries(first);
  for (const sectorSize of sectorSizes) {
    const sectors = Math.floor(size / sectorSize);
    if (sectors < 3) continue;
    // A table after a boot record that says nothing of it is a leftover of an earlier life of the disk.
    const isAnnounced = entries === null ? false : entries.some(({ type }) => type === 0xee);
    const found = isAnnounced ? await readGpt(read, sectors, sectorSize) : null;
    if (found === null) continue;
    const partitions = found.header.partitions.toSorted(byPlace);
    const gpt = found.header.at === 1 ? found.header.place : null;
    const problems = [...found.problems, ...placeProblems(partitions, sectors)];
    return { scheme: 'gpt', sectorSize, partitions, problems, gpt };
  }
  const isEmpty = entries === null || !entries.some(isUsed);
  if (entries === null || (isEmpty && isBootSector(first))) return none(512);
  const { partitions, problems } = await readMbr(read, entries, 512);
  const lost: TableProblem[] = entries.some(({ type }) => type === 0xee)
    ? [
        {
          code: 'unreadable',
          message: 'The disk is said to have a GPT, but neither of its tables can be read.',
        },
      ]
    : [];
  const sorted = partitions.toSorted(byPlace);
  const sectors = Math.floor(size / 512);
  return {
    scheme: 'mbr',
    sectorSize: 512,
    partitions: sorted,
    problems: [...lost, ...problems, ...placeProblems(sorted, sectors)],
    gpt: null,
  };
};
