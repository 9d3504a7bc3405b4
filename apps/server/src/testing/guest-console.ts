import { createConnection } from 'node:net';
import type { WebSocket } from 'ws';

/** What the guest's serial port hangs on. */
interface Line {
  send(text: string): void;
  onData(listener: (bytes: Buffer) => void): void;
  close(): void;
}

const usualWaitMs = 60_000;
/** Over all consoles: the server replays old answers to a new one. */
let commands = 0;

/** Talks with the test guest (linux-guest-init.ts): sends a command, awaits its answer, whatever else is printed. */
export class GuestConsole {
  #text = '';
  #wakers = new Set<() => void>();
  readonly #line: Line;

  constructor(line: Line) {
    this.#line = line;
    line.onData((bytes) => {
      this.#text += bytes.toString('latin1');
      for (const wake of this.#wakers) wake();
    });
  }

  /** All that was printed since this console was opened. */
  get text(): string {
    return this.#text;
  }

  /** Waits until something has been printed; only what comes after `from` (a length of `text`) counts. */
  async expect(pattern: RegExp, waitMs = usualWaitMs, from = 0): Promise<RegExpExecArray> {
    const until = performance.now() + waitMs;
    for (;;) {
      const match = pattern.exec(this.#text.slice(from));
      if (match !== null) return match;
      const left = until - performance.now();
      if (left <= 0)
        throw new Error(`The guest did not print ${pattern}. It printed: ${this.#text.slice(-2000)}`);
      await this.#more(left);
    }
  }

  /** `READY` after a boot; `from` skips an earlier one. */
  async ready(waitMs = usualWaitMs, from = 0): Promise<void> {
    await this.expect(/READY\r?\n/, waitMs, from);
  }

  /** Sends a command and gives what follows `ok`. Throws when the guest answers anything else. */
  async command(words: string, waitMs = usualWaitMs): Promise<string> {
    const tag = `${process.pid}.${++commands}`;
    this.#line.send(`#${tag} ${words}\n`);
    const [, answer = ''] = await this.expect(
      new RegExp(`@${tag.replace('.', '\\.')} ([\\s\\S]*?)\\r?\\n`),
      waitMs,
    );
    const good = /^ok ?([\s\S]*)$/.exec(answer);
    if (good === null) throw new Error(`The guest answered "${words}" with: ${answer}`);
    return (good[1] ?? '').trim();
  }

  /** For commands that are not answered: `poweroff`, `reboot`, `panic`. */
  tell(words: string): void {
    this.#line.send(`#0 ${words}\n`);
  }

  close(): void {
    this.#line.close();
  }

  #more(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#wakers.delete(done);
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      this.#wakers.add(done);
    });
  }
}

/** Straight on QEMU's socket: for a QEMU that no server of ours holds. */
export const openSerial = (socketPath: string): Promise<GuestConsole> =>
  new Promise((resolve, reject) => {
    const socket = createConnection({ path: socketPath });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.on('error', () => socket.destroy());
      resolve(
        new GuestConsole({
          send: (text) => void socket.write(text),
          onData: (listener) => void socket.on('data', listener),
          close: () => socket.destroy(),
        }),
      );
    });
  });

/** Over the server's `…/serial/0`. Made before the WebSocket is open, so that nothing is missed. */
export const guestOnWebSocket = (socket: WebSocket): GuestConsole =>
  new GuestConsole({
    send: (text) => socket.send(Buffer.from(text)),
    onData: (listener) => void socket.on('message', (data) => listener(data as Buffer)),
    close: () => socket.close(),
  });
