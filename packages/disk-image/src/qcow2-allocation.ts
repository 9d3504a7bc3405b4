import type { FileHandle } from 'node:fs/promises';
import { ExtentCollector } from './extent-collector.ts';
import type { HeaderProblem, Qcow2Header } from './image-header.types.ts';
import { openForReading } from './open-for-reading.ts';
import { type PieceSink, readL2Tables } from './qcow2-l2-tables.ts';
import { readImageHeader } from './read-image-header.ts';

/** `zero`: a cluster that says "zeros here", which hides what is below as data does. */
export type AllocationKind = 'data' | 'zero' | 'compressed';

export interface AllocationExtent {
  /** Bytes of the virtual disk. */
  readonly start: number;
  readonly length: number;
  readonly kind: AllocationKind;
}

export interface Qcow2Allocation {
  readonly virtualSize: number;
  readonly clusterSize: number;
  /** Sorted, disjoint; neighbours of one kind are joined. */
  readonly extents: readonly AllocationExtent[];
  /** Tables that could not be read; what they map is missing from `extents`. */
  readonly problems: readonly HeaderProblem[];
}

const readAll = async (handle: FileHandle, offset: number, length: number): Promise<Buffer> => {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer;
};

/**
 * Hands what a qcow2 layer holds itself to a sink, from its L1 and L2 tables. Throws `OpenForReadingError` when the
 * file cannot be opened; everything wrong inside it is in `problems`.
 */
export const walkQcow2Allocation = async (
  path: string,
  sinkFor: (virtualSize: number) => PieceSink,
): Promise<Omit<Qcow2Allocation, 'extents'>> => {
  const { handle, stat } = await openForReading(path);
  try {
    const header = await readImageHeader(handle);
    const qcow2: Qcow2Header | undefined = header.qcow2;
    const clusterSize = qcow2 === undefined ? 0 : 2 ** qcow2.clusterBits;
    const virtualSize = header.virtualSize;
    if (qcow2 === undefined || qcow2.dataFile !== null)
      return { virtualSize, clusterSize, problems: header.problems };
    const read = (offset: number, length: number): Promise<Buffer> => readAll(handle, offset, length);
    const image = { qcow2, virtualSize, fileSize: Number(stat.size) };
    const problems = await readL2Tables(image, read, sinkFor(virtualSize));
    return { virtualSize, clusterSize, problems };
  } finally {
    await handle.close();
  }
};

/** {@link walkQcow2Allocation}, as a list. */
export const readQcow2Allocation = async (path: string): Promise<Qcow2Allocation> => {
  let collector = new ExtentCollector(0);
  const found = await walkQcow2Allocation(path, (virtualSize) => {
    collector = new ExtentCollector(virtualSize);
    return collector;
  });
  return { ...found, extents: collector.finish() };
};
