import type { ChainPlan } from '@strata/backing-chain';
import type { ExecutorDeps } from './chain-run.types.ts';

/** The plan's consequences for VMs and snapshots. Synchronous: part of the transaction that ends the dangerous part. */
export const recordResult = ({ vms, snapshots }: ExecutorDeps, plan: ChainPlan): void => {
  for (const { vmId, diskId, to } of plan.switches) vms.setDiskImage(vmId, diskId, to);
  for (const { snapshotId, from, to } of plan.repointsSnapshots) snapshots.repoint(snapshotId, from, to);
  for (const { id } of plan.losesSnapshots) snapshots.lose(id);
};
