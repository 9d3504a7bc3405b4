import { createConnection, type Socket } from 'node:net';

/*
 * The guest agent's protocol: a line of JSON for each command and each answer, over the socket of its channel. It knows
 * no sessions: what a former client was answered may still lie in the channel. So every command is sent behind a
 * "delimited" synchronization, whose answer carries our number and is preceded by a byte that no JSON has; whatever
 * came before that is thrown away.
 */

const delimiter = 0xff;
const newline = 0x0a;
/** What the guest says is not trusted: an answer without an end is cut off. */
const longestAnswer = 4 * 1024 ** 2;

/** `silent`: no answer in time, and it may still carry the command out. `gone`: nobody is at the other end any more. */
export type AgentFailure = 'unreachable' | 'silent' | 'refused' | 'gone';

export class AgentError extends Error {
  readonly kind: AgentFailure;
  constructor(kind: AgentFailure, message: string) {
    super(message);
    this.name = 'AgentError';
    this.kind = kind;
  }
}

export interface AgentSession {
  /** What follows `return`. Throws `AgentError`. One at a time: the next waits for the one before. */
  execute(command: string, timeoutMs: number): Promise<unknown>;
  close(): void;
}

interface Waiting {
  readonly sync: number;
  synced: boolean;
  answer(message: Record<string, unknown>): void;
  fail(error: AgentError): void;
}

const parsed = (line: Buffer): Record<string, unknown> | null => {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
};

const refusalOf = (message: Record<string, unknown>): string | null => {
  if (!('error' in message)) return null;
  const { error } = message;
  const desc = typeof error === 'object' && error !== null && 'desc' in error ? error.desc : error;
  return String(desc).slice(0, 500);
};

let lastSync = Math.floor(Math.random() * 2 ** 24);

class Session implements AgentSession {
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #waiting: Waiting | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #end: AgentError | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () =>
      this.#finish(new AgentError('gone', 'the channel of the guest agent was closed')),
    );
  }

  execute(command: string, timeoutMs: number): Promise<unknown> {
    const turn = this.#turn.then(() => this.#ask(command, timeoutMs));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  close(): void {
    this.#socket.destroy();
  }

  #ask(command: string, timeoutMs: number): Promise<unknown> {
    if (this.#end !== null) return Promise.reject(this.#end);
    lastSync += 1;
    const sync = lastSync;
    return new Promise((resolve, reject) => {
      const silence = () =>
        this.#settle()?.fail(
          new AgentError('silent', `the guest agent did not answer within ${timeoutMs / 1000} s`),
        );
      const timer = setTimeout(silence, timeoutMs);
      const done = (): void => clearTimeout(timer);
      this.#waiting = {
        ...{ sync, synced: false },
        answer: (message) => {
          done();
          const refusal = refusalOf(message);
          if (refusal === null) resolve(message.return);
          else reject(new AgentError('refused', `the guest agent refused ${command}: ${refusal}`));
        },
        fail: (error) => {
          done();
          reject(error);
        },
      };
      const first = JSON.stringify({ execute: 'guest-sync-delimited', arguments: { id: sync } });
      const lines = `${first}\n${JSON.stringify({ execute: command })}\n`;
      this.#socket.write(Buffer.concat([Buffer.of(delimiter), Buffer.from(lines)]));
    });
  }

  #settle(): Waiting | null {
    const waiting = this.#waiting;
    this.#waiting = null;
    return waiting;
  }

  #take(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (let end = this.#rest.indexOf(newline); end >= 0; end = this.#rest.indexOf(newline)) {
      const line = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end + 1);
      this.#read(line);
    }
    if (this.#rest.length > longestAnswer) this.#socket.destroy();
  }

  #read(line: Buffer): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    const start = line.lastIndexOf(delimiter);
    const message = parsed(line.subarray(start + 1));
    if (start >= 0) waiting.synced = message?.return === waiting.sync;
    else if (waiting.synced && message !== null) this.#settle()?.answer(message);
  }

  #finish(error: AgentError): void {
    this.#end = error;
    this.#settle()?.fail(error);
  }
}

/** Connects to the agent's channel. That QEMU takes the connection does not say that anybody listens in the guest. */
export const openAgent = (path: string): Promise<AgentSession> =>
  new Promise((resolve, reject) => {
    const socket = createConnection({ path });
    const failed = (): void =>
      reject(new AgentError('unreachable', 'the channel of the guest agent is closed'));
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      resolve(new Session(socket));
    });
  });
