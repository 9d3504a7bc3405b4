import type { Allocation, ExtentList, Forest, LayerId } from '@strata/backing-chain';
import type { ImagesService } from '../images/images.types.ts';

/** What these layers hold themselves; nothing of those whose file is gone. */
export const allocationOf = async (
  images: Pick<ImagesService, 'allocation'>,
  forest: Forest,
  layers: readonly LayerId[],
): Promise<Allocation> => {
  const allocation = new Map<LayerId, ExtentList>();
  for (const id of new Set(layers))
    if (forest.layers.get(id)?.present === true) allocation.set(id, await images.allocation(id));
  return allocation;
};
