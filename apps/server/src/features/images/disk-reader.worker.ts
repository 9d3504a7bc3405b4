import { lstatSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { OpenForReadingError, type OpenProblem } from '@strata/disk-image';
import { putWholeFileSync } from '../../qemu/put-whole-file.ts';
import { sampleContentSync } from './content-sample.ts';
import { walkFolderSync } from './folder-walk.ts';
import { type FileStat, statOf } from './image-record.ts';
import { type Inspected, inspectFileSync } from './inspect-file.ts';

/** A file that is made when its content is at hand. */
export interface NewFile {
  /** The name it has until it is whole. */
  readonly part: string;
  readonly path: string;
  readonly content: Uint8Array;
  /** The file it stands on: looked at in the same go. */
  readonly below: string;
}
export type PutFile =
  | { readonly failed: { readonly code: string; readonly message: string } }
  | {
      readonly failed: null;
      /** As it is read back. */
      readonly file: Inspected | Unreadable;
      readonly below: FileStat | null;
    };

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

const look = (path: string): FileStat | null => {
  try {
    return statOf(lstatSync(path, { bigint: true }));
  } catch {
    return null;
  }
};

const put = ({ part, path, content, below }: NewFile): PutFile => {
  try {
    putWholeFileSync(part, path, content);
    return { failed: null, file: inspect(path), below: look(below) };
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    return { failed: { code, message } };
  }
};

/** All that this thread does, by name. */
const work = {
  look: (paths: readonly string[]) => paths.map(look),
  put,
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
