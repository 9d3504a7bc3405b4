import type { VmHardware } from '../vms/vm-record.types.ts';
import type { VmsService } from '../vms/vms.types.ts';
import type { KeptVars, KeptVarsFiles } from './kept-vars.ts';
import type { StoredSnapshot } from './snapshots.types.ts';

/** What a restore point holds beside its layers: the machine of that moment. An operation writes it down. */
export interface KeptMoment {
  readonly definition: VmHardware | null;
  readonly vars: KeptVars | null;
}

export const nothingKept: KeptMoment = { definition: null, vars: null };

export interface MomentDeps {
  readonly vms: Pick<VmsService, 'moments' | 'memory'>;
  readonly vars: KeptVarsFiles;
}

const hasVars = (definition: VmHardware | null): boolean => definition?.definition.firmware === 'uefi';

/** Before the disks are switched. `withMemory`: of a VM that runs, what its memory fits. */
export const keepMoment = async (
  { vms, vars }: MomentDeps,
  vmId: string,
  snapshotId: string,
  withMemory = false,
): Promise<KeptMoment> => {
  const now = vms.moments.now(vmId);
  const definition = withMemory && now !== null ? vms.memory.hardware(vmId) : now;
  if (!hasVars(definition)) return { definition, vars: null };
  return { definition, vars: await vars.keep(vmId, snapshotId, vms.moments.uefiVars(vmId)) };
};

/** After they were switched under a running guest: it may have set a variable in between. */
export const keepMomentUp = async (
  { vms, vars }: MomentDeps,
  vmId: string,
  snapshotId: string,
  moment: KeptMoment,
): Promise<KeptMoment> => {
  if (!hasVars(moment.definition)) return moment;
  const kept = await vars.keepUp(vmId, snapshotId, vms.moments.uefiVars(vmId), moment.vars);
  return kept === moment.vars ? moment : { ...moment, vars: kept };
};

/** The columns of a snapshot's row. */
export const momentColumns = (moment: KeptMoment): Pick<StoredSnapshot, 'definition' | 'varsFile'> => ({
  definition: moment.definition,
  varsFile: moment.vars?.name ?? null,
});
