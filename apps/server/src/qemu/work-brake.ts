import { existsSync, readFileSync } from 'node:fs';
import type { BlockJobControls } from './block-jobs.types.ts';
import { findProgram } from './capabilities.ts';

/*
 * Pause and speed limit for work that no block job does. A tool of ours is stopped and continued by the kernel (SIGSTOP,
 * SIGCONT): for as long as it is paused, and as often as it has read or written more than it may. It dies with the server,
 * stopped or not (`setpriv --pdeathsig`, limited-process.ts).
 */

export interface HeldProcess {
  readonly pid: number;
  /** What it is once its wrappers have become it: before that it would not yet die with the server. */
  readonly program: string;
  readonly signal?: AbortSignal | undefined;
  /** It does nothing for a while: others may have its turn. */
  onStopped(): void;
}

export interface WorkBrake extends BlockJobControls {
  /** Holds a tool from its start on; to be called at its end. */
  hold(process: HeldProcess): () => void;
  /** For work in this process: these bytes were read; resolves when it may go on. Rejects when the signal is aborted. */
  pass(bytes: number, signal?: AbortSignal): Promise<void>;
}

/** Why nothing can be held on this system; null: it can. */
export const brakeRefusal = (): string | null => {
  if (findProgram('setpriv') === null)
    return 'This step cannot be paused or limited here: the program setpriv is missing (package util-linux).';
  return existsSync('/proc/self/io') ? null : 'This step cannot be paused or limited here: /proc is missing.';
};

interface Held extends HeldProcess {
  counted: number;
  isStopped: boolean;
}

/** A tool under a limit is looked at so often while it runs; what it does in between is what the limit is coarse by. */
const lookEveryMs = 2;
const lookForToolEveryMs = 10;
const mostMs = 250;

const readOf = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};

/** What a process has read or written, whichever is more: a copy does both with the same bytes. */
const movedBy = (pid: number): number => {
  const io = readOf(`/proc/${pid}/io`);
  return Math.max(
    ...['rchar', 'wchar'].map((name) => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(io)?.[1] ?? 0)),
  );
};

/** It may have ended a moment ago. */
const send = (pid: number, signal: 'SIGSTOP' | 'SIGCONT'): boolean => {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
};

const isItself = ({ pid, program }: HeldProcess): boolean =>
  readOf(`/proc/${pid}/cmdline`).split('\0')[0] === program;

export const workBrake = (): WorkBrake => {
  const held = new Set<Held>();
  const waiting = new Set<() => void>();
  let isPaused = false;
  let speed = 0;
  /** Bytes that were moved before they were allowed. */
  let debt = 0;
  let at = performance.now();
  let timer: NodeJS.Timeout | undefined;

  const count = (): void => {
    const now = performance.now();
    for (const tool of held) {
      const moved = movedBy(tool.pid);
      debt += Math.max(0, moved - tool.counted);
      tool.counted = Math.max(tool.counted, moved);
    }
    debt = speed === 0 ? 0 : Math.max(0, debt - (speed * (now - at)) / 1000);
    at = now;
  };
  const stop = (tool: Held): void => {
    if (tool.isStopped || !isItself(tool)) return;
    if (!send(tool.pid, 'SIGSTOP')) return;
    tool.isStopped = true;
    tool.onStopped();
  };
  const goOn = (tool: Held): void => {
    if (tool.isStopped) send(tool.pid, 'SIGCONT');
    tool.isStopped = false;
  };
  const waitMs = (): number | null => {
    const isHeld = isPaused || debt > 0;
    // A wrapper that has not become the tool yet is stopped a moment later.
    if (isHeld && [...held].some((tool) => !tool.isStopped)) return lookForToolEveryMs;
    if (isPaused || speed === 0) return null;
    if (debt > 0) return Math.min(mostMs, Math.ceil((debt / speed) * 1000));
    return held.size > 0 ? lookEveryMs : null;
  };
  const look = (): void => {
    clearTimeout(timer);
    count();
    const isHeld = isPaused || debt > 0;
    for (const tool of held) (isHeld ? stop : goOn)(tool);
    if (!isHeld) for (const wake of waiting) wake();
    const wait = waitMs();
    if (wait !== null) timer = setTimeout(look, wait);
  };
  const change = (set: () => void): Promise<void> => {
    // What was moved under the old limit is counted by the old limit.
    count();
    set();
    look();
    return Promise.resolve();
  };
  const untilFree = (signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const leave = (end: () => void) => () => {
        waiting.delete(wake);
        signal?.removeEventListener('abort', aborted);
        end();
      };
      const wake = leave(resolve);
      const aborted = leave(() => reject(signal?.reason));
      waiting.add(wake);
      signal?.addEventListener('abort', aborted);
    });

  return {
    pause: () =>
      change(() => {
        isPaused = true;
      }),
    resume: () =>
      change(() => {
        isPaused = false;
      }),
    setSpeed: (bytesPerSecond) =>
      change(() => {
        speed = bytesPerSecond;
      }),
    hold: (tool) => {
      const known: Held = { ...tool, counted: movedBy(tool.pid), isStopped: false };
      held.add(known);
      // What is to end must run for it.
      const cancel = (): void => {
        held.delete(known);
        goOn(known);
      };
      tool.signal?.addEventListener('abort', cancel);
      look();
      return () => {
        tool.signal?.removeEventListener('abort', cancel);
        held.delete(known);
      };
    },
    pass: async (bytes, signal) => {
      signal?.throwIfAborted();
      debt += bytes;
      look();
      while (isPaused || debt > 0) await untilFree(signal);
    },
  };
};
