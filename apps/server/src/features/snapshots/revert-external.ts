import type { Operation, Revert } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { computeRevert, type RevertDeps } from './compute-revert.ts';
import { memoryOf } from './revert-memory.ts';
import { revertSteps } from './revert-view.ts';
import { subjectsOf } from './snapshot-subjects.ts';
import type { StoredSnapshot } from './snapshots.types.ts';
import { demandStill } from './vm-settled.ts';

/** The disks of a VM go on from the layers of a snapshot: what its plan says, if that is still so. */
export const revertExternal = async (
  deps: RevertDeps,
  snapshot: StoredSnapshot,
  wish: Revert,
): Promise<Operation> => {
  const { images, vms, operations } = deps;
  const { id: snapshotId, vmId } = snapshot;
  demandStill(vms.get(vmId));
  const planned = await computeRevert(deps, snapshot, wish);
  const { lookedAt, vm, plan, words, view, hardware } = planned;
  if (wish.fingerprint !== undefined && wish.fingerprint !== view.fingerprint)
    throw new AppError(
      'plan-stale',
      'Layers, snapshots or the VM have changed since this plan was made. Look at the new plan.',
    );
  if (view.blockers.length > 0)
    throw new AppError('plan-blocked', view.blockers.map(({ message }) => message).join(' '), {
      blockers: view.blockers,
    });
  const vmWasOff = vms.live(vmId) === null;
  const waiting = vms.memory.suspended(vmId);
  const memory = words.leavesMemory === 'kept' ? waiting : null;
  const keep =
    words.keepName === null
      ? null
      : {
          ...{ id: planned.keepId, name: words.keepName, vmWasOff: vmWasOff && memory === null },
          ...{ disks: plan.keeps, memory, saves: planned.saves },
        };
  const steps = revertSteps(images.forest(), plan, words);
  return operations.start({
    kind: 'snapshot-revert',
    title: `Revert “${vm.name}” to “${words.snapshotName}”`,
    request: {
      ...{ vmId, vmName: vm.name, snapshotId, keep, start: words.start, hardware },
      memory: memoryOf(snapshot),
      leavesMemory: waiting?.file ?? null,
      leaves: plan.leaves.map(({ imageId }) => imageId),
      vars: planned.vars,
      overlays: plan.overlays.map(({ diskId, from, backing }) => ({ diskId, from, backing })),
      deletes: plan.deletes,
      order: steps.map(({ step }) => step),
    },
    journal: { phase: 'new', known: {}, overlays: [], screenshot: null },
    steps: steps.map(({ text }) => text),
    subjects: subjectsOf(vm, [
      { id: snapshotId, name: words.snapshotName },
      ...(keep === null ? [] : [keep]),
    ]),
    locks: {
      images: [
        ...plan.overlays.flatMap(({ from }) => from ?? []),
        ...plan.leaves.map(({ imageId }) => imageId),
      ],
      reads: plan.overlays.map((overlay) => overlay.backing),
      vms: [vmId],
    },
    unit: planned.saves === null ? 'steps' : 'bytes',
    total: planned.saves?.forecast ?? steps.length,
    cancelNote: planned.saves === null ? null : 'The guest goes on where it was, and nothing changes.',
    lookedAt,
  });
};
