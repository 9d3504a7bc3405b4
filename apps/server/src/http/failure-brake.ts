import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../app-error.ts';

/** Wrong secrets per minute that are answered at once; afterwards ten a second, one after the other. */
const freePerMinute = 30;
const pauseMilliseconds = 100;
const longestQueue = 64;

/**
 * Slows down whoever guesses tokens, codes or tickets. Only failures wait: every client comes from 127.0.0.1, so a
 * lock-out would lock out the user.
 */
export interface FailureBrake {
  /** To be awaited before a wrong secret is answered. */
  failed(): Promise<void>;
}

export const createFailureBrake = (): FailureBrake => {
  let recent: number[] = [];
  let waiting = 0;
  let queue = Promise.resolve();
  return {
    failed: async () => {
      const now = performance.now();
      recent = [...recent.filter((at) => now - at < 60_000), now].slice(-(freePerMinute + 1));
      if (recent.length <= freePerMinute) return;
      if (waiting >= longestQueue)
        throw new AppError('rate-limited', 'Too many wrong tokens in a short time. Wait a minute.');
      waiting += 1;
      queue = queue.then(async () => {
        await sleep(pauseMilliseconds);
        waiting -= 1;
      });
      await queue;
    },
  };
};
