import { AppError } from '../../app-error.ts';
import type { ImagesService } from '../images/images.types.ts';
import type { VmsService } from '../vms/vms.types.ts';
import type { OperationsService, TaintedLayer } from './operations.types.ts';

const actions = { start: 'started', delete: 'deleted', change: 'changed' } as const;

/** Why a layer may not be used, and what makes it whole again. */
export const taintWords = (
  taint: TaintedLayer,
  images: Pick<ImagesService, 'facts'>,
): { message: string; repair: string } => {
  const nameOf = (id: string): string | null => {
    try {
      return images.facts(id).name;
    } catch {
      return null;
    }
  };
  const [layer, top, base] = [taint.imageId, taint.topId, taint.baseId].map(nameOf);
  if (top == null || base == null || taint.topId === taint.imageId)
    return {
      message: `A commit has changed “${layer ?? taint.imageId}”: what it shows, and what stands on it, is no longer what it was.`,
      repair:
        taint.topId === taint.imageId
          ? 'Nothing can bring that back. Delete what stands on it, then delete it.'
          : 'If the layers that belong to that commit are in the trash, restore them and repeat it. Otherwise delete what stands on it, then delete it.',
    };
  return {
    message: `A commit of “${top}” into “${base}” did not end: what “${layer}” shows is no longer what it was.`,
    repair: `Repeat the commit of “${top}” into “${base}” to its end. “${top}” and everything above it is whole.`,
  };
};

/** What stands on images and VMs because an operation works on them, or because one has left a layer half changed. */
export const connectOperations = (
  operations: OperationsService,
  images: ImagesService,
  vms: VmsService,
): void => {
  images.addUseSource({
    operations: () => operations.uses(),
    making: () => operations.making(),
    // While the commit is at work, it stands on its layers itself, as an operation.
    taints: () => {
      const working = new Set(operations.uses().map(({ operationId }) => operationId));
      return operations.taints
        .list()
        .filter(({ operationId }) => !working.has(operationId))
        .map((taint) => ({ imageId: taint.imageId, topId: taint.topId, ...taintWords(taint, images) }));
    },
  });

  vms.addGuard((vmId, imageIds, action) => {
    if (action === 'resume') {
      const still = operations.standsStill(vmId);
      if (still === null) return null;
      return new AppError(
        'operation-running',
        still.kind === 'snapshot-take' || still.kind === 'vm-suspend'
          ? `“${still.title}” is saving the memory of this VM: it is stopped and goes on by that alone. Wait for its end, or cancel it; power-off is possible.`
          : `“${still.title}” is moving a disk of this VM to another layer, and the VM stands still until that is written down. What it wrote now could be lost. Free space or mend the disk of Strata’s data folder if this takes long; power-off is possible.`,
      );
    }
    const working = operations.activeOn({ vms: [vmId], images: imageIds });
    if (working !== null)
      return new AppError(
        'operation-running',
        `“${working.title}” is working on this VM’s disks. It can be ${actions[action]} when that has ended.`,
      );
    if (action === 'delete') return null;
    const trashed = images.forest().trashed.find(({ imageId }) => imageIds.includes(imageId));
    if (action === 'start' && trashed !== undefined)
      return new AppError(
        'image-in-use',
        `“${images.facts(trashed.imageId).name}” cannot be written: “${trashed.name}”, which is in the trash, stands on it. Delete that from the trash for good, or restore it, first.`,
        { usedBy: [{ kind: 'trash', id: trashed.trashId, name: trashed.name }] },
      );
    const taint = operations.taints.list().find((layer) => imageIds.includes(layer.imageId));
    if (taint === undefined) return null;
    const { message, repair } = taintWords(taint, images);
    return new AppError('plan-blocked', `${message} ${repair}`, {
      blockers: [{ code: 'tainted', message: `${message} ${repair}` }],
    });
  });
};
