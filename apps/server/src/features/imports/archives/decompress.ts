import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { AppError } from '../../../app-error.ts';
import { decompressWith } from '../../../qemu/tools/decompress-tool.ts';
import { archiveFlaw } from './archive-flaw.ts';
import type { PackedKind } from './archive-kind.ts';

async function* gunzip(source: Readable): AsyncGenerator<Buffer> {
  const unpacked = createGunzip({ chunkSize: 256 * 1024 });
  source.once('error', (error) => unpacked.destroy(error));
  source.pipe(unpacked);
  try {
    for await (const chunk of unpacked) yield chunk as Buffer;
  } finally {
    source.destroy();
    unpacked.destroy();
  }
}

/** What is in a compressed file, as it comes: never more of it in memory than a few chunks. */
export async function* decompress(
  kind: PackedKind,
  source: Readable,
  filename: string,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  try {
    yield* kind === 'gz' ? gunzip(source) : decompressWith(kind, source, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof AppError && error.code === 'image-refused')
      throw archiveFlaw(filename, error.message, error);
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code.startsWith('Z_')) throw archiveFlaw(filename, 'it is damaged or incomplete.', error);
    throw error;
  }
}
