import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runLimited } from './limited-process.ts';
import { connectNbd, type NbdReader } from './nbd-client.ts';
import { inWords } from './qemu-errors.ts';
import { absolute, driverOf, heavy, type ImageFile } from './qemu-img.ts';
import { selectedTag } from './tag-content.ts';

const patienceMs = 20_000;
const lookEveryMs = 15;

/** To a server that is just being started; why it does not listen is told by its end. */
export const untilConnected = async (
  socket: string,
  ended: () => boolean,
  exportName = '',
): Promise<NbdReader> => {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      return await connectNbd(socket, exportName);
    } catch (error) {
      if (ended() || Date.now() > deadline) throw error;
      await delay(lookEveryMs);
    }
  }
};

/** `snapshot`: what the internal snapshot of this number shows; null or left out: what the image shows now. */
export type ContentFile = ImageFile & { readonly snapshot?: string | null };

export interface ReadHow {
  /** Where sockets lie, for their paths must be short. */
  readonly runDir: string;
  readonly signal: AbortSignal;
  /**
   * Takes no locks: whoever wants to write the image meanwhile, a VM that starts for instance, can. Only for a look that is
   * thrown away when the files have changed since.
   */
  readonly aside?: boolean;
}

/** An option value of QEMU: a comma in it is doubled. */
const optionValue = (value: string): string => value.replaceAll(',', ',,');

const sourceOf = (driver: string, path: string, aside: boolean): string[] =>
  aside
    ? [
        '--image-opts',
        `driver=${driver},force-share=on,file.driver=file,file.filename=${optionValue(absolute(path))}`,
      ]
    : ['--format', driver, '--', absolute(path)];

/**
 * What an image reads through its whole chain, read-only, by a qemu-nbd that ends with the work. A layer that a VM
 * writes cannot be opened: `image-locked`. `snapshot`: what this internal snapshot shows instead, by its number.
 */
export const readingContent = async <Result>(
  { path, format, snapshot = null }: ContentFile,
  { runDir, signal, aside = false }: ReadHow,
  work: (reader: NbdReader) => Promise<Result>,
): Promise<Result> => {
  const folder = await mkdtemp(join(runDir, 'n-'));
  const socket = join(folder, 's');
  const ending = new AbortController();
  const stop = AbortSignal.any([signal, ending.signal]);
  let ended = false;
  const inside = snapshot === null ? [] : ['--load-snapshot', selectedTag(snapshot)];
  const args = ['--read-only', ...inside, '--socket', socket, ...sourceOf(driverOf(format), path, aside)];
  const server = inWords(`Reading ${path}`, () =>
    runLimited('qemu-nbd', args, heavy, { signal: stop }),
  ).finally(() => {
    ended = true;
  });
  // Its end is looked at where it matters; until then it is no unhandled rejection.
  server.catch(() => {});
  try {
    const reader = await untilConnected(socket, () => ended).catch(async (error: unknown) => {
      signal.throwIfAborted();
      // Why it would not open the image says more than that nobody listens.
      if (ended) await server;
      throw error;
    });
    try {
      return await work(reader);
    } catch (error) {
      // Its server is gone because somebody cancelled: that is what happened.
      signal.throwIfAborted();
      throw error;
    } finally {
      reader.close();
    }
  } finally {
    ending.abort();
    await server.catch(() => {});
    await rm(folder, { recursive: true, force: true });
  }
};
