import type { Branch, Duplicate, Operation } from '@strata/contract';

export interface BranchesService {
  /** A new VM from a snapshot, whatever state its VM is in. */
  branch(vmId: string, snapshotId: string, wish: Branch): Promise<Operation>;
  /** A new VM from what the disks of a VM that is off hold now. */
  duplicate(vmId: string, wish: Duplicate): Promise<Operation>;
}
