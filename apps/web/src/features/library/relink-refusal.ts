import type { RelinkCandidate } from '@strata/contract';
import { words } from '../../lib/words.ts';

/** What is looked for, by the problem: in a circle nothing is lost. */
export function soughtBy(problem: string): string {
  const { sought } = words.repair;
  if (problem === 'backing-cycle') return sought.circle;
  return problem === 'backing-missing' ? sought.lost : sought.outside;
}

/** Why the link cannot be pointed there, or null. */
export function relinkRefusal(
  chosen: Pick<RelinkCandidate, 'verdict' | 'impediment'> | null,
  vouched: boolean,
  sought: string,
): string | null {
  if (chosen === null) return words.repair.chooseFirst;
  if (chosen.impediment !== null) return chosen.impediment;
  return chosen.verdict === 'proven' || vouched ? null : words.repair.assumeFirst(sought);
}
