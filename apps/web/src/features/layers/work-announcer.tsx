import type { Operation } from '@strata/contract';
import { words } from '../../lib/words.ts';
import { percentOf } from '../operations/operation-state.ts';
import type { ChainWork } from './use-chain-work.ts';

/** Of every percent one hears only each of these. */
const step = 10;

/** Tells a screen reader how far the work on a chain is, in steps that do not drown everything else. */
export function WorkAnnouncer({ work }: { work: readonly ChainWork[] }) {
  return (
    <div role="status" className="visually-hidden">
      {work.map(({ operation }) => spoken(operation)).join(' ')}
    </div>
  );
}

function spoken(operation: Operation): string {
  const { percent, states } = words.operations;
  const { title, state } = operation;
  if (state !== 'running') return `${title}: ${states[state]}.`;
  const reached = Math.floor(percentOf(operation) / step) * step;
  return `${title}: ${percent(reached)}.`;
}
