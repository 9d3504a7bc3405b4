import type { Vm } from '@strata/contract';
import { words } from '../../lib/words.ts';
import { lacksLayer } from '../vms/vm-can.ts';

/** Why no snapshot can be taken now, or null. The server decides; this spares a click that it would refuse. */
export function takeRefusal(vm: Pick<Vm, 'disks' | 'state' | 'problems'>): string | null {
  const { reasons } = words.snapshots.take;
  if (vm.disks.length === 0) return reasons.noDisks;
  if (vm.state === 'starting') return reasons.starting;
  if (vm.state === 'stopping') return reasons.stopping;
  if (vm.state === 'suspended') return reasons.suspended;
  if (lacksLayer(vm)) return words.vms.refusals.layerMissing;
  return null;
}
