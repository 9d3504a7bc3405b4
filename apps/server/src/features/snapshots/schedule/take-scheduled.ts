import { type SnapshotSchedule, type TakeSnapshot, takeSnapshotBody, type Vm } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import type { VmsService } from '../../vms/vms.types.ts';
import type { SnapshotsService } from '../snapshots.types.ts';
import { demandSettled } from '../vm-settled.ts';
import { type Outcome, outcomeOf, outcomeOfError, skipped } from './schedule-outcome.ts';
import { scheduledName } from './schedule-times.ts';

export interface TakeScheduledDeps {
  readonly vms: Pick<VmsService, 'get' | 'live'>;
  readonly operations: Pick<OperationsService, 'ended' | 'activeOn'>;
  readonly snapshots: Pick<SnapshotsService, 'tree' | 'get' | 'take'>;
  /** Whether the VM has stood still ever since the last automatic snapshot with memory. */
  readonly stoodStill: (vmId: string) => boolean;
}

/** What it is in the words of a person, when there is nothing that a snapshot would add. */
const nothingNew = async (
  { snapshots, stoodStill }: TakeScheduledDeps,
  vm: Vm,
  withMemory: boolean,
): Promise<string | null> => {
  if (withMemory && !stoodStill(vm.id)) return null;
  const { snapshotId, changed } = (await snapshots.tree(vm.id)).current;
  if (changed) return null;
  if (snapshotId === null) return 'Nothing has been written to its disks yet.';
  const { name, disks } = snapshots.get(vm.id, snapshotId);
  // One of chosen disks says nothing of the others.
  if (!vm.disks.every(({ id }) => disks.some(({ diskId }) => diskId === id))) return null;
  return `Nothing has changed since “${name}”.`;
};

const busyWith = ({ operations }: TakeScheduledDeps, vm: Vm): string | null => {
  const images = vm.disks.map(({ imageId }) => imageId);
  const operation = operations.activeOn({ vms: [vm.id], images });
  return operation === null ? null : `“${operation.title}” was working on the VM.`;
};

/** Better one as after a power cut than none. */
const takeFrozen = async (
  { snapshots, operations }: TakeScheduledDeps,
  vmId: string,
  wish: TakeSnapshot,
): Promise<Outcome> => {
  const take = async (how: TakeSnapshot, note = ''): Promise<Outcome> => {
    const { id } = await snapshots.take(vmId, how, 'schedule');
    return outcomeOf(await operations.ended(id), `“${wish.name}” was taken${note}.`);
  };
  try {
    return await take(wish);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'agent-absent')) throw error;
    return take(
      { ...wish, quiesce: false },
      ', crash-consistent: the guest agent was not ready to freeze the file systems',
    );
  }
};

const takeNow = async (
  deps: TakeScheduledDeps,
  vmId: string,
  { memory, quiesce }: SnapshotSchedule,
  at: number,
): Promise<Outcome> => {
  const vm = deps.vms.get(vmId);
  const busy = busyWith(deps, vm);
  if (busy !== null) return skipped(busy);
  demandSettled(vm);
  const withMemory = memory && deps.vms.live(vmId) !== null;
  const same = await nothingNew(deps, vm, withMemory);
  if (same !== null) return skipped(same);
  const name = scheduledName(at);
  return takeFrozen(deps, vmId, takeSnapshotBody.parse({ name, memory: withMemory, quiesce }));
};

/** The automatic snapshot of this moment, or why there is none. Never rejects. */
export const takeScheduled = async (
  deps: TakeScheduledDeps,
  vmId: string,
  schedule: SnapshotSchedule,
  at: number,
): Promise<Outcome> => {
  try {
    return await takeNow(deps, vmId, schedule, at);
  } catch (error) {
    return outcomeOfError(error);
  }
};
