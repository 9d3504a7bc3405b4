import type { Operation, OperationState } from '@strata/contract';
import { formatDuration } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';

const unfinished: readonly OperationState[] = ['queued', 'running', 'paused', 'finishing'];

export const isUnfinished = ({ state }: Pick<Operation, 'state'>): boolean => unfinished.includes(state);

/** 0 to 100; a total of nothing is done at once. Never 100 before the end. */
export function percentOf({ progress, state }: Pick<Operation, 'progress' | 'state'>): number {
  if (state === 'done') return 100;
  if (progress.total <= 0) return state === 'finishing' ? 99 : 0;
  const percent = Math.floor((progress.done / progress.total) * 100);
  return Math.min(Math.max(percent, 0), 99);
}

/** `3.1 of 5.0 GiB · 410 MiB/s · 5 s left`, with what is known of it. */
export function progressLine(operation: Pick<Operation, 'progress' | 'state' | 'pausedBecause'>): string {
  const { progress, state, pausedBecause } = operation;
  const parts: string[] = [];
  // What is finishing has nothing left to move: that it was nothing at all says nothing.
  if (progress.total > 0 && !(state === 'finishing' && progress.done === 0))
    parts.push(
      progress.unit === 'bytes'
        ? words.operations.progress(progress.done, progress.total)
        : words.operations.steps(progress.done, progress.total),
    );
  if (state === 'running') {
    if (progress.bytesPerSecond) parts.push(words.operations.speed(progress.bytesPerSecond));
    if (progress.etaSeconds !== null) parts.push(words.operations.left(formatDuration(progress.etaSeconds)));
  } else if (state === 'paused' && pausedBecause !== null) {
    parts.push(words.operations.pausedBecause[pausedBecause] ?? words.operations.pausedOther(pausedBecause));
  } else parts.push(words.operations.states[state]);
  return parts.join(' · ');
}

/** How long it took; null while it has not ended. */
export function durationOf({ startedAt, endedAt }: Pick<Operation, 'startedAt' | 'endedAt'>): string | null {
  if (startedAt === null || endedAt === null) return null;
  const milliseconds = Date.parse(endedAt) - Date.parse(startedAt);
  return milliseconds < 1000 ? `${Math.max(0, milliseconds)} ms` : formatDuration(milliseconds / 1000);
}

/** Why it cannot be paused now, or null. */
export function pauseReason({ state, cannotPause }: Pick<Operation, 'state' | 'cannotPause'>): string | null {
  if (state === 'finishing') return words.operations.finishingReason;
  return state === 'queued' ? words.operations.queuedReason : (cannotPause ?? null);
}
/** Why its speed cannot be limited now, or null. */
export const limitReason = ({ cannotLimit }: Pick<Operation, 'cannotLimit'>): string | null =>
  cannotLimit ?? null;
export function cancelReason({ state }: Pick<Operation, 'state'>): string | null {
  return state === 'finishing' ? words.operations.finishingReason : null;
}
