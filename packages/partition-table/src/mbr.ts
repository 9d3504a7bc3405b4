import { viewOf } from './little-endian.ts';
import type { Partition, ReadDisk, TableProblem } from './partition-table.types.ts';
import { mbrTypeName } from './type-names.ts';

const entriesAt = 446;
const entryBytes = 16;
/** Linux makes no more devices of one chain. */
const mostLogical = 256;

export interface MbrEntry {
  readonly index: number;
  readonly status: number;
  readonly type: number;
  readonly start: number;
  readonly sectors: number;
}

const entryOf = (view: DataView, index: number): MbrEntry => {
  const at = entriesAt + index * entryBytes;
  return {
    index,
    status: view.getUint8(at),
    type: view.getUint8(at + 4),
    start: view.getUint32(at + 8, true),
    sectors: view.getUint32(at + 12, true),
  };
};

export const isUsed = ({ type, sectors }: MbrEntry): boolean => type !== 0 && sectors > 0;
const isExtended = ({ type }: MbrEntry): boolean => type === 0x05 || type === 0x0f || type === 0x85;

/** The four entries of a boot record; null when it is none, or a boot sector whose code lies where they would be. */
export const mbrEntries = (sector: Uint8Array): readonly MbrEntry[] | null => {
  if (sector.length < 512 || sector[510] !== 0x55 || sector[511] !== 0xaa) return null;
  const view = viewOf(sector);
  const entries = [0, 1, 2, 3].map((index) => entryOf(view, index));
  return entries.every(({ status }) => status === 0 || status === 0x80) ? entries : null;
};

/** A file system from the first sector on begins with a jump over its parameters (FAT, NTFS). */
export const isBootSector = (sector: Uint8Array): boolean => {
  if (sector.length < 512) return false;
  const jumps = (sector[0] === 0xeb && sector[2] === 0x90) || sector[0] === 0xe9;
  const bytesPerSector = viewOf(sector).getUint16(11, true);
  return jumps && [512, 1024, 2048, 4096].includes(bytesPerSector);
};

const partitionOf = (
  entry: MbrEntry,
  place: { readonly number: number; readonly start: number; readonly kind: Partition['kind'] },
  sectorSize: number,
): Partition => {
  const type = entry.type.toString(16).padStart(2, '0');
  return {
    ...{ number: place.number, kind: place.kind, type, typeName: mbrTypeName(type) },
    ...{ start: place.start, sectors: entry.sectors },
    ...{ offset: place.start * sectorSize, size: entry.sectors * sectorSize },
    ...{ bootable: entry.status === 0x80, label: null, uuid: null },
  };
};

/**
 *     extended │ EBR │ logical 5 │ EBR │ logical 6 │ …
 *                 └──── next ────►┘       relative to the beginning of the extended one
 *
 * Each record names one logical partition, relative to itself, and the next record. A chain that leads back or out of
 * the extended partition is followed no further.
 */
const logicalOf = async (
  read: ReadDisk,
  extended: MbrEntry,
  sectorSize: number,
): Promise<{ partitions: Partition[]; problems: TableProblem[] }> => {
  const partitions: Partition[] = [];
  const seen = new Set<number>();
  const broken = (message: string) => ({
    partitions,
    problems: [{ code: 'broken-chain' as const, message: `The list of logical partitions ${message}.` }],
  });
  for (let at = extended.start; ; ) {
    if (seen.has(at)) return broken('leads back to itself');
    if (seen.size >= mostLogical) return broken(`has more than ${mostLogical} members`);
    seen.add(at);
    const entries = mbrEntries(await read(at * sectorSize, 512));
    if (entries === null) return broken(`is cut off at sector ${at}`);
    const data = entries.find((entry) => isUsed(entry) && !isExtended(entry));
    if (data !== undefined) {
      const place = { number: 5 + partitions.length, start: at + data.start, kind: 'logical' as const };
      partitions.push(partitionOf(data, place, sectorSize));
    }
    const next = entries.find((entry) => isUsed(entry) && isExtended(entry));
    if (next === undefined) return { partitions, problems: [] };
    at = extended.start + next.start;
    if (next.start >= extended.sectors) return broken('leads out of the extended partition');
  }
};

export const readMbr = async (
  read: ReadDisk,
  entries: readonly MbrEntry[],
  sectorSize: number,
): Promise<{ partitions: Partition[]; problems: TableProblem[] }> => {
  const partitions: Partition[] = [];
  const problems: TableProblem[] = [];
  for (const entry of entries.filter(isUsed)) {
    const kind = isExtended(entry) ? 'extended' : 'primary';
    partitions.push(partitionOf(entry, { number: entry.index + 1, start: entry.start, kind }, sectorSize));
  }
  const [extended] = entries.filter((entry) => isUsed(entry) && isExtended(entry));
  if (extended !== undefined) {
    const logical = await logicalOf(read, extended, sectorSize);
    partitions.push(...logical.partitions);
    problems.push(...logical.problems);
  }
  return { partitions, problems };
};
