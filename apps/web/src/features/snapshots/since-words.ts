import type { Vm } from '@strata/contract';
import { words } from '../../lib/words.ts';
import { isLive } from '../vms/vm-can.ts';

/** Of a running guest nobody can say that it writes nothing: only that nothing was seen yet. */
export function sinceWords({ state }: Pick<Vm, 'state'>, changed: boolean): string {
  const { snapshots } = words;
  if (changed) return snapshots.changed;
  return isLive(state) ? snapshots.unchangedYet : snapshots.unchanged;
}
