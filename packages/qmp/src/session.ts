import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { QmpClient, QmpEvent } from './client.types.ts';
import type { QmpCommands } from './commands.ts';
import { QmpCommandError, QmpInterruptedError, QmpProtocolError, QmpTimeoutError } from './errors.ts';
import type { QmpEvents } from './events.ts';
import { LineSplitter } from './line-splitter.ts';
import { parseMessage, type QmpMessage, type QmpVersion } from './messages.ts';

interface Pending {
  readonly command: string;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

type Listener = (event: QmpEvent) => void;

/** One connection, from the first byte to the last. `connectQmp` makes and negotiates it. */
export class QmpSession implements QmpClient {
  readonly closed: Promise<void>;
  /** Settles with the greeting; stays pending when none comes. */
  readonly greeting: Promise<QmpVersion>;
  version: QmpVersion = { major: 0, minor: 0, micro: 0, text: '0.0.0' };

  readonly #socket: Socket;
  readonly #splitter: LineSplitter;
  readonly #commandTimeoutMs: number;
  readonly #pending = new Map<string, Pending>();
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #anyListeners = new Set<Listener>();
  // QEMU finishes a command whose client has left and sends the answer to whoever is connected then, so ids must
  // not repeat from one session to the next.
  readonly #idPrefix = randomBytes(6).toString('hex');
  #nextId = 1;
  #open = true;
  #endCause: Error | null = null;
  #greeted: (version: QmpVersion) => void = () => undefined;
  #ended: () => void = () => undefined;

  constructor(socket: Socket, options: { commandTimeoutMs: number; lineLimit: number }) {
    this.#socket = socket;
    this.#splitter = new LineSplitter(options.lineLimit);
    this.#commandTimeoutMs = options.commandTimeoutMs;
    this.greeting = new Promise((resolve) => {
      this.#greeted = resolve;
    });
    this.closed = new Promise((resolve) => {
      this.#ended = resolve;
    });
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(null));
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Why the connection ended, when it was not simply closed. */
  get endCause(): Error | null {
    return this.#endCause;
  }

  execute<Name extends keyof QmpCommands>(
    name: Name,
    ...[args, options]: [args?: QmpCommands[Name]['arguments'], options?: { timeoutMs?: number }]
  ): Promise<QmpCommands[Name]['return']> {
    // The map of commands is checked against QEMU's own schema by a test; the wire is trusted to follow it.
    return this.executeRaw(name, args as Record<string, unknown> | undefined, options) as Promise<
      QmpCommands[Name]['return']
    >;
  }

  executeRaw(
    name: string,
    args?: Record<string, unknown>,
    options: { timeoutMs?: number } = {},
  ): Promise<unknown> {
    if (!this.#open) return Promise.reject(this.#interrupted(name));
    const id = `${this.#idPrefix}-${this.#nextId++}`;
    const timeoutMs = options.timeoutMs ?? this.#commandTimeoutMs;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new QmpTimeoutError(name, timeoutMs));
      }, timeoutMs);
      this.#pending.set(id, {
        command: name,
        resolve: (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.#socket.write(`${JSON.stringify({ execute: name, ...(args && { arguments: args }), id })}\n`);
    });
  }

  on<Name extends keyof QmpEvents>(name: Name, listener: (event: QmpEvent<Name>) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set<Listener>();
    this.#listeners.set(name, listeners);
    // A wrapper of its own, so that registering a function twice calls it twice and each `off` removes one.
    const entry: Listener = (event) => listener(event as QmpEvent<Name>);
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  onAny(listener: (event: QmpEvent) => void): () => void {
    const entry: Listener = (event) => listener(event);
    this.#anyListeners.add(entry);
    return () => void this.#anyListeners.delete(entry);
  }

  close(): void {
    this.#end(null);
  }

  #receive(chunk: Buffer): void {
    try {
      for (const line of this.#splitter.push(chunk)) {
        // A listener may have closed the session: what follows in the chunk is nobody's any more.
        if (!this.#open) return;
        if (line.trim() !== '') this.#dispatch(parseMessage(line));
      }
    } catch (error) {
      this.#end(error instanceof Error ? error : new QmpProtocolError(String(error)));
    }
  }

  #dispatch(message: QmpMessage): void {
    if (message.kind === 'greeting') {
      this.version = message.version;
      this.#greeted(message.version);
    } else if (message.kind === 'event') {
      this.#deliver({ event: message.event, data: message.data, at: message.at });
    } else {
      this.#settle(message);
    }
  }

  #settle(message: Extract<QmpMessage, { kind: 'return' | 'error' }>): void {
    if (typeof message.id !== 'string') {
      // QEMU leaves the id out only when it could not read what we sent.
      const words = message.kind === 'error' ? message.desc : 'an answer to no command';
      throw new QmpProtocolError(`QEMU answered without an id: ${words}`);
    }
    const pending = this.#pending.get(message.id);
    // Unknown: the late answer to a command that timed out, or to one of the client before us.
    if (!pending) return;
    this.#pending.delete(message.id);
    if (message.kind === 'return') pending.resolve(message.value);
    else pending.reject(new QmpCommandError(pending.command, message.class, message.desc));
  }

  #deliver(event: QmpEvent): void {
    for (const listener of [...(this.#listeners.get(event.event) ?? []), ...this.#anyListeners]) {
      try {
        listener(event);
      } catch (error) {
        // As an EventTarget does: the others are still told, and the mistake is not swallowed.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #interrupted(command: string): QmpInterruptedError {
    return new QmpInterruptedError(command, this.#endCause ? { cause: this.#endCause } : undefined);
  }

  #end(cause: Error | null): void {
    if (!this.#open) return;
    this.#open = false;
    this.#endCause = cause;
    this.#socket.destroy();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { command, reject } of pending) reject(this.#interrupted(command));
    this.#ended();
  }
}
