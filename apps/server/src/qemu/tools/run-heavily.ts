import { stat } from 'node:fs/promises';
import type { AppError } from '../../app-error.ts';
import type { WorkWatch } from '../image-work.ts';
import { inTurn, type ProcessWatch, runLimited } from '../limited-process.ts';
import { heavy } from '../qemu-img.ts';
import { type HostTool, toolFailure } from './tool-failure.ts';

/** A tool that writes or reads a whole image: it waits for its turn, can be paused and ended, and fails in the caller's words. */
export const runHeavily = async (
  tool: HostTool,
  args: readonly string[],
  watch: WorkWatch,
  fail: (said: string, options: { cause: unknown }) => AppError,
  place: Pick<ProcessWatch, 'cwd' | 'unicode'> = {},
): Promise<string> => {
  const { signal, brake } = watch;
  // Nothing is begun while it is paused.
  await brake?.pass(0, signal);
  try {
    return await inTurn('heavy', (leave) => {
      signal?.throwIfAborted();
      return runLimited(tool.program, args, heavy, { ...watch, ...place, onStopped: leave });
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw toolFailure(error, tool, fail);
  }
};

const lookEveryMs = 300;
const blockSize = 512;

/** Tools that tell how far they are on no pipe of ours; what the file takes on the disk does. */
export const whileItGrows = async <Result>(
  path: string,
  bytes: number,
  { onProgress }: WorkWatch,
  work: () => Promise<Result>,
): Promise<Result> => {
  const look = setInterval(() => {
    stat(path).then(
      ({ blocks }) => onProgress?.(Math.min((blocks * blockSize) / bytes, 1)),
      () => {},
    );
  }, lookEveryMs);
  try {
    return await work();
  } finally {
    clearInterval(look);
  }
};

export const isFull = (said: string): boolean => /No space left on device|Disk quota exceeded/.test(said);
