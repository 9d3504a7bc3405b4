import { isRefusal, planRevert, type RevertPlan } from '@strata/backing-chain';
import type { Plan, Revert, Vm } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';
import { taintBlockers } from '../chains/taint-blockers.ts';
import type { VmHardware } from '../vms/vm-record.types.ts';
import { changedSince } from './changed-since.ts';
import { openBlockers } from './held-layers.ts';
import { keptAs } from './kept-as.ts';
import type { KeptVarsFiles } from './kept-vars.ts';
import {
  keepTodays,
  planHardware,
  type VarsToRestore,
  varsBlockers,
  varsToRestore,
} from './revert-hardware.ts';
import { memoryToKeep } from './revert-keep.ts';
import { memoryBlockers, startOf } from './revert-memory.ts';
import { type RevertWords, revertFingerprint, revertView } from './revert-view.ts';
import type { SnapshotsDeps } from './snapshots.service.ts';
import type { StoredSnapshot } from './snapshots.types.ts';
import type { TakeMemoryRun } from './take.executor.ts';

export interface RevertDeps extends SnapshotsDeps {
  readonly vars: KeptVarsFiles;
}

/** Everything that a run needs of its plan. */
export interface PlannedRevert {
  readonly lookedAt: number;
  readonly vm: Vm;
  readonly plan: RevertPlan;
  readonly words: RevertWords;
  readonly view: Plan;
  /** What the VM becomes; null: it stays what it is. */
  readonly hardware: VmHardware | null;
  readonly vars: VarsToRestore | undefined;
  /** Of the snapshot that keeps the current state, and the memory that is saved for it. */
  readonly keepId: string;
  readonly saves: TakeMemoryRun | null;
}

/** Plans a revert to an external snapshot, on what is there now. */
export const computeRevert = async (
  deps: RevertDeps,
  snapshot: StoredSnapshot,
  wish: Revert,
): Promise<PlannedRevert> => {
  const { images, vms, operations, vars, dataDir } = deps;
  const { id: snapshotId, vmId } = snapshot;
  const keepName = keptAs(deps.db, snapshot, wish);
  const vm = vms.get(vmId);
  const lookedAt = operations.look();
  await images.scan();
  const before = vm.state === 'paused' ? 'paused' : vms.live(vmId) === null ? 'no' : 'running';
  const start = startOf(wish, snapshot, before);
  const hardware = await planHardware(deps, snapshot, wish, start !== 'no');
  const answer = planRevert(images.forest(), {
    vmId,
    snapshotId,
    disks: snapshot.disks,
    keepCurrent: wish.keepCurrent,
    ...(hardware.restored === null ? {} : { hardware: { leaves: hardware.leaves } }),
  });
  const current = vms.currentSnapshot(vmId);
  const unchanged = current === snapshotId && !(await changedSince(images, vm, snapshot));
  const forest = images.forest();
  if (isRefusal(answer)) throw new AppError('not-possible', answer.message);
  const layers = snapshot.disks.map((disk) => disk.imageId);
  const tainted = taintBlockers(layers, 'other', operations.taints.list(), images);
  const left = [
    ...answer.overlays.flatMap(({ from }) => from ?? []),
    ...answer.leaves.map(({ imageId }) => imageId),
  ];
  const open = vms.live(vmId) === null ? await openBlockers(images, left) : [];
  const restoredVars = varsToRestore(snapshot, (hardware.restored?.definition ?? vm).firmware, wish);
  const lost = [
    ...(await memoryBlockers(vms, snapshot)),
    ...(restoredVars === undefined ? [] : await varsBlockers(vars, snapshot, keepTodays)),
  ];
  const keepId = newId();
  const keeping = await memoryToKeep({ vms, dataDir }, vm, keepId, wish, answer.keeps);
  const waits = vms.memory.suspended(vmId) !== null;
  const plan = {
    ...answer,
    vm: { ...answer.vm, running: vms.live(vmId) !== null },
    blockers: [...answer.blockers, ...tainted, ...open, ...hardware.blockers, ...lost, ...keeping.blockers],
  };
  const restores = hardware.restored !== null && hardware.difference.length > 0;
  const words: RevertWords = {
    ...{ snapshotName: snapshot.name, keepName, unchanged, start, restores },
    memory: snapshot.memoryFile !== null,
    leavesMemory: !waits ? 'no' : wish.keepMemory === false ? 'given up' : 'kept',
    savesMemory: keeping.saves?.forecast ?? null,
  };
  const fingerprint = await revertFingerprint(forest, plan, {
    keepCurrent: wish.keepCurrent,
    hardware: hardware.restored === null ? null : hardware.difference,
    ...(wish.uefiVars === undefined ? {} : { uefiVars: wish.uefiVars }),
    ...(wish.keepMemory === undefined ? {} : { keepMemory: wish.keepMemory }),
  });
  const view = {
    ...revertView(forest, plan, words, fingerprint),
    ...{ hardware: [...hardware.difference], ...keeping.space },
  };
  return {
    ...{ lookedAt, vm, plan, words, view, vars: restoredVars },
    ...{ keepId, saves: keeping.saves },
    hardware: restores ? hardware.restored : null,
  };
};
