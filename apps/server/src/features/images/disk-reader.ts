import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ContentSample } from './content-sample.ts';
import type { DiskWork, NewFile, PutFile, Unreadable } from './disk-reader.worker.ts';
import type { Walk } from './folder-walk.ts';
import type { FileStat } from './image-record.ts';
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

/** From source there is no program of the thread: it is bundled as build.mjs does it. */
const bundledProgram = async (): Promise<string> => {
  const { buildSync } = await import('esbuild');
  const program = fileURLToPath(new URL('./disk-reader.worker.ts', import.meta.url));
  const built = buildSync({
    entryPoints: [program],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    write: false,
  });
  return built.outputFiles[0]?.text ?? '';
};
let bundled: Promise<string> | null = null;

/** The built server has the thread's program beside it. */
const startWorker = async (): Promise<Worker> => {
  const options = { name: 'disk reader', execArgv: [] };
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./disk-reader.worker.js', import.meta.url), options);
  bundled ??= bundledProgram();
  return new Worker(await bundled, { ...options, eval: true });
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

/** The next question after the thread has died, or could not be started, starts another. */
const lasting = (): (() => Promise<Thread>) => {
  let thread: Promise<Thread> | null = null;
  return () => {
    if (thread !== null) return thread;
    const opened = openThread(() => forget());
    const forget = (): void => {
      if (thread === opened) thread = null;
    };
    opened.catch(forget);
    thread = opened;
    return opened;
  };
};

const reader = lasting();
/** For what a guest may be waiting for: it does not queue behind a scan. */
const quick = lasting();

const ask: Thread['ask'] = async (name, ...args) => (await reader()).ask(name, ...args);
const askQuick: Thread['ask'] = async (name, ...args) => (await quick()).ask(name, ...args);

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

/** What `lstat` says of each; null for those that cannot be looked at. */
export const lookAtFiles = (paths: readonly string[]): Promise<(FileStat | null)[]> =>
  askQuick('look', paths);

/** Makes a file, whole and durable with its name, or not at all; answers what is read back. */
export const putFile = async (file: NewFile): Promise<Extract<PutFile, { failed: null }>> => {
  const put = await askQuick('put', file);
  if (put.failed === null) return put;
  const { code, message } = put.failed;
  throw Object.assign(new Error(message), { code });
};

/** The first question would wait for the thread to start. */
export const startQuickReader = async (): Promise<void> => {
  await quick();
};

/** By what a file is known again; null when it cannot be read. */
export const sampleContent = (path: string): Promise<ContentSample | null> => ask('sample', path);
