import type { FileHandle } from 'node:fs/promises';
import type { Qcow2Header } from './image-header.types.ts';
import { openForReading } from './open-for-reading.ts';
import type { AllocationKind } from './qcow2-allocation.ts';
import { type PieceSink, readL2Tables } from './qcow2-l2-tables.ts';
import { readImageHeader } from './read-image-header.ts';
import { type HostRange, readPiece, scanZeros, type ZeroScan } from './zero-scan.ts';

/** What a layer takes on its file system, and what it would take without zeros and without clusters nothing uses. */
export interface LayerUsage {
  /** Blocks of the file. */
  readonly storedBytes: number;
  /** What it holds as data. */
  readonly dataBytes: number;
  /** Of that, zeros; estimated from what was read unless `exact`. */
  readonly zeroBytes: number;
  /** The file without them: data that stays, and the tables for it. */
  readonly neededBytes: number;
  /** All data was read. */
  readonly exact: boolean;
  readonly scannedBytes: number;
  /** What a rewritten file could not keep as it is. */
  readonly compressed: boolean;
  readonly bitmaps: number;
}

export interface UsageWish {
  /** Bytes of data that are read at the most. */
  readonly budget: number;
}

const mostPieces = 1_000_000;

/** Where the data lies in the file, and which L2 tables are needed for what the layer holds. */
class DataPieces implements PieceSink {
  readonly ranges: [number, number][] = [];
  readonly tables = new Set<number>();
  compressed = false;
  private readonly span: number;

  constructor(span: number) {
    this.span = span;
  }

  get full(): boolean {
    return this.ranges.length >= mostPieces;
  }

  add(start: number, length: number, kind: AllocationKind, host: number): void {
    this.tables.add(Math.floor(start / this.span));
    if (kind === 'compressed') this.compressed = true;
    if (kind !== 'data') return;
    const last = this.ranges.at(-1);
    if (last !== undefined && last[0] + last[1] === host) last[1] += length;
    else this.ranges.push([host, length]);
  }
}

const fileOf = (handle: FileHandle) => (offset: number, length: number) =>
  readPiece(handle, [offset, length]);

/** Header, L1 and L2 tables, refcounts: QEMU lays out a new file so (docs/interop/qcow2.txt). */
const tableBytes = (qcow2: Qcow2Header, tables: number, dataBytes: number): number => {
  const cluster = 2 ** qcow2.clusterBits;
  const l1 = Math.max(1, Math.ceil((qcow2.l1.entries * 8) / cluster));
  const counted = 2 + l1 + tables + Math.ceil(dataBytes / cluster);
  const perBlock = (cluster * 8) / qcow2.refcountBits;
  const blocks = Math.max(1, Math.ceil(counted / perBlock));
  return (2 + l1 + tables + blocks) * cluster;
};

const total = (ranges: readonly HostRange[]): number => ranges.reduce((sum, [, length]) => sum + length, 0);

/** Of a part that was read, the whole is concluded. */
const zerosOf = ({ zeroBytes, scannedBytes, totalBytes }: ZeroScan, grain: number) => {
  if (scannedBytes === totalBytes) return { exact: true, zeroBytes };
  const share = scannedBytes === 0 ? 0 : zeroBytes / scannedBytes;
  return { exact: false, zeroBytes: Math.floor((share * totalBytes) / grain) * grain };
};

/** Throws `OpenForReadingError`. Null when the header is not that of a qcow2 that can be read. */
export const readQcow2Usage = async (path: string, { budget }: UsageWish): Promise<LayerUsage | null> => {
  const { handle, stat } = await openForReading(path);
  try {
    const { qcow2, virtualSize, backing } = await readImageHeader(handle);
    if (qcow2 === undefined || qcow2.dataFile !== null) return null;
    const cluster = 2 ** qcow2.clusterBits;
    const pieces = new DataPieces((cluster / (qcow2.extendedL2 ? 16 : 8)) * cluster);
    const image = { qcow2, virtualSize, fileSize: Number(stat.size) };
    const problems = await readL2Tables(image, fileOf(handle), pieces);
    if (problems.length > 0) return null;
    const grain = qcow2.extendedL2 ? cluster / 32 : cluster;
    // Version 2 has no mark for zeros: over a backing they are stored.
    const keepsZeros = qcow2.version === 2 && backing !== null;
    const scan = keepsZeros
      ? { totalBytes: total(pieces.ranges), scannedBytes: total(pieces.ranges), zeroBytes: 0 }
      : await scanZeros(handle, pieces.ranges, { grain, budget });
    const { exact, zeroBytes } = zerosOf(scan, grain);
    const kept = scan.totalBytes - zeroBytes;
    return {
      storedBytes: Number(stat.blocks) * 512,
      dataBytes: scan.totalBytes,
      zeroBytes,
      neededBytes: kept + tableBytes(qcow2, pieces.tables.size, kept),
      exact,
      scannedBytes: scan.scannedBytes,
      compressed: pieces.compressed,
      bitmaps: qcow2.bitmaps,
    };
  } finally {
    await handle.close();
  }
};

/** Holes are punched where whole pieces of this size are zeros: smaller ones would leave the file in crumbs. */
export const rawGrain = 64 * 1024;

/** `held`: the ranges of the file that are no holes. */
export const readRawUsage = async (
  path: string,
  held: readonly HostRange[],
  { budget }: UsageWish,
): Promise<LayerUsage> => {
  const { handle, stat } = await openForReading(path);
  try {
    const scan = await scanZeros(handle, wholeGrains(held, Number(stat.size)), { grain: rawGrain, budget });
    const { exact, zeroBytes } = zerosOf(scan, rawGrain);
    const storedBytes = Number(stat.blocks) * 512;
    return {
      storedBytes,
      dataBytes: scan.totalBytes,
      zeroBytes,
      neededBytes: Math.max(0, storedBytes - zeroBytes),
      exact,
      scannedBytes: scan.scannedBytes,
      compressed: false,
      bitmaps: 0,
    };
  } finally {
    await handle.close();
  }
};

/** The whole grains of the file that lie within these ranges. */
export const wholeGrains = (held: readonly HostRange[], size: number): HostRange[] =>
  held.flatMap(([offset, length]): HostRange[] => {
    const start = Math.ceil(offset / rawGrain) * rawGrain;
    const end = Math.floor(Math.min(offset + length, size) / rawGrain) * rawGrain;
    return end > start ? [[start, end - start]] : [];
  });
