import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import type { NbdReader } from '../nbd-client.ts';
import { type ContentFile, readingContent } from '../read-content.ts';

/** Read and handed on at a time; as much again is being read meanwhile. */
const pieceBytes = 1024 ** 2;

interface Part {
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
}

/** The next piece is read while the one before it is taken; no more than these two are held. */
const pump = async (
  reader: NbdReader,
  { start, end }: Part,
  target: PassThrough,
  signal: AbortSignal,
): Promise<void> => {
  const pieceAt = (offset: number): Promise<Buffer> | null =>
    offset > end ? null : reader.read(offset, Math.min(pieceBytes, end + 1 - offset));
  for (let offset = start, next = pieceAt(start); next !== null; ) {
    const piece = await next;
    offset += piece.length;
    next = pieceAt(offset);
    // What fails while nobody waits for it is found where it is waited for.
    next?.catch(() => {});
    if (!target.write(piece)) await once(target, 'drain', { signal });
  }
  target.end();
};

/**
 * What an image reads through its whole chain, as raw bytes, while it is read: through a read-only `qemu-nbd` that ends with the
 * stream. Rejects with why it cannot be opened; what fails later breaks the stream. `snapshot`: the number of an internal one.
 */
export const contentStream = (image: ContentFile, part: Part, runDir: string): Promise<Readable> =>
  new Promise((resolve, reject) => {
    const stream = new PassThrough({ highWaterMark: pieceBytes });
    const ended = new AbortController();
    stream.once('close', () => ended.abort());
    readingContent(image, { runDir, signal: ended.signal }, async (reader) => {
      resolve(stream);
      await pump(reader, part, stream, ended.signal);
      // The process stays until the last byte was taken, or nobody wants it any more.
      if (!stream.closed) await once(stream, 'close');
    }).catch((error: unknown) => {
      reject(error);
      if (!stream.destroyed) stream.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  });
