import type { Operation, OperationKind, OperationState } from '@strata/contract';
import type { OperationLocks, OperationSubject } from './operations.types.ts';

export type OperationStep = Operation['steps'][number];

/** An operation as it is written down, whole. */
export interface OperationRow {
  readonly id: string;
  readonly kind: OperationKind;
  readonly title: string;
  state: OperationState;
  readonly request: unknown;
  journal: unknown;
  readonly steps: OperationStep[];
  readonly subjects: readonly OperationSubject[];
  locks: OperationLocks;
  readonly unit: 'bytes' | 'steps';
  done: number;
  total: number;
  pausedBecause: string | null;
  readonly cancelNote: string | null;
  recovery: string | null;
  error: { code: string; message: string } | null;
  result: Record<string, unknown> | null;
  readonly createdAt: string;
  startedAt: string | null;
  endedAt: string | null;
}

/** The columns of table `operations`, JSON as text. */
export interface OperationRecord {
  id: string;
  kind: string;
  title: string;
  state: string;
  request: string;
  journal: string;
  steps: string;
  subjects: string;
  locks: string;
  unit: string;
  done: number;
  total: number;
  paused_because: string | null;
  cancel_note: string | null;
  recovery: string | null;
  error: string | null;
  result: string | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
}

const jsonOrNull = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));
const parseOrNull = <Value>(text: string | null): Value | null =>
  text === null ? null : (JSON.parse(text) as Value);

export const toRecord = (row: OperationRow): OperationRecord => ({
  id: row.id,
  kind: row.kind,
  title: row.title,
  state: row.state,
  request: JSON.stringify(row.request),
  journal: JSON.stringify(row.journal),
  steps: JSON.stringify(row.steps),
  subjects: JSON.stringify(row.subjects),
  locks: JSON.stringify(row.locks),
  unit: row.unit,
  done: row.done,
  total: row.total,
  paused_because: row.pausedBecause,
  cancel_note: row.cancelNote,
  recovery: row.recovery,
  error: jsonOrNull(row.error),
  result: jsonOrNull(row.result),
  created_at: row.createdAt,
  started_at: row.startedAt,
  ended_at: row.endedAt,
});

export const fromRecord = (record: OperationRecord): OperationRow => ({
  id: record.id,
  kind: record.kind as OperationKind,
  title: record.title,
  state: record.state as OperationState,
  request: JSON.parse(record.request),
  journal: JSON.parse(record.journal),
  steps: JSON.parse(record.steps) as OperationStep[],
  subjects: JSON.parse(record.subjects) as OperationSubject[],
  locks: JSON.parse(record.locks) as OperationLocks,
  unit: record.unit as 'bytes' | 'steps',
  done: record.done,
  total: record.total,
  pausedBecause: record.paused_because,
  cancelNote: record.cancel_note,
  recovery: record.recovery,
  error: parseOrNull(record.error),
  result: parseOrNull(record.result),
  createdAt: record.created_at,
  startedAt: record.started_at,
  endedAt: record.ended_at,
});

const endStates: readonly OperationState[] = ['done', 'failed', 'cancelled'];
export const hasEnded = (row: { readonly state: OperationState }): boolean => endStates.includes(row.state);

/** Operations on chains carry their plan; whoever moves no data has none. */
const movesOf = (request: unknown): Pick<Operation, 'moves'> => {
  const { plan } = (request ?? {}) as { plan?: { moves?: NonNullable<Operation['moves']> } };
  if (plan?.moves === undefined || plan.moves.length === 0) return {};
  return { moves: plan.moves.map(({ from, to }) => ({ from, to })) };
};

/** What the wire shows of it; the rate is known only while it runs. */
export const toOperation = (
  row: OperationRow,
  rate: { bytesPerSecond: number | null; etaSeconds: number | null } = {
    bytesPerSecond: null,
    etaSeconds: null,
  },
): Operation => ({
  id: row.id,
  kind: row.kind,
  title: row.title,
  state: row.state,
  progress: { done: row.done, total: row.total, unit: row.unit, ...rate },
  steps: row.steps.map((step) => ({ ...step })),
  pausedBecause: row.pausedBecause,
  cancelNote: row.cancelNote,
  ...(row.error === null ? {} : { error: row.error }),
  recovery: row.recovery,
  ...(row.result === null ? {} : { result: row.result }),
  ...movesOf(row.request),
  createdAt: row.createdAt,
  startedAt: row.startedAt,
  endedAt: row.endedAt,
  subjects: [...row.subjects],
});
