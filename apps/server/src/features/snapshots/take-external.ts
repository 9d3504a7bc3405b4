import type { Operation, TakeSnapshot, Vm } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';
import { chosenDisks } from './chosen-disks.ts';
import { demandRoom } from './demand-room.ts';
import { demandUntainted } from './demand-untainted.ts';
import { demandNotOpen } from './held-layers.ts';
import { overlaysBefore, placedFor } from './new-overlays.ts';
import { subjectsOf } from './snapshot-subjects.ts';
import type { SnapshotsDeps } from './snapshots.service.ts';
import { overlayWishes, type TakeMemoryRun } from './take.executor.ts';
import { demandMemoryPossible, memoryStep, memoryToTake } from './take-memory-wish.ts';
import { demandSettled } from './vm-settled.ts';

type Deps = Pick<SnapshotsDeps, 'images' | 'vms' | 'operations' | 'dataDir'>;
type Disks = readonly { readonly diskId: string; readonly imageId: string }[];

/** Throws with the reason where no overlay can be put on these layers. */
const demandPossible = async (
  { images, vms, operations }: Deps,
  vmId: string,
  disks: Disks,
): Promise<void> => {
  const ids = disks.map(({ imageId }) => imageId);
  // Throws when a layer is missing: an overlay on a broken chain would be no restore point.
  const chains = await Promise.all(ids.map((id) => images.checkedChain(id)));
  for (const chain of chains) demandRoom(chain);
  if (vms.live(vmId) === null) await demandNotOpen(images, ids);
  demandUntainted({ images, operations }, ids);
};

/** Files were read meanwhile; what a lock is taken on must be what the VM has at that moment. */
const stillSo = ({ vms }: Deps, vmId: string, disks: Disks): Vm => {
  const current = vms.get(vmId);
  demandSettled(current);
  const moved = disks.some(
    ({ diskId, imageId }) => current.disks.find(({ id }) => id === diskId)?.imageId !== imageId,
  );
  if (moved)
    throw new AppError('plan-stale', 'The disks of the VM have just changed. Take the snapshot again.');
  return current;
};

const switchStep = (memory: TakeMemoryRun | null, vmWasOff: boolean, quiesce: boolean): string => {
  if (memory !== null) return memoryStep(memory);
  if (vmWasOff) return 'Let the disks continue on the overlays';
  return quiesce
    ? 'Freeze the file systems, let the running VM continue on the overlays, all disks at one instant, and thaw'
    : 'Let the running VM continue on the overlays, all disks at one instant';
};

/** New layers above those of the chosen disks, with or without memory beside them. */
export const takeExternal = async (
  deps: Deps,
  vmId: string,
  wish: TakeSnapshot,
  { origin, lookedAt }: { readonly origin: 'taken' | 'schedule'; readonly lookedAt: number },
): Promise<Operation> => {
  const { images, vms, operations } = deps;
  const { name, description = '' } = wish;
  const quiesce = wish.quiesce === true;
  const vm = vms.get(vmId);
  demandSettled(vm);
  if (wish.memory) demandMemoryPossible(vms, vm, wish);
  const disks = chosenDisks(vm, wish).map(({ id, imageId }) => ({ diskId: id, imageId }));
  const placing = placedFor(images, overlayWishes(vms, { vmId, vmName: vm.name, disks }));
  placing.catch(() => {});
  await demandPossible(deps, vmId, disks);
  const paths = await placing;
  const current = stillSo(deps, vmId, disks);
  const vmWasOff = vms.live(vmId) === null;
  const snapshotId = newId();
  const memory = wish.memory ? await memoryToTake(deps, current, snapshotId, wish) : null;
  const ids = disks.map(({ imageId }) => imageId);
  const layers = disks.map(({ imageId }) => `“${images.facts(imageId).name}”`).join(', ');
  return operations.start({
    kind: 'snapshot-take',
    title: `Take the snapshot “${name}” of “${vm.name}”`,
    request: {
      ...{ vmId, vmName: vm.name, snapshotId, disks },
      ...{ name, description, origin, vmWasOff, memory, quiesce },
    },
    // The locks are held from here on, so nothing else comes to stand on these layers.
    journal: {
      ...{ phase: 'creating', overlays: [], screenshot: null },
      known: { ...overlaysBefore(images, ids), paths },
    },
    steps: [
      `Create an overlay on ${layers}`,
      switchStep(memory, vmWasOff, quiesce),
      'Write the snapshot down',
    ],
    subjects: subjectsOf(vm, [{ id: snapshotId, name }]),
    locks: { images: ids, vms: [vmId] },
    unit: memory === null ? 'steps' : 'bytes',
    total: memory?.forecast ?? 3,
    cancelNote: memory === null ? null : 'The guest runs on, and nothing is left of the snapshot.',
    lookedAt,
  });
};
