import type { HeaderProblem, Qcow2Header } from './image-header.types.ts';
import type { AllocationKind } from './qcow2-allocation.ts';

interface Image {
  readonly qcow2: Qcow2Header;
  readonly virtualSize: number;
  readonly fileSize: number;
}
type Read = (offset: number, length: number) => Promise<Buffer>;

/** Takes the pieces of a layer in the order of the virtual disk. `host`: where data lies in the file. */
export interface PieceSink {
  add(start: number, length: number, kind: AllocationKind, host: number): void;
  /** Nothing more is wanted. */
  readonly full: boolean;
}
export interface Table {
  /** Where the guest's range of this table begins. */
  readonly guest: number;
  readonly offset: number;
}

/** Tables that lie near each other are read at once; a gap up to this is read over. */
const batchBytes = 2 * 1024 ** 2;
const gapBytes = 256 * 1024;
/** 1 GiB of tables maps 8 TiB of fully written 64-KiB clusters. */
const maxTableBytes = 1024 ** 3;
const subclusters = 32;

/** Bits 9–55 of an entry are the offset; high and low half are handled apart, BigInt being 20 times slower. */
export const offsetOf = (high: number, low: number): number =>
  (high & 0x00ffffff) * 2 ** 32 + ((low & 0xfffffe00) >>> 0);

/** Big-endian 64-bit entries as pairs (high, low) of 32-bit numbers. */
export const words = (bytes: Buffer): Uint32Array => {
  bytes.swap32();
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
};

const damaged = (message: string): HeaderProblem => ({ code: 'damaged-header', message });

const locateTables = async (
  { qcow2, virtualSize, fileSize }: Image,
  read: Read,
  problems: HeaderProblem[],
): Promise<Table[]> => {
  const clusterSize = 2 ** qcow2.clusterBits;
  const span = (clusterSize / (qcow2.extendedL2 ? 16 : 8)) * clusterSize;
  const entries = Math.min(qcow2.l1.entries, Math.ceil(virtualSize / span));
  const l1 = words(await read(qcow2.l1.offset, entries * 8));
  const seen = new Set<number>();
  const tables: Table[] = [];
  let bad = 0;
  for (let index = 0; index < entries; index += 1) {
    const offset = offsetOf(l1[index * 2] ?? 0, l1[index * 2 + 1] ?? 0);
    if (offset === 0) continue;
    // A table used twice would let a small file claim endless work; in a sound image each is used once.
    const sound = offset % clusterSize === 0 && offset + clusterSize <= fileSize && !seen.has(offset);
    if (sound) {
      seen.add(offset);
      tables.push({ guest: index * span, offset });
    } else bad += 1;
  }
  if (bad > 0) problems.push(damaged(`${bad} of its L2 tables are misplaced.`));
  return tables;
};

const addStandard = (entries: Uint32Array, guest: number, clusterSize: number, to: PieceSink): void => {
  for (let index = 0, at = guest; index < entries.length; index += 2, at += clusterSize) {
    const high = entries[index] ?? 0;
    const low = entries[index + 1] ?? 0;
    if (high === 0 && low === 0) continue;
    if ((high & 0x40000000) !== 0) to.add(at, clusterSize, 'compressed', 0);
    else if ((low & 1) !== 0) to.add(at, clusterSize, 'zero', 0);
    else if (offsetOf(high, low) !== 0) to.add(at, clusterSize, 'data', offsetOf(high, low));
  }
};

/** Extended L2: an entry of 16 bytes, its second half a bit a subcluster: low half allocated, high half zero. */
const addExtended = (entries: Uint32Array, guest: number, clusterSize: number, to: PieceSink): void => {
  const part = clusterSize / subclusters;
  for (let index = 0, at = guest; index < entries.length; index += 4, at += clusterSize) {
    const high = entries[index] ?? 0;
    const host = offsetOf(high, entries[index + 1] ?? 0);
    const zero = entries[index + 2] ?? 0;
    const allocated = entries[index + 3] ?? 0;
    if ((high & 0x40000000) !== 0) to.add(at, clusterSize, 'compressed', 0);
    else if (zero === 0 && allocated === 0xffffffff) to.add(at, clusterSize, 'data', host);
    else if (zero !== 0 || allocated !== 0) {
      for (let bit = 0; bit < subclusters; bit += 1) {
        if (((zero >>> bit) & 1) === 1) to.add(at + bit * part, part, 'zero', 0);
        else if (((allocated >>> bit) & 1) === 1) {
          to.add(at + bit * part, part, 'data', host + bit * part);
        }
      }
    }
  }
};

/** How many tables from `first` on can be read in one go: rising in the file, close together. */
export const batchEnd = (tables: readonly Table[], first: number, clusterSize: number): number => {
  const begin = tables[first]?.offset ?? 0;
  let end = begin + clusterSize;
  let next = first + 1;
  for (; next < tables.length; next += 1) {
    const offset = tables[next]?.offset ?? 0;
    if (offset < end || offset - end > gapBytes || offset + clusterSize - begin > batchBytes) break;
    end = offset + clusterSize;
  }
  return next;
};

/** Reads every L2 table of the active L1 into `extents`, in the order of the virtual disk. */
export const readL2Tables = async (
  image: Image,
  read: Read,
  extents: PieceSink,
): Promise<HeaderProblem[]> => {
  const problems: HeaderProblem[] = [];
  const clusterSize = 2 ** image.qcow2.clusterBits;
  const tables = await locateTables(image, read, problems);
  const add = image.qcow2.extendedL2 ? addExtended : addStandard;
  for (let first = 0; first < tables.length && !extents.full; ) {
    const end = batchEnd(tables, first, clusterSize);
    const begin = tables[first]?.offset ?? 0;
    const last = tables[end - 1]?.offset ?? begin;
    const bytes = await read(begin, last + clusterSize - begin);
    for (const table of tables.slice(first, end)) {
      const at = table.offset - begin;
      add(words(bytes.subarray(at, at + clusterSize)), table.guest, clusterSize, extents);
    }
    first = end;
    if (first * clusterSize > maxTableBytes) break;
  }
  if (extents.full || tables.length * clusterSize > maxTableBytes) {
    problems.push(damaged('It is in too many pieces to be mapped whole.'));
  }
  return problems;
};
