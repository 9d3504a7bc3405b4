import { constants } from 'node:fs';
import { chmod, type FileHandle, lstat, mkdir, open, readdir, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkWatch } from '../../../qemu/image-work.ts';
import { toAppError } from '../../../qemu/qemu-errors.ts';
import { tarChunks } from '../../../read-tar.ts';
import { SparseFile } from '../../../sparse-file.ts';
import { isWithin } from '../path-trees.ts';
import { refusedFiles } from './made-files.ts';
import { readSentTree } from './sent-tree.ts';

/** Where files come from that are first brought into a private folder. */
export type Staging =
  /** A tar that was uploaded. */
  | { readonly kind: 'sent'; readonly path: string; readonly filename: string }
  /** A folder of the host, for tools that would follow links. */
  | { readonly kind: 'copy'; readonly path: string };

type Chunks = AsyncIterable<Buffer>;
type Write = (path: string, chunks: Chunks, modified: number) => Promise<void>;
const folderMode = 0o755;
const fileMode = 0o644;

/** Whatever the mask of the server is: what a guest may read is seen in the image. */
const makeFolder = async (path: string): Promise<void> => {
  await mkdir(path);
  await chmod(path, folderMode);
};
/** Tools keep it; what no clock has ever shown is left as it is. */
const isTime = (seconds: number): boolean => Number.isFinite(seconds) && seconds > 0 && seconds < 2 ** 32;

/** Into new files of ours; they can be made again, and are not synced. */
const writer = (bytes: number, { signal, brake, onProgress }: WorkWatch): Write => {
  let written = 0;
  return async (path, chunks, modified) => {
    const handle = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, fileMode);
    const file = new SparseFile(handle);
    try {
      for await (const chunk of chunks) {
        signal?.throwIfAborted();
        await file.write(chunk);
        await brake?.pass(chunk.length, signal);
        written += chunk.length;
        onProgress?.(Math.min(written / bytes, 1));
      }
      await file.finish();
      await handle.chmod(fileMode);
      if (isTime(modified)) await handle.utimes(modified, modified);
    } finally {
      await handle.close();
    }
  };
};

const unpack = async (path: string, filename: string, folder: string, write: Write): Promise<void> => {
  const { entries } = await readSentTree(path, filename);
  const tar = await open(path, 'r');
  try {
    for (const entry of entries) {
      const target = join(folder, entry.path);
      if (entry.kind === 'folder') await makeFolder(target);
      else await write(target, tarChunks(tar, entry.start, entry.size), entry.modified);
    }
  } finally {
    await tar.close();
  }
};

/** The file itself: no link, and nothing outside of the folder, whatever is changed meanwhile. */
async function* chunksWithin(root: string, path: string): AsyncGenerator<Buffer> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file: FileHandle = await open(path, flags);
  try {
    const isInside = isWithin(await readlink(`/proc/self/fd/${file.fd}`), root);
    const found = await file.stat();
    if (!isInside || !found.isFile()) throw refusedFiles(`${path} was changed while it was read.`);
    yield* tarChunks(file, 0, found.size);
  } finally {
    await file.close();
  }
}

const copy = async (root: string, folder: string, write: Write): Promise<void> => {
  const from = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
      const [path, target] = [join(root, below, entry.name), join(folder, below, entry.name)];
      if (!entry.isDirectory())
        await write(target, chunksWithin(root, path), (await lstat(path)).mtimeMs / 1000);
      else {
        await makeFolder(target);
        await from(join(below, entry.name));
      }
    }
  };
  await from('');
};

/** Everything into the folder, which is made anew: files as everybody may read them. */
export const stageTree = async (
  staging: Staging,
  folder: string,
  bytes: number,
  watch: WorkWatch,
): Promise<void> => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const write = writer(bytes, watch);
  try {
    if (staging.kind === 'sent') await unpack(staging.path, staging.filename, folder, write);
    else await copy(staging.path, folder, write);
  } catch (error) {
    watch.signal?.throwIfAborted();
    throw toAppError('Bringing the files together', error);
  }
};
