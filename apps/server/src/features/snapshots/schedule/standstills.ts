import type { Vm } from '@strata/contract';
import type { Events } from '../../events/events.types.ts';
import type { VmsService } from '../../vms/vms.types.ts';

/** VMs that are paused, and have been since a snapshot with memory was taken of them: another one would be the same. */
export interface Standstills {
  readonly has: (vmId: string) => boolean;
  /** After an automatic snapshot: whether it holds the memory. */
  note(vmId: string, holdsMemory: boolean): void;
  close(): void;
}

export const createStandstills = (deps: {
  readonly events: Events;
  readonly vms: Pick<VmsService, 'get'>;
}): Standstills => {
  const { events, vms } = deps;
  const still = new Set<string>();
  const close = events.subscribe(({ type, id, data }) => {
    // Without data: an operation has ended, and the VM is what it was.
    if (type === 'vm' && data !== undefined && (data as Vm).state !== 'paused') still.delete(id);
  });
  return {
    has: (vmId) => still.has(vmId),
    note: (vmId, holdsMemory) => {
      if (holdsMemory && vms.get(vmId).state === 'paused') still.add(vmId);
    },
    close,
  };
};
