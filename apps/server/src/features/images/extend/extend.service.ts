import type { ExtendImage, ExtendPlan, Image, Operation } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { byteWords } from '../../chains/byte-words.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import type { ImagesFeature } from '../images.service.ts';
import { vmsOn } from '../work/image-work.service.ts';
import { extendExecutor } from './extend.executor.ts';
import { createExtendSteps, type ExtendSteps, sweepExtending } from './extend-steps.ts';
import { type PlannedExtend, planExtend } from './plan-extend.ts';

export interface ExtendService {
  plan(id: string): Promise<ExtendPlan>;
  run(id: string, wish: Pick<ExtendImage, 'fingerprint'>): Promise<Operation>;
  /** At start, after operations were taken up. */
  sweep(): Promise<void>;
}

interface ExtendDeps {
  readonly library: Pick<ImagesFeature, 'images' | 'access'>;
  readonly operations: OperationsService;
  readonly dataDir: string;
  readonly runDir: string;
  /** For tests that let the server die between the steps. */
  readonly wrap?: (steps: ExtendSteps) => ExtendSteps;
}

const titleOf = ({ name }: Image, { partition, fileSystem }: ExtendPlan): string =>
  partition === null
    ? `Extend the ${fileSystem?.kind ?? ''} file system of “${name}”`
    : `Extend partition ${partition.number} of “${name}” to ${byteWords(partition.after)}`;

/** Registers its executor; create it once, before operations are recovered. */
export const createExtendService = (deps: ExtendDeps): ExtendService => {
  const { library, operations, dataDir, runDir, wrap = (steps) => steps } = deps;
  const { images } = library;
  const steps = wrap(createExtendSteps({ dataDir, runDir, images }));
  operations.register(extendExecutor({ steps, images }));
  const look = async (id: string): Promise<PlannedExtend & { image: Image }> => {
    images.facts(id);
    // An overlay may have been made by hand a moment ago.
    await images.scan();
    await images.checkedChain(id);
    const image = images.get(id);
    return { ...(await planExtend({ library, runDir }, image)), image };
  };
  return {
    plan: async (id) => (await look(id)).plan,
    run: async (id, { fingerprint }) => {
      const lookedAt = operations.look();
      const { plan, target, image } = await look(id);
      if (fingerprint !== undefined && fingerprint !== plan.fingerprint)
        throw new AppError(
          'plan-stale',
          'Something has changed since the plan was made. Look at it as it is now.',
        );
      const [first] = plan.blockers;
      if (first !== undefined) throw new AppError('plan-blocked', first.message, { blockers: plan.blockers });
      return operations.start({
        kind: 'image-extend',
        title: titleOf(image, plan),
        request: { imageId: id, ...target, partitionSize: plan.partition?.after ?? null },
        journal: { phase: 'new', grown: null },
        steps: [
          target.partition === null
            ? 'Make a temporary overlay'
            : 'Write the partition table on a temporary overlay',
          target.fileSystem === null
            ? 'The file system stays as it is'
            : 'Start the appliance, and make the file system larger on the overlay',
          'Prove what the overlay shows',
          'Write it into the image',
        ],
        subjects: [{ kind: 'image', id, name: image.name }],
        locks: { images: [id], vms: vmsOn(images.forest(), id).map(({ vmId }) => vmId) },
        unit: 'steps',
        total: 4,
        cancelNote: 'The image is as it was: everything happens on a temporary overlay until it is proved.',
        lookedAt,
      });
    },
    sweep: () => sweepExtending(dataDir, new Set(operations.uses().map(({ operationId }) => operationId))),
  };
};
