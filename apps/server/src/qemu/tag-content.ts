import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ImageFormat } from '@strata/contract';
import { unlessCancelled, type WorkWatch, work } from './image-work.ts';
import { runLimited } from './limited-process.ts';
import { absolute, driverOf, heavy, outputOf } from './qemu-img.ts';

/*
 * What an internal snapshot of a qcow2 image shows, through the image's backing. Told to QEMU by its number: a name may
 * hold commas, and two may have the same. Not on an image that a running VM writes.
 */

export const selectedTag = (id: string): string => `snapshot.id=${id.replaceAll(',', ',,')}`;

/** Into a new qcow2 file without backing; whatever is at the target's name goes first. The caller syncs it. */
export const copyTag = (path: string, id: string, target: string, watch: WorkWatch = {}): Promise<void> =>
  unlessCancelled(`Extracting from ${path}`, watch, async () => {
    await rm(absolute(target), { force: true });
    const args = ['convert', '-p', '-t', 'writeback', '-l', selectedTag(id), '-f', 'qcow2', '-O', 'qcow2'];
    await work([...args, '--', absolute(path), absolute(target)], watch);
  });

const lookEveryMs = 20;

const untilThere = async (socket: string, exited: AbortSignal): Promise<void> => {
  while (
    !(await access(socket).then(
      () => true,
      () => false,
    ))
  ) {
    exited.throwIfAborted();
    await delay(lookEveryMs);
  }
};

/**
 * Whether the snapshot and another image read the same. `qemu-img compare` cannot be told of snapshots: it reads
 * this one from a `qemu-nbd` that shows it, to one client, on a socket in a private folder.
 */
export const tagReadsAs = (
  path: string,
  id: string,
  other: string,
  watch: WorkWatch = {},
  format: ImageFormat = 'qcow2',
): Promise<boolean> =>
  unlessCancelled(`Comparing ${other} with the snapshot inside ${path}`, watch, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'strata-'));
    const socket = join(folder, 's');
    const ended = new AbortController();
    const end = new AbortController();
    const args = ['-r', '-f', 'qcow2', '-l', selectedTag(id), '-k', socket, '-e', '1', '--', absolute(path)];
    const server = runLimited('qemu-nbd', args, heavy, { signal: end.signal });
    // It ends when its client has gone, or is ended below; before that, its failure is what is told.
    server.catch((error: unknown) => ended.abort(error));
    try {
      await untilThere(socket, ended.signal);
      const files = ['--', `nbd+unix:///?socket=${socket}`, absolute(other)];
      const compare = ['compare', '-p', '-f', 'raw', '-F', driverOf(format), ...files];
      // 1: they differ.
      return (await work(compare, watch).then(() => null, outputOf([1]))) === null;
    } finally {
      end.abort();
      await server.catch(() => {});
      await rm(folder, { recursive: true, force: true });
    }
  });
