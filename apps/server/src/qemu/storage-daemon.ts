import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connectQmp, type QmpClient } from '@strata/qmp';
import { AppError } from '../app-error.ts';
import type { DaemonIdentity } from './block-engine.types.ts';
import { findProgram, qemuEnvironment } from './capabilities.ts';
import { allPids, argumentsOf, identify, killProcess, waitForEnd } from './process-identity.ts';
import { refusalFrom } from './qemu-errors.ts';

const program = 'qemu-storage-daemon';
/** `sun_path` of unix(7) without the closing zero. */
const longestSocketPath = 107;
export const startTimeoutMs = 15_000;
const endTimeoutMs = 15_000;

export interface DaemonFiles {
  readonly socket: string;
  readonly pid: string;
  readonly log: string;
}

export function daemonFiles(runDir: string, id: string): DaemonFiles {
  if (!/^[A-Za-z0-9_-]+$/.test(id)) throw new AppError('internal-error', `“${id}” cannot name a socket.`);
  const stem = join(runDir, `d-${id}`);
  if (Buffer.byteLength(`${stem}.sock`) > longestSocketPath)
    throw new AppError(
      'path-too-long',
      `The socket ${stem}.sock has a path of more than ${longestSocketPath} bytes. Use a data folder with a shorter path.`,
    );
  return { socket: `${stem}.sock`, pid: `${stem}.pid`, log: `${stem}.log` };
}

export interface RunningDaemon {
  readonly identity: DaemonIdentity;
  readonly qmp: QmpClient;
}

/** Starts a daemon that outlives the server: own session, nothing of ours open in it but its log. */
export async function startDaemon(
  doing: string,
  files: DaemonFiles,
  blockdev: Record<string, unknown>,
  /** What it serves of that. */
  serving: readonly string[] = [],
): Promise<RunningDaemon> {
  if (!findProgram(program))
    throw new AppError('tool-missing', `${program} is missing (Debian: apt-get install qemu-system-common).`);
  const monitor = `socket,id=q,path=${files.socket.replaceAll(',', ',,')},server=on,wait=off`;
  const args = ['--chardev', monitor, '--monitor', 'chardev=q,mode=control', '--pidfile', files.pid];
  const child = spawnPrivately([...args, '--blockdev', JSON.stringify(blockdev), ...serving], files.log);
  const ended = new AbortController();
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve()).once('error', () => resolve());
  });
  void gone.then(() => ended.abort());
  try {
    const qmp = await connectQmp({
      path: files.socket,
      waitForSocketMs: startTimeoutMs,
      signal: ended.signal,
    });
    const process = child.pid === undefined ? null : await identify(child.pid);
    if (!process) throw new Error('the process ended as soon as it had started');
    return { qmp, identity: { pid: process.pid, startTime: process.startTime, socket: files.socket } };
  } catch (cause) {
    const killedBy = child.signalCode;
    child.kill('SIGKILL');
    // Until it is gone it holds the locks of the images.
    await gone;
    const words = await readFile(files.log, 'utf8').catch(() => '');
    await removeFiles(files);
    if (killedBy !== null)
      throw new AppError(
        'qemu-unresponsive',
        `${doing} failed: ${program} was ended by ${killedBy}.`,
        {},
        { cause },
      );
    throw refusalFrom(doing, words, cause);
  }
}

/** `spawn` and not execa, because the log must be the very file descriptor, not a pipe through this process. */
function spawnPrivately(args: readonly string[], log: string): ChildProcess {
  const output = openSync(log, 'w', 0o600);
  // The sockets get their mode from the umask; spawning is synchronous, so nobody else sees this one.
  const umask = process.umask(0o077);
  try {
    const child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', output, output],
      env: qemuEnvironment(),
    });
    child.unref();
    return child;
  } finally {
    process.umask(umask);
    closeSync(output);
  }
}

/** True only for the very process: same start time, alive, and started with this socket. */
export async function isOurs({ pid, startTime, socket }: DaemonIdentity): Promise<boolean> {
  const process = await identify(pid);
  if (process?.startTime !== startTime) return false;
  const args = await argumentsOf(pid);
  return args.some((arg) => arg.includes(`path=${socket.replaceAll(',', ',,')},`));
}

/**
 * The daemon that was started with these files, if it still runs; else clears away what it left. One that was just
 * being started when the server died has no pid file yet, or that of the one before it: it is known by its socket.
 */
export async function findOurs(files: DaemonFiles): Promise<DaemonIdentity | null> {
  if (!existsSync(files.log)) return null;
  const written = Number(await readFile(files.pid, 'utf8').catch(() => ''));
  for (const pid of [written, ...(await allPids())].filter((number) => number > 0)) {
    const process = await identify(pid);
    const identity = process && { pid, startTime: process.startTime, socket: files.socket };
    if (identity && (await isOurs(identity))) return identity;
  }
  await removeFiles(files);
  return null;
}

/** `quit` flushes and closes the images; a daemon that does not go by that is killed, if it is proved to be ours. */
export async function endDaemon({ identity, qmp }: RunningDaemon): Promise<void> {
  // The answer may not come before the connection ends; whether it went is seen by the process.
  await qmp.execute('quit').catch(() => undefined);
  const process = await identify(identity.pid);
  if (process?.startTime === identity.startTime && !(await waitForEnd(process, endTimeoutMs))) {
    if (await isOurs(identity)) await killProcess(process);
    await waitForEnd(process, endTimeoutMs);
  }
  qmp.close();
  await removeFiles(filesOf(identity));
}

export const filesOf = ({ socket }: DaemonIdentity): DaemonFiles => {
  const stem = socket.replace(/\.sock$/, '');
  return { socket, pid: `${stem}.pid`, log: `${stem}.log` };
};

export async function removeFiles(files: DaemonFiles): Promise<void> {
  await Promise.all(Object.values(files).map((file) => rm(file, { force: true })));
}
