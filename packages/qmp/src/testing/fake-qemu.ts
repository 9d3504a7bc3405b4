import { createServer, type Server, type Socket } from 'node:net';
import type { QmpCommands } from '../commands.ts';
import type { QmpEvents } from '../events.ts';
import { LineSplitter } from '../line-splitter.ts';

/** A command as it came over the wire. */
export interface ReceivedCommand {
  readonly execute: string;
  readonly arguments?: Record<string, unknown>;
  readonly id?: unknown;
}

/** Thrown by a script to make the fake answer with QEMU's error. */
export class FakeQemuError extends Error {
  readonly class: string;
  constructor(desc: string, errorClass = 'GenericError') {
    super(desc);
    this.class = errorClass;
  }
}

/** The answer to a command: its return value; `noAnswer` keeps the caller waiting. A `FakeQemuError` is an error answer. */
export type CommandScript = (args: Record<string, unknown>) => unknown;
export const noAnswer = Symbol('no answer');

export interface FakeQemuOptions {
  readonly path: string;
  /** Default 7.2.0. */
  readonly version?: { readonly major: number; readonly minor: number; readonly micro: number };
  /** Says nothing when a client connects, like a QEMU that hangs. */
  readonly silent?: boolean;
  /** Sends everything in pieces of this many bytes. Default: as it comes. */
  readonly pieceBytes?: number;
}

/**
 * A QMP server without a QEMU behind it. It negotiates as QEMU does, refuses commands before that, serves one client at a time
 * (a second one gets no greeting until the first has left), and answers commands by script: unknown ones are
 * `CommandNotFound`, as in QEMU.
 *
 *     const qemu = await FakeQemu.listen({ path });
 *     qemu.on('query-status', () => ({ running: true, status: 'running' }));
 *     qemu.on('stop', () => { qemu.emit('STOP', {}); return {}; });
 */
export class FakeQemu {
  /** Every command after the negotiation, in order. */
  readonly received: ReceivedCommand[] = [];
  readonly #options: FakeQemuOptions;
  readonly #scripts = new Map<string, CommandScript>();
  readonly #server: Server;
  #client: Socket | null = null;
  #negotiated = false;
  #waiting: Socket[] = [];

  private constructor(options: FakeQemuOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async listen(options: FakeQemuOptions): Promise<FakeQemu> {
    const fake = new FakeQemu(options);
    await new Promise<void>((resolve, reject) => {
      fake.#server.once('error', reject);
      fake.#server.listen(options.path, resolve);
    });
    return fake;
  }

  /** Sets how a command is answered. The last script given for a name counts. */
  on<Name extends keyof QmpCommands>(
    name: Name,
    script: (
      args: NonNullable<QmpCommands[Name]['arguments']>,
    ) => QmpCommands[Name]['return'] | typeof noAnswer,
  ): this {
    return this.onRaw(name, script as CommandScript);
  }

  onRaw(name: string, script: CommandScript): this {
    this.#scripts.set(name, script);
    return this;
  }

  emit<Name extends keyof QmpEvents>(event: Name, data: QmpEvents[Name]): void {
    const now = Date.now();
    const timestamp = { seconds: Math.floor(now / 1000), microseconds: (now % 1000) * 1000 };
    this.#send({ event, data, timestamp });
  }

  /** Any bytes at all: for what QEMU never sends. */
  sendRaw(bytes: Buffer | string): void {
    this.#write(Buffer.from(bytes));
  }

  /** How often a command has come. */
  count(name: string): number {
    return this.received.filter(({ execute }) => execute === name).length;
  }

  /** Drops the client, as a QEMU does that dies; keeps listening. */
  disconnect(): void {
    this.#client?.destroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#waiting) socket.destroy();
    this.#client?.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    socket.on('error', () => undefined);
    socket.on('close', () => this.#left(socket));
    if (this.#client) this.#waiting.push(socket);
    else this.#serve(socket);
  }

  #serve(socket: Socket): void {
    this.#client = socket;
    this.#negotiated = false;
    const splitter = new LineSplitter(Number.MAX_SAFE_INTEGER);
    socket.on('data', (chunk: Buffer) => {
      for (const line of splitter.push(chunk)) this.#answer(JSON.parse(line) as ReceivedCommand);
    });
    const qemu = this.#options.version ?? { major: 7, minor: 2, micro: 0 };
    if (!this.#options.silent) this.#send({ QMP: { version: { qemu, package: '' }, capabilities: ['oob'] } });
  }

  #left(socket: Socket): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting !== socket);
    if (socket !== this.#client) return;
    this.#client = null;
    const next = this.#waiting.shift();
    if (next) this.#serve(next);
  }

  #answer(command: ReceivedCommand): void {
    const { execute, id } = command;
    const script = this.#scripts.get(execute);
    if (!this.#negotiated && execute !== 'qmp_capabilities') {
      const desc = `Expecting capabilities negotiation with 'qmp_capabilities'`;
      this.#send({ id, error: { class: 'CommandNotFound', desc } });
      return;
    }
    if (execute === 'qmp_capabilities' && !script) {
      this.#negotiated = true;
      this.#send({ id, return: {} });
      return;
    }
    this.received.push(command);
    const desc = `The command ${execute} has not been found`;
    if (script) this.#run(script, command);
    else this.#send({ id, error: { class: 'CommandNotFound', desc } });
  }

  #run(script: CommandScript, { id, arguments: args }: ReceivedCommand): void {
    try {
      const value = script(args ?? {});
      if (value !== noAnswer) this.#send({ return: value, id });
    } catch (error) {
      if (!(error instanceof FakeQemuError)) throw error;
      this.#send({ id, error: { class: error.class, desc: error.message } });
    }
  }

  #send(message: unknown): void {
    this.#write(Buffer.from(`${JSON.stringify(message)}\r\n`));
  }

  #write(bytes: Buffer): void {
    const piece = this.#options.pieceBytes ?? bytes.length;
    for (let at = 0; at < bytes.length; at += piece) this.#client?.write(bytes.subarray(at, at + piece));
  }
}
