import type { Blocker, LayerId } from '@strata/backing-chain';
import type { ImagesService } from '../images/images.types.ts';
import { taintWords } from '../operations/connect-operations.ts';
import type { TaintedLayer } from '../operations/operations.types.ts';

/**
 * A layer that an unfinished commit has changed blocks everything that would use it, except the same commit again:
 * into the same base, from the same top or from above it.
 */
export const taintBlockers = (
  range: readonly LayerId[],
  commitBase: LayerId | null,
  taints: readonly TaintedLayer[],
  images: Pick<ImagesService, 'facts'>,
): Blocker[] =>
  taints
    .filter(({ imageId }) => range.includes(imageId))
    .filter(({ topId, baseId }) => baseId !== commitBase || !range.includes(topId))
    .map((taint) => {
      const { message, repair } = taintWords(taint, images);
      return {
        code: 'tainted',
        message: `${message} ${repair}`,
        subjects: [{ kind: 'image', id: taint.imageId, name: images.facts(taint.imageId).name }],
      };
    });
