import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../app-error.ts';
import { bound } from './bounded-log.ts';
import { qemuEnvironment } from './capabilities.ts';
import { launchFailure } from './launch-failure.ts';
import { type LoadMemory, loadMemory } from './memory-load.ts';
import { connectMonitors, isAnswered, type Monitors } from './monitors.ts';
import { identify, killProcess, type ProcessIdentity, waitForEnd } from './process-identity.ts';

export interface LaunchRequest {
  readonly binary: string;
  readonly args: readonly string[];
  /** The process' own folder. */
  readonly folder: string;
  /** Takes QEMU's output; it grows on while no server is there. */
  readonly logFile: string;
  readonly sockets: { readonly control: string; readonly tools: string };
  /** The guest continues from this memory; its arguments say `-incoming defer`. */
  readonly memory?: LoadMemory;
  /** Ends a start that is no longer wanted. */
  readonly signal?: AbortSignal;
}
export interface RunningQemu {
  readonly identity: ProcessIdentity;
  readonly monitors: Monitors;
}

/** QEMU's output is kept to this; what was before a rotation stays in `.old`. */
export const outputLimit = 256 * 1024;
const startLimitMs = 30_000;
const endLimitMs = 10_000;

/** What a process wrote into a log after the place where it began. */
const writtenSince = (path: string, from: number): string => {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(Math.min(Math.max(fstatSync(file).size - from, 0), 64 * 1024));
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, from)).toString('utf8');
  } finally {
    closeSync(file);
  }
};

/**
 * Its own session, nothing inherited but the log: neither Ctrl-C in a terminal nor our death reaches it. Node's own
 * `spawn`, because the log must be the very file descriptor, not a pipe through this process (execa's types and habit).
 */
const spawnDetached = (
  request: LaunchRequest,
  log: number,
): { pid: number | undefined; ended: Promise<string> } => {
  // Sockets take their mode from the umask (security.md, SEC-10).
  const mask = process.umask(0o077);
  try {
    const child = spawn(request.binary, request.args, {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: request.folder,
      env: qemuEnvironment(),
    });
    child.unref();
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) =>
        resolve(signal === null ? `exit code ${code}` : `signal ${signal}`),
      );
    });
    return { pid: child.pid, ended };
  } finally {
    process.umask(mask);
  }
};

const checkWanted = ({ signal }: LaunchRequest): void => {
  if (signal?.aborted) throw new AppError('vm-not-running', 'The start was cancelled.');
};

/** Tries until QEMU listens, and stops trying the moment it has ended: the socket may be another's by then. */
const reachMonitors = async (request: LaunchRequest, ended: Promise<string>): Promise<Monitors | string> => {
  let exit: string | null = null;
  const watched = ended.then((how) => {
    exit = how;
  });
  const until = performance.now() + startLimitMs;
  for (;;) {
    try {
      return await connectMonitors(request.sockets);
    } catch (error) {
      await Promise.race([watched, sleep(10)]);
      if (exit !== null) return exit;
      checkWanted(request);
      if (performance.now() > until)
        throw new AppError(
          'qemu-unresponsive',
          'QEMU was started but does not answer on its monitor.',
          {},
          { cause: error },
        );
    }
  }
};

/** QEMU's own words for why it does not take a memory are on its stderr, once it has ended. */
const takeMemory = async (
  monitors: Monitors,
  memory: LoadMemory,
  ended: Promise<string>,
): Promise<string | null> => {
  try {
    await loadMemory(monitors.control, memory);
    return null;
  } catch (error) {
    const exit = await Promise.race([ended, sleep(endLimitMs, null, { ref: false })]);
    if (exit === null) throw error;
    return exit;
  }
};

/** Starts QEMU and ends when its monitors answer. Throws what kept it from starting, in words. */
export const launchQemu = async (request: LaunchRequest): Promise<RunningQemu> => {
  if (await isAnswered(request.sockets.control))
    throw new AppError('vm-running', 'A QEMU process of this VM already answers on its control socket.');
  checkWanted(request);
  bound(request.logFile, outputLimit);
  const log = openSync(request.logFile, 'a', 0o600);
  const from = fstatSync(log).size;
  let child: ReturnType<typeof spawnDetached>;
  try {
    child = spawnDetached(request, log);
  } finally {
    closeSync(log);
  }
  const identity = child.pid === undefined ? null : await identify(child.pid);
  try {
    const reached = await reachMonitors(request, child.ended);
    if (typeof reached === 'string' || identity === null)
      throw await launchFailure(
        writtenSince(request.logFile, from),
        typeof reached === 'string' ? reached : 'it is gone',
      );
    const refused =
      request.memory === undefined ? null : await takeMemory(reached, request.memory, child.ended);
    if (refused !== null) throw await launchFailure(writtenSince(request.logFile, from), refused);
    return { identity, monitors: reached };
  } catch (error) {
    if (identity !== null) {
      await killProcess(identity);
      // It holds its locks and its sockets until it is gone, and the next start would meet it.
      await waitForEnd(identity, endLimitMs);
    }
    throw error;
  }
};
