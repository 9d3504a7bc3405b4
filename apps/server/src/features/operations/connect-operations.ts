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
  const [layer, top, base] = [taint.imageId, taint.topId, taint.baseId].map((id) => images.facts(id).name);
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
    taints: () =>
      operations.taints.list().map((taint) => ({ imageId: taint.imageId, ...taintWords(taint, images) })),
  });

  vms.addGuard((vmId, imageIds, action) => {
    const working = operations.activeOn({ vms: [vmId], images: imageIds });
    if (working !== null)
      return new AppError(
        'operation-running',
        `“${working.title}” is working on this VM’s disks. It can be ${actions[action]} when that has ended.`,
      );
    if (action === 'delete') return null;
    const taint = operations.taints.list().find((layer) => imageIds.includes(layer.imageId));
    if (taint === undefined) return null;
    const { message, repair } = taintWords(taint, images);
    return new AppError('plan-blocked', `${message} ${repair}`, {
      blockers: [{ code: 'tainted', message: `${message} ${repair}` }],
    });
  });
};
