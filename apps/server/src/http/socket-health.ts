import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { WebSocket } from 'ws';

export interface SocketHealthLimits {
  readonly pingMilliseconds: number;
  readonly missedPings: number;
  /** What may wait in memory for one reader. */
  readonly mostBuffered: number;
  /** How long a reader may take nothing at all while something waits for it. */
  readonly stallMilliseconds: number;
}

export const socketHealthLimits: SocketHealthLimits = {
  pingMilliseconds: 20_000,
  missedPings: 2,
  mostBuffered: 16 * 1024 ** 2,
  stallMilliseconds: 30_000,
};

export const slowReaderCode = 4408;

/** Bytes that have left for the kernel: Node's `bytesWritten` counts the waiting ones as well. */
const drained = (raw: Socket): number => raw.bytesWritten - raw.writableLength;

/** A close frame waits behind what the reader does not take, so a stalled socket is cut soon after. */
const closeSlow = (socket: WebSocket): void => {
  socket.close(slowReaderCode, 'slow reader');
  setTimeout(() => socket.terminate(), 1000).unref();
};

/** Drops a peer that is gone (no pong) or does not read (memory of the server must not grow for it). */
export const watchSocket = (
  socket: WebSocket,
  raw: Socket,
  limits: SocketHealthLimits = socketHealthLimits,
): void => {
  let missed = 0;
  let taken = drained(raw);
  let takenAt = performance.now();

  const check = (): void => {
    if (socket.bufferedAmount === 0 || drained(raw) > taken) {
      taken = drained(raw);
      takenAt = performance.now();
    }
    const stalled = performance.now() - takenAt > limits.stallMilliseconds;
    if (!stalled && socket.bufferedAmount <= limits.mostBuffered) return;
    clearInterval(checks);
    closeSlow(socket);
  };
  const ping = (): void => {
    missed += 1;
    if (missed > limits.missedPings) socket.terminate();
    else socket.ping();
  };

  const checks = setInterval(check, Math.min(500, limits.stallMilliseconds / 2));
  const pings = setInterval(ping, limits.pingMilliseconds);
  socket.on('pong', () => {
    missed = 0;
  });
  socket.once('close', () => {
    clearInterval(checks);
    clearInterval(pings);
  });
};
