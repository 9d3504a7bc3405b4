import type { Snapshot, Vm } from '@strata/contract';
import { words } from '../../lib/words.ts';
import { isLive } from '../vms/vm-can.ts';

/** Of a running guest nobody can say that it writes nothing: only that nothing was seen yet. */
export function sinceWords({ state }: Pick<Vm, 'state'>, changed: boolean): string {
  const { snapshots } = words;
  if (changed) return snapshots.changed;
  return isLive(state) ? snapshots.unchangedYet : snapshots.unchanged;
}

/** Whether going back to `from` would show the disks as they are: it has all of them, and nobody writes. */
export function hereWords(
  { state, disks }: Pick<Vm, 'state' | 'disks'>,
  from: Pick<Snapshot, 'name' | 'disks'> | null,
  changed: boolean,
): string {
  const { hereText, hereHeld } = words.snapshots;
  if (from === null) return hereText(null);
  const hasAll = disks.every(({ id }) => from.disks.some(({ diskId }) => diskId === id));
  return changed || isLive(state) || !hasAll ? hereText(from.name) : hereHeld(from.name);
}
