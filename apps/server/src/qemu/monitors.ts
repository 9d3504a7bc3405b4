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

/**
 * Connects to a QEMU that was found alive and makes sure that it is this machine. Every step has a limit: the process
 * may be stopped, on its way out, or serving another client.
 */
export const reachMachine = async (place: {
  readonly uuid: string;
  readonly control: string;
  readonly tools: string;
}): Promise<{ monitors: Monitors; paused: boolean }> => {
  const monitors = await connectMonitors(place);
  try {
    const { UUID } = await monitors.control.execute('query-uuid', undefined, {
      timeoutMs: greetingTimeoutMs,
    });
    if (UUID.toLowerCase() !== place.uuid.toLowerCase())
      throw new AppError('qemu-unresponsive', `Another machine (${UUID}) answers on ${place.control}.`);
    const { status } = await monitors.control.execute('query-status', undefined, {
      timeoutMs: greetingTimeoutMs,
    });
    return { monitors, paused: status !== 'running' };
  } catch (error) {
    monitors.control.close();
    monitors.tools.close();
    throw error;
  }
};

/** Asks QEMU to end, which writes out what it holds in memory. False when it did not answer in time. */
export const askToQuit = async (control: QmpClient, timeoutMs: number): Promise<boolean> => {
  try {
    await control.execute('quit', undefined, { timeoutMs });
    return true;
  } catch (error) {
    // The connection may end before the answer; the process is what counts.
    return !(error instanceof QmpTimeoutError);
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
