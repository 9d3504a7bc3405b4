import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ContentSample } from './content-sample.ts';
import type { DiskWork, Unreadable } from './disk-reader.worker.ts';
import type { Walk } from './folder-walk.ts';
import type { Inspected } from './inspect-file.ts';
import { mapBounded } from './map-bounded.ts';

/*
 * One thread of the process looks at files by the thousand. It may wait for the disk, so it does without the thread pool,
 * which takes ten times as long; and a disk that hangs holds up this thread, not the server.
 */

interface Asked {
  answer(result: unknown): void;
  fail(error: Error): void;
}

interface Thread {
  ask<Name extends keyof DiskWork>(
    name: Name,
    ...args: Parameters<DiskWork[Name]>
  ): Promise<ReturnType<DiskWork[Name]>>;
}

/** The built server has the thread's program beside it. From source there is none: it is bundled as build.mjs does it. */
const startWorker = async (): Promise<Worker> => {
  const options = { name: 'disk reader', execArgv: [] };
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./disk-reader.worker.js', import.meta.url), options);
  const { buildSync } = await import('esbuild');
  const program = fileURLToPath(new URL('./disk-reader.worker.ts', import.meta.url));
  const built = buildSync({
    entryPoints: [program],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    write: false,
  });
  return new Worker(built.outputFiles[0]?.text ?? '', { ...options, eval: true });
};

/** Answers come in the order of the questions. While there are none, the thread keeps no process alive. */
const openThread = async (gone: () => void): Promise<Thread> => {
  const worker = await startWorker();
  const asked: Asked[] = [];
  const end = (error: Error): void => {
    gone();
    for (const { fail } of asked.splice(0)) fail(error);
  };
  worker.unref();
  worker.on('message', (result) => {
    asked.shift()?.answer(result);
    if (asked.length === 0) worker.unref();
  });
  worker.once('error', (error) => end(error instanceof Error ? error : new Error(String(error))));
  worker.once('exit', () => end(new Error('The thread that reads the disk has ended.')));
  return {
    ask: (name, ...args) =>
      new Promise((resolve, reject) => {
        asked.push({ answer: resolve as Asked['answer'], fail: reject });
        worker.ref();
        worker.postMessage({ name, args });
      }),
  };
};

let thread: Promise<Thread> | null = null;

/** The next question after the thread has died, or could not be started, starts another. */
const currentThread = (): Promise<Thread> => {
  if (thread !== null) return thread;
  const opened = openThread(() => forget());
  const forget = (): void => {
    if (thread === opened) thread = null;
  };
  opened.catch(forget);
  thread = opened;
  return opened;
};

const ask: Thread['ask'] = async (name, ...args) => (await currentThread()).ask(name, ...args);

/** Headers that are read for one answer. */
const readAtOnce = 128;

/** Every file below a folder, also behind links. Reads names and `lstat`, no contents. */
export const walkFolder = (root: string, skip: ReadonlySet<string>): Promise<Walk> => ask('walk', root, skip);

export const isUnreadable = (file: Inspected | Unreadable): file is Unreadable => 'code' in file;

/** Reads headers; hands them over as they come, so that a large library keeps nobody waiting. */
export const inspectFiles = async (
  paths: readonly string[],
  take: (path: string, file: Inspected | Unreadable) => void,
): Promise<void> => {
  const parts: (readonly string[])[] = [];
  for (let first = 0; first < paths.length; first += readAtOnce)
    parts.push(paths.slice(first, first + readAtOnce));
  // The thread reads the next part while this one is taken in.
  await mapBounded(parts, 2, async (part) => {
    const files = await ask('inspect', part);
    for (const [index, path] of part.entries()) {
      const file = files[index];
      if (file !== undefined) take(path, file);
    }
  });
};

/** By what a file is known again; null when it cannot be read. */
export const sampleContent = (path: string): Promise<ContentSample | null> => ask('sample', path);
