import { createConnection, type Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { readLogEnd, rotate } from '../../qemu/bounded-log.ts';
import { toBuffer } from './bridge.ts';
import { joinHistory, SerialHistory } from './serial-history.ts';

export const serialLimits = {
  /** What a new viewer is shown of the past. */
  replay: 256 * 1024,
  /** QEMU's log of a port is shortened when it is longer than this. */
  log: 1024 ** 2,
  /** A viewer that lags behind this much misses a part, and is told how much. */
  lag: 1024 ** 2,
  /** How long the line is listened to before log and line are joined. */
  settleMs: 50,
} as const;

/** Somebody who looks at a serial port. Nobody's slowness holds the guest: it misses bytes instead. */
class Viewer {
  readonly #socket: WebSocket;
  #missed = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  show(bytes: Buffer): void {
    if (this.#socket.bufferedAmount > serialLimits.lag) {
      this.#missed += bytes.length;
      return;
    }
    if (this.#missed > 0) {
      this.#socket.send(Buffer.from(`\r\n[${this.#missed} bytes left out: this page was too slow]\r\n`), {
        binary: true,
      });
      this.#missed = 0;
    }
    this.#socket.send(bytes, { binary: true });
  }
}

/**
 * The server's end of one serial port. QEMU's socket takes one client: that is us, for as long as the VM runs, and
 * every page is served from here. QEMU itself keeps a log, so that nothing is lost while no server is there.
 */
export class SerialLine {
  readonly #log: string;
  readonly #history = new SerialHistory(serialLimits.replay);
  readonly #viewers = new Map<WebSocket, Viewer>();
  readonly #line: Socket;
  /** Until log and line are joined: what the line has brought. */
  #early: Buffer[] | null = [];
  #sinceRotation = 0;

  constructor(socketPath: string, log: string) {
    this.#log = log;
    this.#line = createConnection({ path: socketPath });
    this.#line.on('connect', () => setTimeout(() => this.#settle(), serialLimits.settleMs));
    this.#line.on('data', (bytes) => this.#take(bytes));
    this.#line.on('error', () => this.#line.destroy());
    this.#line.on('close', () => {
      this.#settle();
      for (const socket of this.#viewers.keys()) {
        socket.resume();
        socket.close(1000, 'the VM ended');
      }
    });
    this.#line.on('drain', () => {
      for (const socket of this.#viewers.keys()) socket.resume();
    });
  }

  /** Shows the past, then what comes; takes what is typed. */
  join(socket: WebSocket): void {
    const viewer = new Viewer(socket);
    this.#viewers.set(socket, viewer);
    if (this.#early === null) viewer.show(this.#history.end());
    socket.on('message', (data) => {
      if (this.#line.writable && !this.#line.write(toBuffer(data))) socket.pause();
    });
    socket.on('close', () => this.#viewers.delete(socket));
  }

  close(): void {
    this.#line.destroy();
  }

  #settle(): void {
    if (this.#early === null) return;
    const { bytes: log } = readLogEnd(this.#log, serialLimits.replay);
    const joined = joinHistory(log, Buffer.concat(this.#early));
    this.#early = null;
    this.#history.push(joined);
    this.#sinceRotation = serialLimits.log / 2;
    for (const viewer of this.#viewers.values()) viewer.show(joined);
  }

  #take(bytes: Buffer): void {
    if (this.#early !== null) {
      this.#early.push(bytes);
      return;
    }
    this.#history.push(bytes);
    for (const viewer of this.#viewers.values()) viewer.show(bytes);
    this.#sinceRotation += bytes.length;
    if (this.#sinceRotation > serialLimits.log) this.#rotate();
  }

  #rotate(): void {
    this.#sinceRotation = 0;
    try {
      rotate(this.#log, serialLimits.log);
    } catch {
      // A full disk: the line goes on without its log.
    }
  }
}
