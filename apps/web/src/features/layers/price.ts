import type { Plan } from '@strata/contract';
import { words } from '../../lib/words.ts';

/** A plan in a line: what it moves, what it frees, how; and what it loses, said apart. */
export function priceOf(plan: Plan): { line: string; loses: string | null } {
  const { price } = words.layers;
  const freed = plan.deletes.reduce((sum, { bytes }) => sum + bytes, 0);
  const parts = plan.choices !== undefined && plan.method ? [price.by[plan.method]] : [];
  if (plan.method !== 'trash') parts.push(movesOf(plan));
  if (freed > 0) parts.push(price.frees(freed));
  const goesDown = plan.operation === 'commit' || plan.method === 'commit';
  if (!goesDown && plan.freeSpaceNeeded > 0) parts.push(price.needs(plan.freeSpaceNeeded, plan.freeSpace));
  parts.push(plan.live ? price.live : price.offline);
  const lost = plan.losesSnapshots.map(({ name }) => name);
  if (lost.length === 0) parts.push(price.losesNothing);
  return { line: parts.join(' · '), loses: lost.length > 0 ? price.loses(lost) : null };
}

function movesOf({
  operation,
  method,
  bytesToMove,
}: Pick<Plan, 'operation' | 'method' | 'bytesToMove'>): string {
  const { price } = words.layers;
  if (operation === 'commit' || method === 'commit') return price.moves(bytesToMove);
  return method === 'copy' ? price.copiesAtMost(bytesToMove) : price.copies(bytesToMove);
}

/** The ways to delete a layer that the plan does not take, each with its price or why not. */
export function otherWays(plan: Plan): string[] {
  const { price } = words.layers;
  return (plan.choices ?? [])
    .filter(({ method }) => method !== plan.method)
    .map(({ method, bytesToMove, losesSnapshots, impediment }) =>
      impediment === null
        ? price.other(
            price.by[method],
            movesOf({ operation: plan.operation, method, bytesToMove }),
            losesSnapshots.length,
          )
        : price.otherBlocked(price.by[method], impediment),
    );
}
