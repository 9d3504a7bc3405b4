import { maxDepth } from '@strata/backing-chain';
import { AppError } from '../../app-error.ts';
import type { ImageFacts } from '../images/images.types.ts';

/** Throws when a chain, top first, cannot have one more layer: no VM could be started on it. */
export const demandRoom = (chain: readonly ImageFacts[]): void => {
  if (chain.length < maxDepth) return;
  throw new AppError(
    'not-possible',
    `The chain of “${chain[0]?.name}” already has ${maxDepth} layers. Merge some of them first.`,
  );
};
