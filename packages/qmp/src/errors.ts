/** Every error of this package; `cause` holds what lay under it. */
export class QmpError extends Error {
  override readonly name: string = 'QmpError';
}

/** QEMU understood the command and said no. Nothing is wrong with the connection. */
export class QmpCommandError extends QmpError {
  override readonly name = 'QmpCommandError';
  readonly command: string;
  /** `GenericError` in nearly all cases; `CommandNotFound`, `DeviceNotFound`, `DeviceNotActive`, `KVMMissingCap`. */
  readonly class: string;
  /** QEMU's own words. */
  readonly desc: string;

  constructor(command: string, errorClass: string, desc: string) {
    super(`${command}: ${desc}`);
    this.command = command;
    this.class = errorClass;
    this.desc = desc;
  }
}

/** No answer in time. Whether the command was, or still will be, carried out is unknown: ask QEMU. */
export class QmpTimeoutError extends QmpError {
  override readonly name = 'QmpTimeoutError';
  readonly command: string;
  readonly timeoutMs: number;

  constructor(command: string, timeoutMs: number) {
    super(`${command}: no answer within ${timeoutMs} ms; it may still take effect`);
    this.command = command;
    this.timeoutMs = timeoutMs;
  }
}

/** The connection ended before the answer came (or before the command could be sent). The outcome is unknown. */
export class QmpInterruptedError extends QmpError {
  override readonly name = 'QmpInterruptedError';
  readonly command: string;

  constructor(command: string, options?: { cause: unknown }) {
    super(`${command}: the connection to QEMU ended before it answered`, options);
    this.command = command;
  }
}

/** The peer does not speak QMP, or a message is larger than the limit. The connection is closed. */
export class QmpProtocolError extends QmpError {
  override readonly name = 'QmpProtocolError';
}

/**
 * `unreachable`: nobody listens. `no-greeting`: somebody listens and says nothing; QEMU serves one client per socket, a second
 * one is accepted by the kernel and then waits. `ended`: closed before the session was negotiated. `refused`: the capabilities
 * were not accepted. `garbage`: what came is not QMP.
 */
export type QmpConnectFailure = 'unreachable' | 'no-greeting' | 'ended' | 'refused' | 'garbage';

/** No session came about. */
export class QmpConnectError extends QmpError {
  override readonly name = 'QmpConnectError';
  readonly path: string;
  readonly reason: QmpConnectFailure;

  constructor(path: string, reason: QmpConnectFailure, words: string, options?: { cause: unknown }) {
    super(`${path}: ${words}`, options);
    this.path = path;
    this.reason = reason;
  }
}
