import type { RelinkCandidate } from '@strata/contract';
import { words } from '../../lib/words.ts';

/** Why the link cannot be pointed there, or null. */
export function relinkRefusal(
  chosen: Pick<RelinkCandidate, 'verdict' | 'impediment'> | null,
  vouched: boolean,
): string | null {
  if (chosen === null) return words.repair.chooseFirst;
  if (chosen.impediment !== null) return chosen.impediment;
  return chosen.verdict === 'proven' || vouched ? null : words.repair.assumeFirst;
}
