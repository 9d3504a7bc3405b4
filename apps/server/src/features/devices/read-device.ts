import type { FileHandle } from 'node:fs/promises';
import type { WorkWatch } from '../../qemu/image-work.ts';
import { SparseFile } from '../../sparse-file.ts';
import { alignedBuffer } from './aligned-buffer.ts';
import type { UnreadableRanges } from './unreadable-ranges.ts';

/** Read at once; where that fails the half of it, and so on down to one sector. */
const pieceBytes = 1024 ** 2;
/** How often a single sector is asked for. */
const attempts = 3;
/** After so many bytes what was read is made durable and written down. */
const savedEvery = 64 * 1024 ** 2;

export interface DeviceReading {
  readonly source: FileHandle;
  readonly size: number;
  readonly sectorSize: number;
  /** Throws when the device is not there any more: then an error is no bad sector. */
  stillThere(): Promise<void>;
  /** What else the device answers, for a person. */
  inWords(error: unknown): unknown;
}

export interface DeviceCopy {
  readonly target: FileHandle;
  /** Where the last server was. */
  readonly from: number;
  readonly bad: UnreadableRanges;
  /** Everything up to here is on disk. */
  saved(position: number): void;
}

type Watch = Pick<WorkWatch, 'signal' | 'brake'> & { progress(done: number): void };

/** Not of the medium: the reader, the cable, the disk as a whole. */
const isBadSector = (error: unknown): boolean => {
  const { code } = error as NodeJS.ErrnoException;
  return (
    code === 'EIO' || code === 'EREMOTEIO' || code === 'EILSEQ' || code === 'ENODATA' || code === 'ETIMEDOUT'
  );
};

/** Into the buffer from where it begins; what cannot be read is left as zeros, and written down. */
const salvage = async (
  reading: DeviceReading,
  into: Buffer,
  position: number,
  bad: UnreadableRanges,
  signal: AbortSignal | undefined,
): Promise<void> => {
  const { source, size, sectorSize, stillThere } = reading;
  const readWhole = async (length: number): Promise<void> => {
    for (let done = 0; done < length; ) {
      const { bytesRead } = await source.read(into, done, length - done, position + done);
      if (bytesRead === 0) {
        await stillThere();
        throw Object.assign(new Error('the device ends before its end'), { code: 'EIO' });
      }
      done += bytesRead;
    }
  };
  const length = Math.min(into.length, size - position);
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      await readWhole(length);
      return;
    } catch (error) {
      if (!isBadSector(error)) throw reading.inWords(error);
      await stillThere();
      if (length > sectorSize) break;
      if (attempt < attempts) continue;
      into.fill(0, 0, length);
      bad.add(position, length);
      return;
    }
  }
  const half = Math.max(sectorSize, Math.floor(length / 2 / sectorSize) * sectorSize);
  await salvage(reading, into.subarray(0, half), position, bad, signal);
  await salvage(reading, into.subarray(half, length), position + half, bad, signal);
};

/** The whole device into a file; zeros become holes. Sectors that cannot be read are asked for again, and then written down. */
export const copyDevice = async (reading: DeviceReading, copy: DeviceCopy, watch: Watch): Promise<void> => {
  const { size } = reading;
  const { target, bad } = copy;
  // What is gathered by the file is written while the next is read: never into the same memory.
  const buffers = [alignedBuffer(pieceBytes), alignedBuffer(pieceBytes), alignedBuffer(pieceBytes)];
  const file = new SparseFile(target, copy.from);
  let saved = copy.from;
  for (let position = copy.from, turn = 0; position < size; turn += 1) {
    const buffer = buffers[turn % buffers.length];
    if (buffer === undefined) throw new Error('no memory to read into');
    await watch.brake?.pass(0, watch.signal);
    const piece = buffer.subarray(0, Math.min(pieceBytes, size - position));
    await salvage(reading, piece, position, bad, watch.signal);
    await file.write(piece);
    position += piece.length;
    watch.progress(position);
    await watch.brake?.pass(piece.length, watch.signal);
    if (position - saved < savedEvery) continue;
    await file.finish();
    await target.datasync();
    saved = position;
    copy.saved(position);
  }
  await file.finish();
  await target.sync();
};
