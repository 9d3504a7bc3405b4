import type { Operation } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import {
  cancelReason,
  durationOf,
  isUnfinished,
  limitReason,
  pauseReason,
  percentOf,
  progressLine,
} from './operation-state.ts';

const GiB = 1024 ** 3;
const operation = (fields: Partial<Operation>): Operation =>
  ({
    state: 'running',
    pausedBecause: null,
    progress: { done: 2 * GiB, total: 5 * GiB, unit: 'bytes', bytesPerSecond: 1024 ** 2, etaSeconds: 65 },
    startedAt: null,
    endedAt: null,
    ...fields,
  }) as Operation;

describe('an operation in words', () => {
  it('says how much, how fast and how long still', () => {
    expect(progressLine(operation({}))).toBe('2 GiB of 5 GiB · 1 MiB/s · 1 min 5 s left');
  });
  it('does not promise a speed while it stands still, and says why it does', () => {
    expect(progressLine(operation({ state: 'paused' }))).toBe('2 GiB of 5 GiB · paused');
    expect(progressLine(operation({ state: 'paused', pausedBecause: 'no-space' }))).toContain(
      'no space left',
    );
    expect(progressLine(operation({ state: 'finishing' }))).toBe('2 GiB of 5 GiB · finishing');
  });
  it('says of what is finishing how much there was, and nothing where nothing was counted', () => {
    const progress = {
      done: 0,
      total: 80 * 1024 ** 2,
      unit: 'bytes' as const,
      bytesPerSecond: null,
      etaSeconds: null,
    };
    expect(progressLine(operation({ state: 'finishing', progress }))).toBe('finishing');
    expect(progressLine(operation({ state: 'running', progress }))).toBe('0 bytes of 80 MiB');
  });
  it('counts steps where there are no bytes', () => {
    const progress = { done: 1, total: 3, unit: 'steps' as const, bytesPerSecond: null, etaSeconds: null };
    expect(progressLine(operation({ progress }))).toBe('step 2 of 3');
  });
  it('is never at 100 % before it is done', () => {
    const progress = { done: 10, total: 10, unit: 'bytes' as const, bytesPerSecond: null, etaSeconds: null };
    expect(percentOf(operation({ progress }))).toBe(99);
    expect(percentOf(operation({ progress, state: 'done' }))).toBe(100);
    expect(percentOf(operation({ progress: { ...progress, total: 0 } }))).toBe(0);
    expect(percentOf(operation({ progress: { ...progress, total: 0 }, state: 'finishing' }))).toBe(99);
  });
  it('says how long a short one took in milliseconds', () => {
    const startedAt = '2026-11-23T10:00:00.000Z';
    expect(durationOf(operation({ startedAt, endedAt: '2026-11-23T10:00:00.009Z' }))).toBe('9 ms');
    expect(durationOf(operation({ startedAt, endedAt: '2026-11-23T10:02:00.000Z' }))).toBe('2 min');
    expect(durationOf(operation({ startedAt }))).toBeNull();
  });
  it('can be paused and cancelled while it runs, not while it finishes', () => {
    expect([isUnfinished(operation({})), pauseReason(operation({}))]).toEqual([true, null]);
    expect(cancelReason(operation({ state: 'finishing' }))).not.toBeNull();
    expect(isUnfinished(operation({ state: 'failed' }))).toBe(false);
  });
  it('says why a step cannot be paused or limited, in the words of the server', () => {
    const step = operation({ cannotPause: 'Not this step.', cannotLimit: 'Nothing to limit.' });
    expect([pauseReason(step), limitReason(step)]).toEqual(['Not this step.', 'Nothing to limit.']);
    expect(limitReason(operation({}))).toBeNull();
  });
});
