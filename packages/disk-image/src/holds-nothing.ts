import type { FileHandle } from 'node:fs/promises';
import { openForReading } from './open-for-reading.ts';
import { readImageHeader } from './read-image-header.ts';
import { readPiece } from './zero-scan.ts';

/** Of a virtual disk of 64 TiB in the smallest clusters this would be more; such a layer is asked for otherwise. */
const mostTableBytes = 4 * 1024 ** 2;

const isZero = async (handle: FileHandle, offset: number, length: number): Promise<boolean> => {
  const table = await readPiece(handle, [offset, length]);
  return table.length === length && table.every((byte) => byte === 0);
};

/**
 * Whether a qcow2 layer maps nothing at all, neither data nor zeros: its L1 table is of zeros. What it reads then comes from
 * below, whatever the rest of the file is like: no other table is ever looked at. False when it is not so, or cannot be told.
 */
export const holdsNothing = async (path: string): Promise<boolean> => {
  const { handle } = await openForReading(path);
  try {
    const { qcow2, problems } = await readImageHeader(handle);
    if (qcow2 === undefined || qcow2.dataFile !== null || problems.length > 0) return false;
    const { offset, entries } = qcow2.l1;
    return entries * 8 <= mostTableBytes && (await isZero(handle, offset, entries * 8));
  } finally {
    await handle.close();
  }
};
