import type { Blocker, LayerId } from '@strata/backing-chain';
import type { ImagesService } from '../images/images.types.ts';
import { taintWords } from '../operations/connect-operations.ts';
import type { TaintedLayer } from '../operations/operations.types.ts';
import type { ChainWish } from './chain-wish.ts';

/** What is about to be done with the range: the base of a commit, the new backing of a pull, or anything else. */
export type TaintUse = { readonly commitInto: LayerId } | { readonly pullOnto: LayerId | null } | 'other';

/**
 * Null: the file only goes to the trash, which is what a layer that nobody can read is for; or to another folder, where
 * it reads what it reads here.
 */
export const taintUseOf = (wish: ChainWish): TaintUse | null => {
  if (wish.operation === 'move') return null;
  if (wish.operation === 'commit') return { commitInto: wish.base };
  if (wish.operation === 'pull') return { pullOnto: wish.base };
  if (wish.operation === 'rebase') return wish.relink ? 'other' : { pullOnto: wish.backing };
  if (wish.operation === 'compact') return 'other';
  const [part] = wish.parts;
  return part === undefined ? null : { pullOnto: part.base };
};

/**
 *     s3 (above)          A commit of s2 into base did not end. s2 and s3 still read right, because what was overwritten
 *     s2 (its top)        in base lies in s2 or s1 too. So two things repair it: the same commit again, into the same
 *     s1 ✗                base, from the same top or from above it; and a pull from s2 or above it past all of these.
 *     base ✗              A pull that ended on s1 or base would leave them without s2, changed for ever.
 */
const isInTheWay = (taint: TaintedLayer, range: readonly LayerId[], use: TaintUse): boolean => {
  const { imageId, topId, baseId } = taint;
  if (use !== 'other' && 'pullOnto' in use && use.pullOnto === imageId) return true;
  if (!range.includes(imageId)) return false;
  if (use === 'other' || !range.includes(topId)) return true;
  return 'commitInto' in use && use.commitInto !== baseId;
};

export const taintBlockers = (
  range: readonly LayerId[],
  use: TaintUse,
  taints: readonly TaintedLayer[],
  images: Pick<ImagesService, 'facts'>,
): Blocker[] =>
  taints
    .filter((taint) => isInTheWay(taint, range, use))
    .map((taint) => {
      const { message, repair } = taintWords(taint, images);
      return {
        code: 'tainted',
        message: `${message} ${repair}`,
        subjects: [{ kind: 'image', id: taint.imageId, name: images.facts(taint.imageId).name }],
      };
    });
