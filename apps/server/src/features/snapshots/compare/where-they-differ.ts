import { apart, differingExtents, type ExtentList, type LayerId, union } from '@strata/backing-chain';
import { readMappedApart } from '@strata/disk-image';
import { AppError } from '../../../app-error.ts';
import type { ImagesService } from '../../images/images.types.ts';

/** What a layer shows now, or inside the internal snapshot of this number. */
export interface Place {
  readonly imageId: LayerId;
  readonly snapshot: string | null;
}

export interface Differing {
  /** At most there. */
  readonly extents: ExtentList;
  /** How long the disk is on each side. */
  readonly sizes: readonly [number, number];
}

type Images = Pick<ImagesService, 'checkedChain' | 'facts' | 'forest' | 'allocation'>;

/** Two states of one layer: where its tables map them to different clusters. */
const withinLayer = async (
  images: Images,
  imageId: LayerId,
  one: string | null,
  other: string | null,
): Promise<Differing> => {
  const { name, path, virtualSize } = images.facts(imageId);
  if (one === other && one === null) return { extents: [], sizes: [virtualSize, virtualSize] };
  // A running VM then writes down what it knows of its own layer.
  if (one === null || other === null) await images.allocation(imageId);
  const found = await readMappedApart(path, one, other);
  if (found === null)
    throw new AppError('not-possible', `“${name}” no longer holds the internal snapshot that is compared.`);
  return found;
};

/** From what those layers hold that only one of the two stands on. */
const betweenLayers = async (images: Images, ids: readonly [LayerId, LayerId]): Promise<ExtentList> => {
  const forest = images.forest();
  const allocation = new Map<LayerId, ExtentList>();
  for (const id of apart(forest, ...ids).flat()) allocation.set(id, await images.allocation(id));
  return differingExtents(forest, allocation, ...ids);
};

/**
 * Where two places can differ, from tables alone. A tag differs from its layer at most where both are mapped apart, and
 * the layers from each other at most where one of them holds something: nowhere else can the two.
 */
export const whereTheyDiffer = async (
  images: Images,
  [one, other]: readonly [Place, Place],
): Promise<Differing> => {
  // A chain that does not hold together shows nothing that could be compared.
  for (const { imageId } of [one, other]) await images.checkedChain(imageId);
  if (one.imageId === other.imageId) return withinLayer(images, one.imageId, one.snapshot, other.snapshot);
  const [left, right] = [
    await withinLayer(images, one.imageId, one.snapshot, null),
    await withinLayer(images, other.imageId, other.snapshot, null),
  ];
  const between = await betweenLayers(images, [one.imageId, other.imageId]);
  return {
    extents: union(union(left.extents, right.extents), between),
    sizes: [left.sizes[0], right.sizes[0]],
  };
};
