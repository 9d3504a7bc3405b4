import type { Vm, VmState } from '@strata/contract';
import { words } from '../../lib/words.ts';

export type VmVerb =
  | 'start'
  | 'shutdown'
  | 'poweroff'
  | 'reset'
  | 'pause'
  | 'resume'
  | 'suspend'
  | 'forgetMemory';

const live: ReadonlySet<VmState> = new Set(['starting', 'running', 'paused', 'stopping']);

/** A QEMU process stands behind the VM. */
export function isLive(state: VmState): boolean {
  return live.has(state);
}

/** QEMU is far enough to be looked at and typed to. */
export function hasConsoles(state: VmState): boolean {
  return isLive(state) && state !== 'starting';
}

/*
 *             off  starting  running  paused  suspended  stopping  crashed
 *  start       ✓      –         –        –        ✓          –        ✓
 *  shutdown    –      –         ✓        –        –          –        –
 *  poweroff    –      ✓         ✓        ✓        –          ✓        –
 *  reset       –      –         ✓        ✓        –          ✓        –
 *  pause       –      –         ✓        –        –          ✓        –
 *  resume      –      –         –        ✓        –          –        –
 *  suspend     –      –         ✓        ✓        –          –        –
 *  forget      –      –         –        –        ✓          –        –
 *  delete      ✓      –         –        –        ✓          –        ✓
 */
const allowed: Record<VmVerb | 'delete', readonly VmState[]> = {
  start: ['off', 'suspended', 'crashed'],
  shutdown: ['running'],
  poweroff: ['starting', 'running', 'paused', 'stopping'],
  reset: ['running', 'paused', 'stopping'],
  pause: ['running', 'stopping'],
  resume: ['paused'],
  suspend: ['running', 'paused'],
  forgetMemory: ['suspended'],
  delete: ['off', 'suspended', 'crashed'],
};

/** A file below one of its disks is gone or cannot be read: neither a start nor a snapshot can succeed. */
export const isBrokenDisk = ({ code }: Vm['problems'][number]): boolean =>
  code === 'layer-missing' || code === 'image-unreadable';
export const lacksLayer = ({ problems }: Pick<Vm, 'problems'>): boolean => problems.some(isBrokenDisk);

/** What the verb is called: a VM that waits in a file is resumed by its start. */
export const verbLabel = (verb: VmVerb | 'delete', { state }: Pick<Vm, 'state'>): string =>
  words.vms.actions[verb === 'start' && state === 'suspended' ? 'resume' : verb];

/** Why the VM, as it is, does not take the action; null when it does. */
export function vmRefusal(verb: VmVerb | 'delete', vm: Pick<Vm, 'state' | 'problems'>): string | null {
  const { state } = vm;
  const { refusals } = words.vms;
  if (allowed[verb].includes(state)) return verb === 'start' && lacksLayer(vm) ? refusals.layerMissing : null;
  if (verb === 'delete') return refusals.powerOffFirst;
  if (verb === 'forgetMemory') return refusals.notSuspended;
  if (verb === 'start') return state === 'starting' ? refusals.startingNow : refusals.alreadyRunning;
  if (!isLive(state)) return refusals.notRunning;
  if (state === 'starting') return refusals.startingNow;
  if (verb === 'resume') return refusals.notPaused;
  if (verb === 'pause') return refusals.pausedAlready;
  if (verb === 'suspend') return refusals.askedAlready;
  return state === 'stopping' ? refusals.askedAlready : refusals.pausedCannotHear;
}
