import { chainIds, rangesOf, totalLength } from '@strata/backing-chain';
import type { Compare, Comparison, Operation } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import type { Db } from '../../../db/open-database.ts';
import { readTags } from '../../../qemu/image-tags.ts';
import type { ImagesService } from '../../images/images.types.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import type { VmsService } from '../../vms/vms.types.ts';
import { ambiguity } from '../internal/tag-blockers.ts';
import { snapshotsRepository } from '../snapshots.repository.ts';
import type { StoredSnapshot } from '../snapshots.types.ts';
import { compareExecutor, told } from './compare.executor.ts';
import { type Point, type Points, pointsOf } from './points.ts';
import { type Place, whereTheyDiffer } from './where-they-differ.ts';

export interface CompareDeps {
  readonly db: Db;
  readonly images: ImagesService;
  readonly vms: VmsService;
  readonly operations: OperationsService;
  /** For sockets: a short path. */
  readonly runDir: string;
}

export interface Comparisons {
  /** From what the layers hold, at once. */
  compare(vmId: string, wish: Compare): Promise<Comparison>;
  /** By reading both. Throws `vm-running` for the disk that a VM writes at this moment. */
  compareContents(vmId: string, wish: Pick<Compare, 'from' | 'to' | 'disk'>): Promise<Operation>;
}

/** Registers its executor; create it once, before operations are recovered. */
export const createComparisons = (deps: CompareDeps): Comparisons => {
  const { db, images, vms, operations } = deps;
  const repository = snapshotsRepository(db);
  operations.register(compareExecutor(deps));

  const points = (vmId: string, wish: Pick<Compare, 'from' | 'to' | 'disk'>): Points => {
    const find = (id: string): StoredSnapshot => {
      const snapshot = repository.find(id);
      if (snapshot === null || snapshot.vmId !== vmId)
        throw new AppError('not-found', `The VM has no snapshot ${id}.`);
      return snapshot;
    };
    return pointsOf(vms.get(vmId), find, wish);
  };

  const placeOf = async ({ imageId, tag }: Point): Promise<Place> => {
    if (tag === null) return { imageId, snapshot: null };
    const { name, path } = images.facts(imageId);
    const tags = await readTags(path);
    const reason = ambiguity(tags, tag);
    const found = tags.find((known) => known.tag === tag);
    if (reason !== null || found === undefined)
      throw new AppError('not-possible', `“${name}” ${reason ?? 'cannot be read.'}`);
    return { imageId, snapshot: found.id };
  };
  const placesOf = async ({ from, to }: Points) => [await placeOf(from), await placeOf(to)] as const;

  /** Of one moment, and to be read: nobody writes it. */
  const demandReadable = async ({ imageId, tag }: Point): Promise<void> => {
    if (tag !== null) await images.readableTag(imageId, tag);
    else if (images.forest().disks.some((disk) => disk.running && disk.imageId === imageId))
      throw new AppError(
        'vm-running',
        'The running VM writes this disk, so that it has no contents of one moment. Take a snapshot and compare that, or shut the VM down.',
      );
  };

  return {
    compare: async (vmId, wish) => {
      const found = points(vmId, wish);
      const { extents, sizes } = await whereTheyDiffer(images, await placesOf(found));
      const virtualSize = Math.max(...sizes);
      return {
        ...{ from: wish.from, to: wish.to, diskId: found.diskId, virtualSize },
        // Where nothing can differ, nothing does.
        exact: extents.length === 0,
        ...told(rangesOf(extents), virtualSize, wish.columns),
      };
    },
    compareContents: async (vmId, wish) => {
      const found = points(vmId, wish);
      for (const point of [found.from, found.to]) await demandReadable(point);
      const places = await placesOf(found);
      const ids = [places[0].imageId, places[1].imageId] as const;
      const { extents, sizes } = await whereTheyDiffer(images, places);
      const forest = images.forest();
      const vm = vms.get(vmId);
      return operations.start({
        kind: 'snapshot-compare',
        title: `Compare “${found.from.name}” with “${found.to.name}” of “${vm.name}”`,
        request: {
          ...{ from: wish.from, to: wish.to, diskId: found.diskId, images: ids },
          snapshots: [places[0].snapshot, places[1].snapshot],
          virtualSize: Math.max(...sizes),
        },
        journal: {},
        steps: ['Read both where they can differ, and compare'],
        subjects: [
          { kind: 'vm', id: vm.id, name: vm.name },
          ...[wish.from, wish.to].flatMap((id, side) =>
            id === 'current'
              ? []
              : [{ kind: 'snapshot' as const, id, name: (side === 0 ? found.from : found.to).name }],
          ),
        ],
        locks: { images: [], reads: [...new Set(ids.flatMap((id) => chainIds(forest, id)))], vms: [] },
        unit: 'bytes',
        total: totalLength(extents),
        cancelNote: 'Nothing changes: it only reads.',
      });
    },
  };
};
