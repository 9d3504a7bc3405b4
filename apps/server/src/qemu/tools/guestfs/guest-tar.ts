import { constants, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { runLimited } from '../../limited-process.ts';
import { light } from '../../qemu-img.ts';
import type { GuestBytes } from './guest-files.ts';
import type { Guestfish } from './guestfish.ts';
import { word } from './guestfish-words.ts';

/** A pause of the reader is none of the appliance's; a week is more than any folder takes. */
const timeoutMs = 7 * 24 * 3_600_000;

/** Ends well only when guestfish has said so; no longer than it may be. */
const checked = (finished: Promise<unknown>, mostBytes: number): Transform => {
  let bytes = 0;
  return new Transform({
    transform: (chunk: Buffer, _, done) => {
      bytes += chunk.length;
      if (bytes <= mostBytes) done(null, chunk);
      else done(new Error('the archive is longer than its disk can be: there are sparse files in it'));
    },
    flush: (done) => {
      finished.then(
        () => done(),
        (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
      );
    },
  });
};

/**
 * A folder with all that is in it, packed in the guest and handed on through a pipe: nothing of it is written on this
 * machine. `finished` resolves when the appliance is free again, however it ended.
 */
export const guestTar = async (
  shell: Guestfish,
  folder: string,
  path: GuestBytes,
  mostBytes: number,
): Promise<{ readonly stream: Readable; readonly finished: Promise<void> }> => {
  const pipe = join(folder, `tar-${Date.now().toString(36)}`);
  await runLimited('mkfifo', ['-m', '600', '--', pipe], light);
  // Opened for reading without waiting for who writes: it would wait for ever when that never comes.
  const incoming = new Socket({
    ...{ fd: openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK), readable: true, writable: false },
  });
  const packed = shell.run(`tar-out ${word(path)} ${word(pipe)}`, { timeoutMs });
  const stream = checked(packed, mostBytes);
  const finished = packed
    .then(
      () => {},
      (error: unknown) => {
        stream.destroy(error instanceof Error ? error : new Error(String(error)));
      },
    )
    .finally(() => rm(pipe, { force: true }));
  // A pipe that nobody reads ends the command, and with it the packing in the guest.
  stream.once('close', () => incoming.destroy());
  incoming.once('error', (error) => stream.destroy(error));
  incoming.pipe(stream);
  return { stream, finished };
};
