import type { Plan } from '@strata/contract';
import { words } from '../../lib/words.ts';

/** A plan in a line: what it moves, what it frees, how; and what it loses, said apart. */
export function priceOf(plan: Plan, operation: 'commit' | 'pull'): { line: string; loses: string | null } {
  const { price } = words.layers;
  const freed = plan.deletes.reduce((sum, { bytes }) => sum + bytes, 0);
  const parts = [operation === 'commit' ? price.moves(plan.bytesToMove) : price.copies(plan.bytesToMove)];
  if (freed > 0) parts.push(price.frees(freed));
  if (operation === 'pull' && plan.freeSpaceNeeded > 0)
    parts.push(price.needs(plan.freeSpaceNeeded, plan.freeSpace));
  parts.push(plan.live ? price.live : price.offline);
  const lost = plan.losesSnapshots.map(({ name }) => name);
  if (lost.length === 0) parts.push(price.losesNothing);
  return { line: parts.join(' · '), loses: lost.length > 0 ? price.loses(lost) : null };
}
