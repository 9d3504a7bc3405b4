import type { Vm } from '@strata/contract';
import { words } from '../../lib/words.ts';

/** What of the guest is lost that no disk holds; null: nothing, or nothing that is not kept. */
export function revertWarning(
  state: Vm['state'],
  /** The memory of the snapshot goes into the QEMU that runs, and the present one into what is kept. */
  live: boolean,
  keeps: boolean,
  /** It is saved and kept before the VM ends. */
  keepsMemory: boolean,
): string | null {
  const { revert } = words.snapshots;
  if (keeps && keepsMemory) return null;
  if (state === 'suspended') return keeps ? null : revert.suspended;
  if (state !== 'running' && state !== 'paused') return null;
  if (live) return keeps ? null : revert.replaced;
  return revert[state];
}
