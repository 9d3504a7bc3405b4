import { basename } from 'node:path';
import {
  QmpCommandError,
  QmpConnectError,
  QmpInterruptedError,
  QmpProtocolError,
  QmpTimeoutError,
} from '@strata/qmp';
import { ExecaError } from 'execa';
import { AppError } from '../app-error.ts';
import { toolInstallHint } from './capabilities.ts';

/** What was being done, as the beginning of a sentence: "Creating /x/y.qcow2". */
type Doing = string;

interface KnownCase {
  readonly words: RegExp;
  error(doing: Doing, qemu: string, cause: unknown): AppError;
}

/** The file QEMU talks about, from the forms in which it names one. */
const fileIn = (text: string): string | null =>
  /using the image \[([^\]]+)\]/.exec(text)?.[1] ?? /Could not open '([^']+)'/.exec(text)?.[1] ?? null;

const knownCases: readonly KnownCase[] = [
  {
    // 'Failed to get "write" lock' and 'Failed to get shared "write" lock', then 'Is another process using the image [F]?'
    words: /Failed to get (shared )?"[^"]+" lock/,
    error: (doing, qemu, cause) =>
      new AppError(
        'image-locked',
        `${doing} failed: another program uses ${fileIn(qemu) ?? 'one of the images'}. Close it there and try again.`,
        { stderr: qemu },
        { cause },
      ),
  },
  {
    words: /No space left on device|Disk quota exceeded|File too large/,
    error: (doing, qemu, cause) =>
      new AppError('disk-full', `${doing} failed: there is not enough space.`, { stderr: qemu }, { cause }),
  },
  {
    words: /Cannot allocate memory/,
    error: (doing, qemu, cause) =>
      new AppError('out-of-memory', `${doing} failed: not enough memory.`, { stderr: qemu }, { cause }),
  },
  {
    words: /Could not open .*: (No such file or directory|Permission denied)|Image is not in .* format/,
    error: (doing, qemu, cause) =>
      new AppError(
        'image-unreadable',
        `${doing} failed: ${fileIn(qemu) ?? 'an image'} cannot be read.`,
        { stderr: qemu },
        { cause },
      ),
  },
];

/** From QEMU's own words: on stderr, in a command error, in the error of a job. */
export function refusalFrom(doing: Doing, qemu: string, cause?: unknown): AppError {
  const text = qemu.trim();
  const known = knownCases.find(({ words }) => words.test(text));
  if (known) return known.error(doing, text, cause);
  const detail = text === '' ? `${doing} failed, and QEMU did not say why.` : `${doing} failed: ${text}`;
  return new AppError('qemu-refused', detail, { stderr: text }, { cause });
}

/** Errors of QMP, of child processes and of the file system become an `AppError` here, and only here. */
export function toAppError(doing: Doing, error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof QmpCommandError) return refusalFrom(doing, error.desc, error);
  if (error instanceof ExecaError) return fromProcess(doing, error);
  if (isConnectionError(error))
    return new AppError('qemu-unresponsive', `${doing}: QEMU does not answer.`, {}, { cause: error });
  return fromSystem(doing, error);
}

const isConnectionError = (error: unknown): boolean =>
  error instanceof QmpTimeoutError ||
  error instanceof QmpInterruptedError ||
  error instanceof QmpConnectError ||
  error instanceof QmpProtocolError;

function fromProcess(doing: Doing, error: ExecaError): AppError {
  const program = error.command.split(' ')[0] ?? 'A program';
  if (error.code === 'ENOENT')
    return new AppError(
      'tool-missing',
      `${doing} failed: ${program} is not installed.${toolInstallHint(basename(program))}`,
      {},
      { cause: error },
    );
  if (error.timedOut)
    return new AppError('qemu-unresponsive', `${doing} took too long and was ended.`, {}, { cause: error });
  if (error.isMaxBuffer)
    return new AppError(
      'image-refused',
      `${doing} gave far more output than it should.`,
      {},
      { cause: error },
    );
  const words = typeof error.stderr === 'string' ? error.stderr : '';
  // Under prlimit a memory or processor limit ends the tool by a signal and leaves no words.
  if (words.trim() === '' && error.signal !== undefined)
    return new AppError(
      'qemu-refused',
      `${doing} was ended by ${error.signal}: it needed more than it may have, or somebody ended it.`,
      {},
      { cause: error },
    );
  return refusalFrom(doing, words, error);
}

function fromSystem(doing: Doing, error: unknown): AppError {
  const options = { cause: error };
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return new AppError('disk-full', `${doing} failed: there is not enough space.`, {}, options);
  if (code === 'EEXIST')
    return new AppError('image-exists', `${doing} failed: the file exists already.`, {}, options);
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new AppError('image-unreadable', `${doing} failed: there is no such file.`, {}, options);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new AppError('read-only', `${doing} failed: Strata may not write there.`, {}, options);
  const words = error instanceof Error ? error.message : String(error);
  return new AppError('internal-error', `${doing} failed: ${words}`, {}, options);
}

/** Runs something of `qemu/` so that only an `AppError` leaves it. */
export async function inWords<T>(doing: Doing, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toAppError(doing, error);
  }
}
