import type { QmpCommands } from './commands.ts';
import type { QmpEvents } from './events.ts';

export interface QmpEvent<Name extends string = string> {
  readonly event: Name;
  readonly data: Name extends keyof QmpEvents ? QmpEvents[Name] : Record<string, unknown>;
  /** Milliseconds since the epoch, by QEMU's clock. */
  readonly at: number;
}

/** One negotiated session on a QMP socket. */
export interface QmpClient {
  /** Sends one command and resolves with its return value. Throws `QmpCommandError`, `QmpTimeoutError`, `QmpInterruptedError`. */
  execute<Name extends keyof QmpCommands>(
    name: Name,
    ...args: undefined extends QmpCommands[Name]['arguments']
      ? [args?: QmpCommands[Name]['arguments'], options?: { timeoutMs?: number }]
      : [args: QmpCommands[Name]['arguments'], options?: { timeoutMs?: number }]
  ): Promise<QmpCommands[Name]['return']>;
  /** For a command that the typed map does not have. */
  executeRaw(
    name: string,
    args?: Record<string, unknown>,
    options?: { timeoutMs?: number },
  ): Promise<unknown>;
  on<Name extends keyof QmpEvents>(name: Name, listener: (event: QmpEvent<Name>) => void): () => void;
  onAny(listener: (event: QmpEvent) => void): () => void;
  /** QEMU's version from the greeting. */
  readonly version: {
    readonly major: number;
    readonly minor: number;
    readonly micro: number;
    readonly text: string;
  };
  /** Resolves when the connection has ended, for whatever reason; never rejects. */
  readonly closed: Promise<void>;
  readonly isOpen: boolean;
  /** Ends the connection; QEMU goes on. */
  close(): void;
}
