import type { Image, Operation, ResizeImage, ResizePlan } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import type { BlockEngines } from '../../../qemu/block-engine.types.ts';
import { byteWords } from '../../chains/byte-words.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import type { VmsService } from '../../vms/vms.types.ts';
import type { ImagesFeature } from '../images.service.ts';
import { vmsOn } from '../work/image-work.service.ts';
import { type PlannedResize, planResize, type ResizePlanner } from './plan-resize.ts';
import { createResizeSteps, type ResizeSteps, resizeExecutor } from './resize.executor.ts';

export interface ResizeService {
  plan(id: string, wish: ResizeImage): Promise<ResizePlan>;
  run(id: string, wish: ResizeImage): Promise<Operation>;
}

interface ResizeDeps {
  readonly library: Pick<ImagesFeature, 'images' | 'access'>;
  readonly operations: OperationsService;
  readonly vms: Pick<VmsService, 'live' | 'get'>;
  readonly engines: Pick<BlockEngines, 'live'>;
  readonly runDir: string;
  /** For tests that let the server die between the steps. */
  readonly wrap?: (steps: ResizeSteps) => ResizeSteps;
}

/** Registers its executor; create it once, before operations are recovered. */
export const createResizeService = (deps: ResizeDeps): ResizeService => {
  const { library, operations, vms, engines, runDir, wrap = (steps) => steps } = deps;
  const { images } = library;
  const steps = wrap(createResizeSteps({ images, vms, engines, runDir }));
  operations.register(resizeExecutor({ steps, images }));
  const planner: ResizePlanner = {
    library,
    runDir,
    busOf: ({ vmId, diskId }) => vms.get(vmId).disks.find(({ id }) => id === diskId)?.bus ?? null,
  };
  const look = async (id: string, wish: ResizeImage): Promise<PlannedResize & { image: Image }> => {
    images.facts(id);
    // An overlay may have been made by hand a moment ago.
    await images.scan();
    await images.checkedChain(id);
    const image = images.get(id);
    return { ...(await planResize(planner, image, wish)), image };
  };
  return {
    plan: async (id, wish) => (await look(id, wish)).plan,
    run: async (id, wish) => {
      const lookedAt = operations.look();
      const { plan, live, movesTable, image } = await look(id, wish);
      const { fingerprint, blockers, before, after } = plan;
      if (wish.fingerprint !== undefined && wish.fingerprint !== fingerprint)
        throw new AppError(
          'plan-stale',
          'Something has changed since the plan was made. Look at it as it is now.',
        );
      const [first] = blockers;
      if (first !== undefined) throw new AppError('plan-blocked', first.message, { blockers });
      return operations.start({
        kind: 'image-resize',
        title: `Resize “${image.name}” from ${byteWords(before)} to ${byteWords(after)}`,
        request: { imageId: id, before, after, live, movesTable },
        journal: { phase: 'new' },
        steps: [
          movesTable
            ? 'Write the partition table for the new size, then cut the end off'
            : live === null
              ? `Make the disk ${after > before ? 'larger' : 'smaller'}`
              : `Let the QEMU of “${live.vmName}” make the disk larger`,
          'Look at the header and the tables of the file',
        ],
        subjects: [
          { kind: 'image', id, name: image.name },
          ...(live === null ? [] : [{ kind: 'vm' as const, id: live.vmId, name: live.vmName }]),
        ],
        locks: { images: [id], vms: vmsOn(images.forest(), id).map(({ vmId }) => vmId) },
        unit: 'steps',
        total: 2,
        cancelNote: null,
        lookedAt,
      });
    },
  };
};
