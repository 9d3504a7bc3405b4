import { AppError } from '../../app-error.ts';
import { visibleChain } from './chain-facts.ts';
import type { ImageWorld } from './image-world.ts';

/** An unfinished operation that changes a layer, or one below it, is waited for. `operationId`: whose own locks do not count. */
export const demandIdle = (world: ImageWorld, id: string, operationId?: string): void => {
  const chain = new Set(visibleChain(world, id));
  const working = world
    .operations()
    .find((use) => use.changes && use.operationId !== operationId && chain.has(use.imageId));
  if (working !== undefined) {
    const { name } = world.record(working.imageId);
    throw new AppError(
      'operation-running',
      `“${working.title}” is changing “${name}”, so nothing new may stand on it. Wait for its end, or cancel it first.`,
    );
  }
};

/**
 * Before something new stands on a layer: what the layer shows must stay, and a commit that did not end has left it as
 * nobody wants it.
 */
export const demandSettled = (world: ImageWorld, id: string, operationId?: string): void => {
  demandIdle(world, id, operationId);
  const taint = world.taintOf(id);
  if (taint === undefined) return;
  const message = `${taint.message} ${taint.repair}`;
  throw new AppError('plan-blocked', message, { blockers: [{ code: 'tainted', message }] });
};
