import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LayerId } from '@strata/backing-chain';
import { AppError } from '../../../app-error.ts';
import { relativeBacking } from '../../../backing-link.ts';
import { contentsAreEqual } from '../../../qemu/image-work.ts';
import { checkImage, relinkImage } from '../../../qemu/qemu-img.ts';
import { endRebase, type NewBacking, readsSameOver, rebaseImage } from '../../../qemu/rebase-image.ts';
import { workWatch } from '../../../qemu/work-watch.ts';
import type { Executor, OperationContext } from '../operations.types.ts';
import type { ChainRun, ExecutorDeps, RunLayer } from './chain-run.types.ts';
import { type PullJournal, type PullRun, pullExecutor } from './pull.ts';
import { recordResult } from './record-result.ts';
import { verifyLinks, verifySizes } from './verify-chains.ts';

/*
 *    layer ──┐                  layer'        copied: what `old` and `backing` show differently, then the link;
 *    old     backing    ──▶     backing       proven: layer' over old reads like layer' over backing. Both are still
 *                                             there, and over old it reads what it always did: that is the way back
 */

/** Onto an image that is not in its chain, or only the link. Onto a layer of its own chain it is a pull. */
export interface RebaseCopyRun extends ChainRun {
  readonly layer: LayerId;
  readonly old: LayerId | null;
  readonly backing: LayerId | null;
  readonly relink: boolean;
  /** Whether the old backing can be read. */
  readonly compared: boolean;
}
export type RebaseRun = RebaseCopyRun | PullRun;

export interface RebaseCopyJournal {
  /**
   * `copying`: data may have been copied, and the link may have been rewritten. `compared`: the two backings read the
   * same, the link may have been rewritten. `recorded`: verified.
   */
  readonly phase: 'copying' | 'compared' | 'recorded';
}
export type RebaseJournal = RebaseCopyJournal | PullJournal;
type Context = OperationContext<RebaseCopyRun, RebaseCopyJournal>;

/** What touches the files; tests put something between. */
export interface RebaseTools {
  readonly rebaseImage: typeof rebaseImage;
  readonly relinkImage: typeof relinkImage;
}

const layerOf = (run: ChainRun, id: LayerId): RunLayer => {
  const layer = run.layers[id];
  if (layer === undefined) throw new Error(`the plan does not describe the layer ${id}`);
  return layer;
};

const linkTo = (run: RebaseCopyRun, id: LayerId | null): NewBacking | null => {
  if (id === null) return null;
  const { path, format } = layerOf(run, id);
  return { name: relativeBacking(dirname(layerOf(run, run.layer).path), path), format };
};

const isLinked = async ({ images }: ExecutorDeps, { layer, backing }: RebaseCopyRun): Promise<boolean> => {
  await images.refresh([layer]);
  return images.facts(layer).backingId === backing;
};

const lookAgainMs = 500;

/**
 * A qemu-img that has outlived its server holds the image while it works: what it does is what is wanted, so it is
 * waited for. When the user cancels it is ended first: later it would write a link that nobody knows of.
 */
const onceFree = async (deps: ExecutorDeps, context: Context, work: () => Promise<void>): Promise<void> => {
  const run = context.request;
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!context.resumed || !(error instanceof AppError) || error.code !== 'image-locked') throw error;
      context.recovered(
        'The process that an earlier server had started was still at work and was waited for.',
      );
      await sleep(lookAgainMs, undefined, { signal: context.cancelled }).catch(() => {});
      if (!context.cancelled.aborted) continue;
      await endRebase(layerOf(run, run.layer).path, linkTo(run, run.backing));
      if (!(await isLinked(deps, run))) throw context.cancelled.reason;
    }
  }
};

/** The gate before QEMU opens anything: every header of both chains, read afresh. */
const checkChains = async ({ images }: ExecutorDeps, run: RebaseCopyRun): Promise<void> => {
  if (run.compared) {
    await images.checkedChain(run.layer);
    if (run.old !== null) await images.checkedChain(run.old);
  }
  if (run.backing !== null) await images.checkedChain(run.backing);
};

const watchOf = (context: Context) =>
  workWatch(context, (fraction) => {
    const { bytesToMove } = context.request.plan;
    context.progress(Math.round(fraction * bytesToMove), bytesToMove);
  });

const copy = async (deps: ExecutorDeps, context: Context, tools: RebaseTools): Promise<void> => {
  const run = context.request;
  const layer = layerOf(run, run.layer);
  context.step(0);
  await checkChains(deps, run);
  await onceFree(deps, context, async () => {
    if (await isLinked(deps, run)) {
      context.recovered('All data had been copied; the rest was finished.');
      return;
    }
    if (context.resumed) context.recovered('The copying was begun again.');
    try {
      await tools.rebaseImage(layer.path, linkTo(run, run.backing), watchOf(context));
    } catch (error) {
      // Ended a moment too late: the link was written already, so the rest is proven and finished.
      if (!context.cancelled.aborted || !(await isLinked(deps, run))) throw error;
    }
  });
  context.controls(null);
  context.finishing();
  context.step(1);
  const [old, backing] = [run.old, run.backing].map((id) => (id === null ? null : layerOf(run, id)));
  // Over the old backing it still reads what it always did.
  const putBack = async (): Promise<void> => {
    await tools.relinkImage(layer.path, linkTo(run, run.old));
    await deps.images.refresh([run.layer]);
  };
  const proof = readsSameOver(layer.path, old ?? null, backing ?? null);
  const isWhole = await proof.catch(async (error: unknown) => {
    if (!context.ending) await putBack();
    throw error;
  });
  if (isWhole) return;
  await putBack();
  throw new AppError(
    'image-unreadable',
    `Over its new backing “${layer.name}” did not read the same. It was linked to its old one again, and reads what it always did.`,
  );
};

const compare = async (context: Context): Promise<void> => {
  const run = context.request;
  context.step(0);
  if (run.compared && run.old !== null && run.backing !== null) {
    const [old, backing] = [layerOf(run, run.old), layerOf(run, run.backing)];
    if (!(await contentsAreEqual(old, backing, workWatch(context))))
      throw new AppError(
        'not-possible',
        `“${backing.name}” does not read like “${old.name}”: relinked, “${layerOf(run, run.layer).name}” would show other data. Nothing was changed. Rebase it safely instead.`,
      );
  }
  context.controls(null);
  context.save({ ...context.journal, phase: 'compared' });
};

const relink = async (deps: ExecutorDeps, context: Context, tools: RebaseTools): Promise<void> => {
  const run = context.request;
  await checkChains(deps, run);
  if (context.journal.phase === 'copying') await compare(context);
  context.finishing();
  context.step(1);
  await onceFree(deps, context, async () => {
    if (await isLinked(deps, run)) context.recovered('The link had been written; the rest was finished.');
    else await tools.relinkImage(layerOf(run, run.layer).path, linkTo(run, run.backing));
  });
};

const verify = async (deps: ExecutorDeps, { request }: Context): Promise<void> => {
  await verifyLinks(deps, request.plan);
  verifySizes(deps, request);
  const layer = layerOf(request, request.layer);
  const { errors } = await checkImage(layer);
  if (errors > 0)
    throw new AppError(
      'image-unreadable',
      `A check of “${layer.name}” finds ${errors} errors after the rebase. What it stood on before was kept.`,
    );
};

const runCopy = async (
  deps: ExecutorDeps,
  context: Context,
  tools: RebaseTools,
): Promise<Record<string, unknown>> => {
  const { layer, plan, relink: onlyLink } = context.request;
  if (context.journal.phase !== 'recorded') {
    await (onlyLink ? relink(deps, context, tools) : copy(deps, context, tools));
    context.finishing();
    await verify(deps, context);
    context.save({ ...context.journal, phase: 'recorded' }, () => recordResult(deps, plan));
  }
  return { imageId: layer };
};

export const rebaseExecutor = (
  deps: ExecutorDeps,
  tools: RebaseTools = { rebaseImage, relinkImage },
): Executor<RebaseRun, RebaseJournal> => ({
  kind: 'rebase',
  run: (context) =>
    'into' in context.request
      ? pullExecutor(deps).run(context as unknown as OperationContext<PullRun, PullJournal>)
      : runCopy(deps, context as unknown as Context, tools),
});

/** Flatten is the pull of everything. */
export const flattenExecutor = (deps: ExecutorDeps): Executor<PullRun, PullJournal> => ({
  ...pullExecutor(deps),
  kind: 'flatten',
});
