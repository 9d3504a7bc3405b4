import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { AppError } from '../../app-error.ts';
import type { WorkWatch } from '../../qemu/image-work.ts';
import type { NbdReader } from '../../qemu/nbd-client.ts';
import { alignedBuffer } from './aligned-buffer.ts';

const pieceBytes = 1024 ** 2;
/** Where tables of partitions lie, at both ends of a disk. */
export const edgeBytes = 1024 ** 2;

export interface DeviceWriting {
  readonly target: FileHandle;
  readonly path: string;
  readonly size: number;
  readonly sectorSize: number;
  /** What the device answers, for a person. */
  inWords(error: unknown): unknown;
}
type Content = Pick<NbdReader, 'size' | 'read'>;
type Watch = Pick<WorkWatch, 'signal' | 'brake'> & { progress(done: number): void };

interface Span {
  readonly start: number;
  readonly end: number;
}

/** The device takes whole sectors: behind an image that ends within one the rest of it is zeros. */
export const writtenBytes = (contentBytes: number, sectorSize: number): number =>
  Math.ceil(contentBytes / sectorSize) * sectorSize;

/**
 * What is left of an older table at the end of a larger disk would be taken for a part of the new one (the second GPT, the superblock of
 * a RAID), so that end is made empty. Null: the image reaches to it.
 */
export const emptiedEnd = (bytes: number, size: number): Span | null =>
  bytes >= size ? null : { start: Math.max(bytes, size - edgeBytes), end: size };

const writeWhole = async (
  { target, inWords }: DeviceWriting,
  piece: Buffer,
  position: number,
): Promise<void> => {
  for (let done = 0; done < piece.length; ) {
    const { bytesWritten } = await target
      .write(piece, done, piece.length - done, position + done)
      .catch((error: unknown) => Promise.reject(inWords(error)));
    if (bytesWritten === 0) throw inWords(Object.assign(new Error('it takes no more'), { code: 'ENOSPC' }));
    done += bytesWritten;
  }
};
const readWhole = async (
  { target, inWords }: DeviceWriting,
  piece: Buffer,
  position: number,
): Promise<void> => {
  for (let done = 0; done < piece.length; ) {
    const { bytesRead } = await target
      .read(piece, done, piece.length - done, position + done)
      .catch((error: unknown) => Promise.reject(inWords(error)));
    if (bytesRead === 0) throw inWords(Object.assign(new Error('it ends too early'), { code: 'EIO' }));
    done += bytesRead;
  }
};

/** Of the image into memory, zeros behind its end. */
const fill = async (content: Content, piece: Buffer, position: number): Promise<void> => {
  const length = Math.min(piece.length, Math.max(0, content.size - position));
  if (length > 0) (await content.read(position, length)).copy(piece);
  piece.fill(0, length);
};

const eachPiece = async (
  { start, end }: Span,
  buffer: Buffer,
  { signal, brake }: Watch,
  work: (piece: Buffer, position: number) => Promise<void>,
): Promise<void> => {
  for (let position = start; position < end; ) {
    signal?.throwIfAborted();
    await brake?.pass(0, signal);
    const piece = buffer.subarray(0, Math.min(pieceBytes, end - position));
    await work(piece, position);
    position += piece.length;
    await brake?.pass(piece.length, signal);
  }
};

/**
 * The image from the first byte of the device on. Its first part comes last: until everything else is on the device there is no table of
 * partitions, and nobody mounts a half of it. On the medium when it returns.
 */
export const writeDevice = async (writing: DeviceWriting, content: Content, watch: Watch): Promise<void> => {
  const { size, sectorSize } = writing;
  const sync = (): Promise<void> =>
    writing.target.sync().catch((error: unknown) => Promise.reject(writing.inWords(error)));
  const bytes = writtenBytes(content.size, sectorSize);
  const buffer = alignedBuffer(pieceBytes);
  const beginning = { start: 0, end: Math.min(edgeBytes, bytes) };
  const end = emptiedEnd(bytes, size);
  const empty = async (piece: Buffer, position: number): Promise<void> => {
    await writeWhole(writing, piece.fill(0), position);
  };
  let done = 0;
  const put = async (piece: Buffer, position: number): Promise<void> => {
    await fill(content, piece, position);
    await writeWhole(writing, piece, position);
    done += piece.length;
    watch.progress(done);
  };
  await eachPiece(beginning, buffer, watch, empty);
  if (end !== null) await eachPiece(end, buffer, watch, empty);
  await sync();
  await eachPiece({ start: beginning.end, end: bytes }, buffer, watch, put);
  await sync();
  await eachPiece(beginning, buffer, watch, put);
  await sync();
};

const firstDifference = (one: Buffer, other: Buffer): number => {
  for (let at = 0; at < one.length; at += 1) if (one[at] !== other[at]) return at;
  return one.length;
};

/** What the device really holds (read past the caches of the host), against the image, read again. Answers with its SHA-256. */
export const verifyDevice = async (
  writing: DeviceWriting,
  content: Content,
  watch: Watch,
): Promise<string> => {
  const { path, size, sectorSize } = writing;
  const bytes = writtenBytes(content.size, sectorSize);
  const [found, wanted] = [alignedBuffer(pieceBytes), Buffer.alloc(pieceBytes)];
  const hash = createHash('sha256');
  const compare = async (piece: Buffer, position: number, should: Buffer): Promise<void> => {
    await readWhole(writing, piece, position);
    if (piece.equals(should)) return;
    throw new AppError(
      'device-differs',
      `${path} does not hold what was written to it: the first difference is at byte ${position + firstDifference(piece, should)}. The stick, card, disk or its reader is defective, or it is smaller than it says. Do not use it.`,
    );
  };
  await eachPiece({ start: 0, end: bytes }, found, watch, async (piece, position) => {
    const should = wanted.subarray(0, piece.length);
    await fill(content, should, position);
    await compare(piece, position, should);
    hash.update(piece.subarray(0, Math.max(0, Math.min(piece.length, content.size - position))));
    watch.progress(position + piece.length);
  });
  const end = emptiedEnd(bytes, size);
  if (end !== null)
    await eachPiece(end, found, watch, (piece, position) =>
      compare(piece, position, wanted.subarray(0, piece.length).fill(0)),
    );
  return hash.digest('hex');
};
