import { Worker } from 'node:worker_threads';
import type { ChecksumAlgorithm } from '@strata/contract';

/** A range of the file; `zero`: a hole, of which it is known what it reads. */
export interface Piece {
  readonly offset: number;
  readonly length: number;
  readonly zero: boolean;
}

/** One digest, computed in a thread of its own, of pieces in the order in which they are given. */
export interface HashThread {
  /** Resolves when it has been hashed. */
  take(piece: Piece): Promise<void>;
  digest(): Promise<string>;
  end(): Promise<void>;
}

// `build.mjs` puts a copy beside the bundle.
const program = new URL('./hash-worker.mjs', import.meta.url);

export const startHashThread = (fd: number, algorithm: ChecksumAlgorithm): HashThread => {
  const worker = new Worker(program, { workerData: { fd, algorithm } });
  const waiting: { resolve(answer: string): void; reject(error: unknown): void }[] = [];
  let failure: unknown = null;
  const fail = (error: unknown): void => {
    failure ??= error;
    for (const { reject } of waiting.splice(0)) reject(failure);
  };
  worker.on('message', (answer: string) => waiting.shift()?.resolve(answer));
  worker.on('error', fail);
  worker.on('exit', () => fail(new Error('the thread that hashes has ended')));
  const ask = (message: Piece | 'digest'): Promise<string> =>
    new Promise((resolve, reject) => {
      if (failure !== null) {
        reject(failure);
        return;
      }
      waiting.push({ resolve, reject });
      worker.postMessage(message);
    });
  return {
    take: async (piece) => {
      await ask(piece);
    },
    digest: () => ask('digest'),
    end: async () => {
      await worker.terminate();
    },
  };
};
