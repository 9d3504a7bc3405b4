import type { Snapshot, Vm } from '@strata/contract';
import { words } from '../../lib/words.ts';

/** What the VM does once it was reverted. */
export type Afterwards = 'asWas' | 'start' | 'off';

/**
 * With memory it goes on from that moment, or stands there. A suspended VM cannot be as it was: the memory that waits fits the
 * disks it leaves.
 */
export function afterwardsOf(
  { memory }: Pick<Snapshot, 'memory'>,
  { state }: Pick<Vm, 'state'>,
): readonly { value: Afterwards; label: string }[] {
  const { startOptions, memoryOptions } = words.snapshots.revert;
  if (memory)
    return [
      { value: 'start', label: memoryOptions.goesOn },
      { value: 'off', label: memoryOptions.stands },
    ];
  const offered = state === 'suspended' ? (['off', 'start'] as const) : (['asWas', 'start', 'off'] as const);
  return offered.map((value) => ({ value, label: startOptions[value] }));
}
