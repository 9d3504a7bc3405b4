import type { Operation, SnapshotSchedule } from '@strata/contract';
import { AppError } from '../../../app-error.ts';

export type Outcome = Omit<NonNullable<SnapshotSchedule['last']>, 'at'>;

export const skipped = (detail: string): Outcome => ({ outcome: 'skipped', detail, operationId: null });

/** What passes by itself is no failure. */
const passing = new Set<string>(['operation-running', 'vm-busy', 'vm-suspended', 'plan-stale']);
export const isPassing = (error: unknown): boolean => error instanceof AppError && passing.has(error.code);

export const outcomeOfError = (error: unknown): Outcome => ({
  outcome: isPassing(error) ? 'skipped' : 'failed',
  detail: error instanceof Error ? error.message : String(error),
  operationId: null,
});

/** Of an operation that has ended. */
export const outcomeOf = ({ id, state, error }: Operation, done: string): Outcome => {
  if (state === 'done') return { outcome: 'taken', detail: done, operationId: id };
  const words = error?.message ?? (state === 'cancelled' ? 'It was cancelled.' : 'It did not end.');
  return { outcome: 'failed', detail: words, operationId: id };
};

/** What is told of both: that an older one stays for now changes nothing about the new one, a failure is told as one. */
export const together = (taken: Outcome, thinned: Outcome | null): Outcome => {
  if (thinned === null) return taken;
  const leading = thinned.outcome === 'failed' && taken.outcome !== 'failed' ? thinned : taken;
  return { ...leading, detail: `${taken.detail} ${thinned.detail}` };
};
