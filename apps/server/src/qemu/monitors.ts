import {
  connectQmp,
  type QmpClient,
  QmpCommandError,
  QmpConnectError,
  QmpInterruptedError,
  QmpTimeoutError,
} from '@strata/qmp';
import { AppError } from '../app-error.ts';

/** The two sessions with one QEMU: `control` for power, state and screen, `tools` for block commands and jobs. */
export interface Monitors {
  readonly control: QmpClient;
  readonly tools: QmpClient;
}

const greetingTimeoutMs = 5_000;

export const connectMonitor = (path: string): Promise<QmpClient> => connectQmp({ path, greetingTimeoutMs });

export const connectMonitors = async (paths: { control: string; tools: string }): Promise<Monitors> => {
  const control = await connectMonitor(paths.control);
  try {
    return { control, tools: await connectMonitor(paths.tools) };
  } catch (error) {
    control.close();
    throw error;
  }
};

/** Whether anybody listens on a monitor's socket: then a QEMU lives that we do not know. */
export const isAnswered = async (path: string): Promise<boolean> => {
  try {
    (await connectQmp({ path, greetingTimeoutMs: 1_000 })).close();
    return true;
  } catch (error) {
    return error instanceof QmpConnectError && error.reason !== 'unreachable';
  }
};

/** Turns what a monitor throws into the errors of the contract. */
export const monitorError = (error: unknown, doing: string): AppError => {
  if (error instanceof AppError) return error;
  const cause = { cause: error };
  if (error instanceof QmpCommandError)
    return new AppError(
      'qemu-refused',
      `QEMU refused to ${doing}: ${error.desc}`,
      { stderr: error.desc },
      cause,
    );
  if (error instanceof QmpTimeoutError)
    return new AppError(
      'qemu-unresponsive',
      `QEMU did not answer when asked to ${doing}; it may still do it.`,
      {},
      cause,
    );
  if (error instanceof QmpInterruptedError)
    return new AppError('vm-not-running', `QEMU ended while it was asked to ${doing}.`, {}, cause);
  return new AppError('internal-error', `Could not ${doing}: ${String(error)}`, {}, cause);
};

/** Waits for a command; `doing` completes the sentence "QEMU refused to …". */
export const ask = async <Answer>(doing: string, answer: Promise<Answer>): Promise<Answer> => {
  try {
    return await answer;
  } catch (error) {
    throw monitorError(error, doing);
  }
};

/** QEMU's words when it refused a command; null when it was something else that went wrong. */
export const refusalOf = (error: unknown): string | null =>
  error instanceof AppError && error.code === 'qemu-refused' ? (error.extras.stderr ?? '') : null;
