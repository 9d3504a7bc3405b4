import type { FileHandle } from 'node:fs/promises';
import { alignedBuffer } from './aligned-buffer.ts';

const volumeAt = 32_768;
const lookAt = 4096;

/** How far the ISO 9660 file system at the beginning of a device reaches, in bytes; null: there is none, or it cannot be read. */
export const isoVolumeEnd = async (source: FileHandle): Promise<number | null> => {
  const buffer = alignedBuffer(lookAt);
  const read = await source.read(buffer, 0, lookAt, volumeAt).catch(() => null);
  if (read === null || read.bytesRead < 2048) return null;
  // A primary volume descriptor (ECMA-119, 8.4): its type, CD001, and how many blocks of which size.
  if (buffer[0] !== 1 || buffer.toString('latin1', 1, 6) !== 'CD001') return null;
  return buffer.readUInt32LE(80) * buffer.readUInt16LE(128);
};
