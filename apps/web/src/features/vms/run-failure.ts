import type { Vm } from '@strata/contract';
import { isLive, lacksLayer } from './vm-can.ts';

export interface RunFailure {
  /** `crashed`: it ran. `failed`: QEMU was started and ended at once. `refused`: nothing was started. */
  readonly kind: 'crashed' | 'failed' | 'refused';
  readonly failure: NonNullable<Vm['lastFailure']>;
}

/** How the last run failed, as far as it still matters and is not said by a problem of the VM already. */
export function runFailure(vm: Pick<Vm, 'state' | 'lastFailure' | 'problems'>): RunFailure | null {
  const failure = vm.lastFailure;
  if (failure === undefined || isLive(vm.state)) return null;
  if (failure.code === 'crashed') return { kind: 'crashed', failure };
  if (failure.stderr !== '') return { kind: 'failed', failure };
  return lacksLayer(vm) ? null : { kind: 'refused', failure };
}
