import { apart, differingExtents, type ExtentList, type LayerId } from '@strata/backing-chain';
import type { ImagesService } from '../../images/images.types.ts';

/** Where two layers can differ, from what those hold that only one of them stands on. */
export const whereTheyDiffer = async (
  images: Pick<ImagesService, 'checkedChain' | 'forest' | 'allocation'>,
  ids: readonly [LayerId, LayerId],
): Promise<ExtentList> => {
  // A chain that does not hold together shows nothing that could be compared.
  for (const id of ids) await images.checkedChain(id);
  const forest = images.forest();
  const allocation = new Map<LayerId, ExtentList>();
  for (const id of apart(forest, ...ids).flat()) allocation.set(id, await images.allocation(id));
  return differingExtents(forest, allocation, ...ids);
};
