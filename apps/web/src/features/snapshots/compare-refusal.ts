import type { Snapshot } from '@strata/contract';
import { words } from '../../lib/words.ts';

/** Why these cannot be compared with anything; null: they can. */
export function compareRefusal(points: readonly Pick<Snapshot, 'kind' | 'name'>[]): string | null {
  const inside = points.find(({ kind }) => kind === 'internal');
  return inside === undefined ? null : words.snapshots.compare.inside(inside.name);
}
