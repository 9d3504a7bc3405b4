import type { ChainPlan } from '@strata/backing-chain';
import { AppError } from '../../../app-error.ts';
import type { ChainRun, ExecutorDeps } from './chain-run.types.ts';

/** Every link of the plan's outcome, read from the headers on disk. */
export const verifyLinks = async ({ images }: ExecutorDeps, plan: ChainPlan): Promise<void> => {
  await images.refresh(plan.after.flat());
  for (const chain of plan.after)
    for (const [index, id] of chain.entries()) {
      const expected = chain[index + 1] ?? null;
      const { backingId, name } = images.facts(id);
      if (backingId !== expected)
        throw new AppError(
          'image-unreadable',
          `“${name}” does not stand on the layer that the plan says. Nothing was deleted; look at the chain before going on.`,
        );
    }
};

/** No layer that stays has become smaller, and none but the one that grows has another size. */
export const verifySizes = ({ images }: ExecutorDeps, { plan, layers }: ChainRun): void => {
  for (const id of new Set(plan.after.flat())) {
    const before = layers[id]?.virtualSize;
    const { virtualSize, name } = images.facts(id);
    if (before === undefined || virtualSize === before) continue;
    if (id === plan.grows.layer && virtualSize > before) continue;
    throw new AppError(
      'image-unreadable',
      `The size of the disk in “${name}” has changed from ${before} to ${virtualSize} bytes, which no plan says. Nothing was deleted.`,
    );
  }
};
