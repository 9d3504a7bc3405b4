import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../app-error.ts';
import { syncWithFolder } from '../sync-files.ts';
import type { BlockEngine } from './block-engine.types.ts';
import { inTurn, runLimited } from './limited-process.ts';
import { ask } from './monitors.ts';
import { inWords } from './qemu-errors.ts';
import { absolute, driverOf, heavy, type ImageFile } from './qemu-img.ts';
import { writeBlocks } from './qemu-io.ts';

/** Bytes of the disk that an image shows; others of its formats have a size for life. */
export const resizedFormats: readonly ImageFile['format'][] = ['raw', 'qcow2'];

/**
 * Of an image that nobody has open. QEMU writes the new size last: ended before, the image has its old size, and of one that was
 * to become smaller what would be cut off may be lost. So it is not ended with the server. On disk when it returns.
 */
export const resizeImage = ({ path, format }: ImageFile, size: number): Promise<void> =>
  inWords(`Resizing ${path}`, async () => {
    if (!Number.isSafeInteger(size) || size <= 0 || size % 512 !== 0)
      throw new AppError('internal-error', `${size} is not a size of a disk.`);
    // Growing, it is not needed and not harmful.
    const args = ['resize', '-q', '-f', driverOf(format), '--shrink', '--', absolute(path), String(size)];
    await inTurn('heavy', () => runLimited('qemu-img', args, heavy, { outlivesServer: true }));
    await syncWithFolder(path);
  });

/** Under the guest's feet: QEMU would cut a disk off without a word (qemu-recipes.md §10), so the caller only grows. */
export const growLive = async (engine: BlockEngine, path: string, size: number): Promise<void> => {
  const node = await engine.nodeOf(path);
  await ask('resize the disk', engine.qmp.execute('block_resize', { 'node-name': node, size }));
  // What the header says is what counts afterwards.
  await engine.flush(path);
};

/** Bytes into the disk that an image shows, one after the other, each on disk before the next. */
export const writeBytes = async (
  image: ImageFile,
  writes: readonly { readonly offset: number; readonly bytes: Uint8Array }[],
): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'strata-'));
  try {
    for (const { offset, bytes } of writes) {
      await writeFile(join(folder, 'b'), bytes);
      const write = { offset, length: bytes.length, file: 'b' };
      await writeBlocks({ path: absolute(image.path), format: driverOf(image.format) }, [write], folder);
      await syncWithFolder(image.path);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
