import type { CheckImages, Image, LeftOut, MeasureImages, MoveImages, Operation } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { checkedFormats } from '../../../qemu/image-work.ts';
import type { OperationSubject, OperationsService } from '../../operations/operations.types.ts';
import { voidReason } from '../checksum/remembered-checksum.ts';
import { libraryFolder } from '../create-images.ts';
import type { ImagesFeature } from '../images.service.ts';
import type { ImageMoves } from '../images.types.ts';
import { demandCheckable, vmsOn } from '../work/image-work.service.ts';
import { checkImagesExecutor } from './check-images.executor.ts';
import { leftOutWords } from './many-words.ts';
import { measureImagesExecutor } from './measure-images.executor.ts';
import { moveImagesExecutor } from './move-images.executor.ts';
import type { ManyRun } from './one-by-one.ts';

export interface ManyImagesService {
  check(wish: CheckImages): Promise<Operation>;
  measure(wish: MeasureImages): Promise<Operation>;
  move(wish: MoveImages): Promise<Operation>;
}

export interface ManyImagesDeps {
  readonly library: Pick<ImagesFeature, 'images' | 'access'>;
  readonly operations: OperationsService;
  readonly moves: Pick<ImageMoves, 'offline'>;
}

/** Named in the operation; more would be a list that nobody reads. */
const subjectsShown = 20;
const subjectsOf = (images: readonly Image[]): OperationSubject[] =>
  images.slice(0, subjectsShown).map(({ id, name }) => ({ kind: 'image', id, name }));

const compactable: readonly string[] = ['qcow2', 'raw'];

/** Registers its executors; create it once, before operations are recovered. */
export const createManyImagesService = ({
  library,
  operations,
  moves,
}: ManyImagesDeps): ManyImagesService => {
  const { images, access } = library;
  operations.register(checkImagesExecutor(access));
  operations.register(measureImagesExecutor(access, images));
  operations.register(moveImagesExecutor({ access, operations, moves }));

  const named = (ids: readonly string[]): Image[] => [...new Set(ids)].map((id) => images.get(id));

  /** Why it is left out; null: it is worked on. */
  const busy = (
    image: Image,
    vms: readonly { vmId: string; vmName: string; running: boolean }[],
  ): string | null => {
    if (!image.present) return 'its file is gone';
    const running = vms.filter((vm) => vm.running).map(({ vmName }) => `“${vmName}”`);
    if (running.length > 0) return `it is in use by the running VM ${running.join(', ')}`;
    const exported = image.usedBy.find(({ kind }) => kind === 'export');
    if (exported !== undefined) return `it is open in the export “${exported.name}”`;
    const working = operations.activeOn({ images: [image.id], vms: vms.map(({ vmId }) => vmId) });
    return working === null ? null : `“${working.title}” is working on it`;
  };
  const unsafe = (image: Image): string | null => {
    try {
      demandCheckable(access, image);
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  };

  /** What is asked for by name is told when it is left out; of all, what has nothing to be looked at goes unsaid. */
  const sorted = (wanted: readonly Image[], whyNot: (image: Image) => string | null): ManyRun => {
    const forest = images.forest();
    const leftOut: LeftOut[] = [];
    const taken: { id: string; vms: string[] }[] = [];
    for (const image of wanted) {
      const vms = vmsOn(forest, image.id);
      const why = whyNot(image) ?? busy(image, vms);
      if (why === null) taken.push({ id: image.id, vms: vms.map(({ vmId }) => vmId).sort() });
      else leftOut.push({ imageId: image.id, name: image.name, why });
    }
    // The images of a VM one after the other: it may start as soon as these are done.
    taken.sort((one, other) => (one.vms.join() < other.vms.join() ? -1 : 1));
    const holds = Object.fromEntries(taken.flatMap(({ id, vms }) => (vms.length === 0 ? [] : [[id, vms]])));
    return { imageIds: taken.map(({ id }) => id), leftOut, holds };
  };

  const demandSome = (run: ManyRun, doing: string): void => {
    if (run.imageIds.length > 0) return;
    const [first] = run.leftOut;
    const why =
      first === undefined
        ? ''
        : ` ${leftOutWords(run.leftOut, doing).join(' ')} (“${first.name}”: ${first.why}.)`;
    throw new AppError('not-possible', `There is nothing to be ${doing}.${why}`);
  };
  const journal = { done: 0, found: [], leftOut: [] };

  return {
    check: async ({ images: ids, repair }) => {
      await images.scan();
      const wanted =
        ids === undefined
          ? images.list().filter(({ format }) => checkedFormats.includes(format))
          : named(ids);
      const run = sorted(wanted, (image) =>
        checkedFormats.includes(image.format)
          ? unsafe(image)
          : `it is ${image.format}: such a file has no tables in which anything could be wrong`,
      );
      demandSome(run, 'checked');
      const { length } = run.imageIds;
      return operations.start({
        kind: 'images-check',
        title: length === 1 ? 'Check 1 image' : `Check ${length} images`,
        request: { ...run, repair },
        journal,
        steps: [
          repair === 'leaks'
            ? 'Read the tables of each file, and give lost clusters back'
            : 'Read the tables of each file',
        ],
        subjects: subjectsOf(named(run.imageIds.slice(0, subjectsShown))),
        locks: { images: run.imageIds, vms: [...new Set(Object.values(run.holds).flat())] },
        unit: 'steps',
        total: length,
        cancelNote: 'What was checked stays known; the rest is not looked at.',
      });
    },

    measure: async ({ images: ids }) => {
      const isKnown = ({ id }: Image): boolean => {
        const { measured } = access.memory.of(id);
        const record = access.library.get(id);
        return measured !== null && record !== undefined && voidReason(measured.file, record) === null;
      };
      await images.scan();
      const wanted =
        ids === undefined
          ? images.list().filter((image) => compactable.includes(image.format) && !isKnown(image))
          : named(ids);
      const run = sorted(wanted, (image) =>
        compactable.includes(image.format)
          ? unsafe(image)
          : `it is ${image.format}: only qcow2 and raw can be compacted`,
      );
      demandSome(run, 'measured');
      const { length } = run.imageIds;
      return operations.start({
        kind: 'images-measure',
        title: `Measure what compacting ${length === 1 ? '1 image' : `${length} images`} gives back`,
        // Nothing is held: who writes a file meanwhile makes what was measured of it void.
        request: { ...run, holds: {} },
        journal,
        steps: ['Look through each file for zeros and unused clusters'],
        subjects: subjectsOf(named(run.imageIds.slice(0, subjectsShown))),
        locks: { images: [], vms: [] },
        unit: 'steps',
        total: length,
        cancelNote: 'What was measured stays known.',
      });
    },

    move: async ({ images: ids, folder, useReserve }) => {
      const place = await libraryFolder(access, folder);
      const wanted = named(ids);
      return operations.start({
        kind: 'images-move',
        title: `Move ${wanted.length === 1 ? '1 image' : `${wanted.length} images`} to ${place}`,
        request: { imageIds: wanted.map(({ id }) => id), folder: place, useReserve: useReserve ?? false },
        journal: { done: 0, childId: null, moved: [], leftOut: [] },
        steps: ['Move each file with every link to it, one after the other'],
        subjects: subjectsOf(wanted),
        // Each move is an operation of its own and holds what it works on.
        locks: { images: [], vms: [] },
        unit: 'steps',
        total: wanted.length,
        cancelNote: 'What was moved stays in its new folder, the rest where it is.',
      });
    },
  };
};
