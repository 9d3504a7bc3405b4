import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { QmpClient } from './client.types.ts';
import { QmpCommandError, QmpConnectError, QmpProtocolError, QmpTimeoutError } from './errors.ts';
import { QmpSession } from './session.ts';

export interface ConnectOptions {
  /** The unix socket QEMU listens on (`-chardev socket,path=…,server=on,wait=off -mon …,mode=control`). */
  readonly path: string;
  /** How long to wait for the greeting: a second client on a socket never gets one. Default 5 s. */
  readonly greetingTimeoutMs?: number;
  /** How long a command may take unless it says otherwise. Default 10 s. */
  readonly commandTimeoutMs?: number;
  /** The longest message taken, in bytes. Default 64 MiB. */
  readonly lineLimit?: number;
  /** How long a socket may not be there yet (a QEMU that was just started). Default 0: it must be there. */
  readonly waitForSocketMs?: number;
  /** Ends that waiting, when the process that should listen has died. */
  readonly signal?: AbortSignal;
}

const retryMs = 15;

/** Connects, waits for the greeting and negotiates. Throws `QmpConnectError`. */
export async function connectQmp(options: ConnectOptions): Promise<QmpClient> {
  const { path, commandTimeoutMs = 10_000, lineLimit = 64 * 1024 * 1024 } = options;
  const socket = await reach(path, options.waitForSocketMs ?? 0, options.signal);
  const session = new QmpSession(socket, { commandTimeoutMs, lineLimit });
  try {
    await greeted(session, path, options.greetingTimeoutMs ?? 5_000);
    await negotiate(session, path);
  } catch (error) {
    session.close();
    throw error;
  }
  return session;
}

async function reach(path: string, waitMs: number, signal?: AbortSignal): Promise<Socket> {
  const giveUpAt = performance.now() + waitMs;
  for (;;) {
    try {
      return await dial(path);
    } catch (cause) {
      if (performance.now() >= giveUpAt || signal?.aborted)
        throw new QmpConnectError(path, 'unreachable', 'nobody listens there', { cause });
      await sleep(retryMs);
    }
  }
}

function dial(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

async function greeted(session: QmpSession, path: string, timeoutMs: number): Promise<void> {
  const timer = new AbortController();
  const silence = sleep(timeoutMs, 'silence' as const, { signal: timer.signal }).catch(
    () => 'silence' as const,
  );
  const first = await Promise.race([
    session.greeting.then(() => 'greeting' as const),
    session.closed.then(() => 'closed' as const),
    silence,
  ]);
  timer.abort();
  if (first === 'greeting') return;
  if (first === 'closed') throw endedError(session, path);
  throw new QmpConnectError(
    path,
    'no-greeting',
    `no greeting within ${timeoutMs} ms; another client may be connected`,
  );
}

async function negotiate(session: QmpSession, path: string): Promise<void> {
  try {
    await session.execute('qmp_capabilities');
  } catch (cause) {
    if (cause instanceof QmpCommandError)
      throw new QmpConnectError(path, 'refused', `the session was refused: ${cause.desc}`, { cause });
    if (cause instanceof QmpTimeoutError)
      throw new QmpConnectError(path, 'ended', 'QEMU greeted and then did not answer', { cause });
    throw endedError(session, path, cause);
  }
}

function endedError(session: QmpSession, path: string, cause: unknown = session.endCause): QmpConnectError {
  const options = cause ? { cause } : undefined;
  return session.endCause instanceof QmpProtocolError
    ? new QmpConnectError(path, 'garbage', `this is not QMP: ${session.endCause.message}`, options)
    : new QmpConnectError(path, 'ended', 'the connection ended before the session began', options);
}
