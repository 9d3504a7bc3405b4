import { heldMemory } from './held-memory.ts';
import { hardwareOf } from './vm-definition.ts';
import type { StoredProcess, VmHardware, VmRecord } from './vm-record.types.ts';
import { type Refit, refitHardware } from './vm-refit.ts';
import { pathsOf, recordOf, type VmsContext } from './vms.context.ts';

/** The VM of a moment, as a restore point keeps it and as a revert puts it back. */
export interface VmMoments {
  /** What it runs with, or would be started with; null: it runs with something that nobody wrote down. */
  now(vmId: string): VmHardware | null;
  /** What it would be started with. */
  defined(vmId: string): VmHardware;
  /** The hardware of a former moment as it can be restored today, and what speaks against that. */
  refit(vmId: string, kept: VmHardware, startsAfter: boolean): Promise<Refit>;
  /** At most so many bytes a file with its memory would have; null: it is off, or that is not known. */
  heldMemory(vmId: string): Promise<number | null>;
  /** Where its UEFI variables lie, if it has any: the file is made at the first start. */
  uefiVars(vmId: string): string;
  /** Bookkeeping only, synchronous: to be called inside the transaction that records the result. */
  restore(vmId: string, kept: VmHardware): void;
  /** How its last run ended is of a state that it has left. Bookkeeping only, as above. */
  forgetFailure(vmId: string): void;
}

/** The one-time boot device was for one start, not for each that comes after a revert. */
const asDefined = ({ definition, disks }: VmHardware): VmHardware => ({
  definition: { ...definition, boot: { ...definition.boot, once: null } },
  disks,
});

/** What changes while it runs, the media and the layers, is as it is now; the rest as it was started with. */
const asStarted = (record: VmRecord, { started, hardware }: StoredProcess): VmHardware | null => {
  const { definition, disks } = record;
  if (started === undefined) return hardware === hardwareOf(definition, disks) ? asDefined(record) : null;
  return asDefined({
    definition: {
      ...started.definition,
      ...{ autostart: definition.autostart, notes: definition.notes },
      media: started.definition.media.map(
        (medium) => definition.media.find(({ slot }) => slot === medium.slot) ?? medium,
      ),
    },
    disks: started.disks.map((disk) => ({
      ...disk,
      imageId: disks.find(({ id }) => id === disk.id)?.imageId ?? disk.imageId,
    })),
  });
};

export const createVmMoments = (context: VmsContext): VmMoments => ({
  now: (vmId) => {
    const record = recordOf(context, vmId);
    const run = context.runs.get(vmId);
    return run === undefined || run.ended ? asDefined(record) : asStarted(record, run.process);
  },
  defined: (vmId) => asDefined(recordOf(context, vmId)),
  refit: (vmId, kept, startsAfter) => refitHardware(context, recordOf(context, vmId), kept, startsAfter),
  heldMemory: async (vmId) => {
    const record = recordOf(context, vmId);
    const run = context.runs.get(vmId);
    if (run === undefined || run.ended) return null;
    return heldMemory(run.process.pid, asStarted(record, run.process) ?? record);
  },
  uefiVars: (vmId) => pathsOf(context, recordOf(context, vmId)).uefiVars,
  restore: (vmId, { definition, disks }) => {
    const { name, definition: now } = recordOf(context, vmId);
    // Notes and whether it starts by itself are the user's wishes of today, not the machine of that day.
    const { autostart, notes } = now;
    context.repository.update({ id: vmId, name, definition: { ...definition, autostart, notes }, disks });
    context.repository.addEvent(vmId, 'changed', 'the hardware of a snapshot');
    context.changedSoon(vmId);
  },
  forgetFailure: (vmId) => context.repository.setFailure(vmId, null),
});
