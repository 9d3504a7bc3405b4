import type { Operation, Plan } from '@strata/contract';
import { words } from '../../lib/words.ts';

/** With `plan` the answer is a plan, without it an operation. */
export function planOf(answer: Plan | Operation): Plan {
  if ('fingerprint' in answer) return answer;
  throw new Error(words.errors.unknown);
}
export function operationOf(answer: Plan | Operation): Operation {
  if ('fingerprint' in answer) throw new Error(words.errors.unknown);
  return answer;
}
