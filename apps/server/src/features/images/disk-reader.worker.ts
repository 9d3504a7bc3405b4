import { parentPort } from 'node:worker_threads';
import { OpenForReadingError, type OpenProblem } from '@strata/disk-image';
import { sampleContentSync } from './content-sample.ts';
import { walkFolderSync } from './folder-walk.ts';
import { type Inspected, inspectFileSync } from './inspect-file.ts';

/** Why a file could not be looked at. */
export interface Unreadable {
  readonly code: OpenProblem;
  readonly message: string;
}

const inspect = (path: string): Inspected | Unreadable => {
  try {
    return inspectFileSync(path);
  } catch (error) {
    if (error instanceof OpenForReadingError) return { code: error.code, message: error.message };
    return { code: 'unreadable', message: `${path}: ${error instanceof Error ? error.message : error}` };
  }
};

/** All that this thread does, by name. */
const work = {
  walk: walkFolderSync,
  inspect: (paths: readonly string[]) => paths.map(inspect),
  sample: sampleContentSync,
};

export type DiskWork = typeof work;

interface Question {
  readonly name: keyof DiskWork;
  readonly args: readonly unknown[];
}

/** Answers in the order of the questions. What is thrown here ends the thread, and fails all who wait for it. */
parentPort?.on('message', ({ name, args }: Question) => {
  const answer = work[name] as (...args: readonly unknown[]) => unknown;
  parentPort?.postMessage(answer(...args));
});
