import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../app-error.ts';
import { inTurn, type ProcessLimits, startLimited } from '../limited-process.ts';
import { toolFailure } from './tool-failure.ts';

const mebibyte = 1024 ** 2;
const limits: ProcessLimits = {
  timeoutMs: 0,
  maxOutputBytes: mebibyte,
  addressSpaceBytes: 1024 * mebibyte,
  cpuSeconds: 12 * 3600,
};

const tools = {
  xz: {
    program: 'xz',
    args: ['-dc', '-T1', '--memlimit-decompress=512MiB'],
    from: 'xz-utils (Debian), xz (others)',
  },
  zst: { program: 'zstd', args: ['-dcq', '-M512MiB'], from: 'zstd' },
} as const;
export type DecompressTool = keyof typeof tools;

const failure = (error: unknown, tool: (typeof tools)[DecompressTool]): unknown =>
  toolFailure(error, tool, (said, options) => {
    const [words = ''] = said.split('\n');
    return new AppError(
      'image-refused',
      `${tool.program} says: ${words === '' ? 'it is damaged' : words}.`,
      {},
      options,
    );
  });

/** Waits for a turn among the tools that work hard; what it answers gives the turn back. */
const takeTurn = (): Promise<() => void> =>
  new Promise((resolve) => {
    void inTurn('heavy', () => new Promise<void>((giveBack) => resolve(giveBack)));
  });

/** What comes out of xz or zstd, as it comes. The tools read and write nothing but our pipes. */
export async function* decompressWith(
  kind: DecompressTool,
  source: Readable,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const tool = tools[kind];
  const giveBack = await takeTurn();
  const process = startLimited(tool.program, tool.args, limits, signal === undefined ? {} : { signal });
  // How it ended is asked for at the end; until then nobody listens.
  process.catch(() => {});
  // It closes its input before the end when that is damaged, and says so itself.
  const fed = pipeline(source, process.stdin).catch(() => {});
  try {
    for await (const chunk of process.stdout) yield chunk as Buffer;
    await fed;
    if (source.errored !== null) throw source.errored;
    await process;
  } catch (error) {
    signal?.throwIfAborted();
    throw failure(error, tool);
  } finally {
    source.destroy();
    process.kill('SIGKILL');
    await process.catch(() => {});
    giveBack();
  }
}
