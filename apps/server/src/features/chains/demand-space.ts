import { dirname } from 'node:path';
import type { ChainPlan, Forest } from '@strata/backing-chain';
import { AppError } from '../../app-error.ts';
import { byteWords } from './byte-words.ts';
import { type SpaceNeeded, spendableOf } from './free-space.ts';

/** Throws `disk-full` where a file system has less to give than the plan may need. */
export const demandSpace = (
  forest: Forest,
  plan: ChainPlan,
  spaces: readonly SpaceNeeded[],
  useReserve: boolean,
): void => {
  const short = spaces.find((space) => {
    const usable = spendableOf(space, useReserve);
    return usable !== null && space.needed > usable;
  });
  if (short === undefined) return;
  const name = forest.layers.get(plan.grows.layer)?.name ?? '';
  const kept = `${byteWords(short.reserve)} of them are kept as a reserve`;
  const free = `${byteWords(short.free ?? 0)} are free in ${short.mountPoint}${useReserve ? '' : `, but ${kept}`}`;
  if (plan.relocates !== undefined)
    throw new AppError(
      'disk-full',
      `“${name}” may take ${byteWords(short.needed)} in ${dirname(plan.relocates.to)}, and ${free}. Free some space first, or choose another folder.`,
    );
  throw new AppError(
    'disk-full',
    `“${name}” may grow by ${byteWords(short.needed)}, and ${free}. Free some space first.`,
  );
};
