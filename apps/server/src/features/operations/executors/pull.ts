import { dirname } from 'node:path';
import { chainIds, type LayerId, planPull } from '@strata/backing-chain';
import { AppError } from '../../../app-error.ts';
import { relativeBacking } from '../../../backing-link.ts';
import type { BlockEngine, DaemonIdentity } from '../../../qemu/block-engine.types.ts';
import { abandonJob, pullLayers } from '../../../qemu/block-jobs.ts';
import { checkImage } from '../../../qemu/qemu-img.ts';
import { relinkLayer } from '../../../qemu/relink-layer.ts';
import type { Executor, OperationContext } from '../operations.types.ts';
import type { ChainRun, ExecutorDeps } from './chain-run.types.ts';
import { followJob, jobIdOf } from './job-follow.ts';
import { nothingMoves } from './nothing-moves.ts';
import { recordResult } from './record-result.ts';
import { verifyLinks, verifySizes } from './verify-chains.ts';
import { closeLeftover, withEngine } from './with-engine.ts';

/*
 *    active                       active
 *    s2 (into) <─┬─┐              s2 (into)
 *    s1 ─────────┘ │
 *    base ─────────┘ (from)       s1, base: unchanged, still there
 */

export interface PullRun extends ChainRun {
  readonly into: LayerId;
  /** The layer `into` stands on afterwards; null: on none. */
  readonly base: LayerId | null;
}

export interface PullJournal {
  /**
   * `copying`: the job may have begun. `linking`: everything is on disk and the link may have been rewritten.
   * `copied`: a storage daemon has ended well. `recorded`: verified, and the books say so.
   */
  readonly phase: 'copying' | 'linking' | 'copied' | 'recorded';
  readonly daemon: DaemonIdentity | null;
}
type Context = OperationContext<PullRun, PullJournal>;

/** The job rewrites the link only after everything was flushed: a link that is as planned is the end of the job. */
const isLinked = async ({ images }: ExecutorDeps, { into, base }: PullRun): Promise<boolean> => {
  await images.refresh([into]);
  return images.facts(into).backingId === base;
};

const pull = async (deps: ExecutorDeps, context: Context, engine: BlockEngine) => {
  if (context.journal.phase === 'linking' && (await isLinked(deps, context.request))) {
    await abandonJob(engine, jobIdOf(context.id));
    context.recovered('All data had been copied; the rest was finished.');
    return 'done';
  }
  context.cancelled.throwIfAborted();
  if (engine.daemon !== null || context.journal.daemon !== null)
    context.save({ ...context.journal, daemon: engine.daemon });
  const { into, base, layers } = context.request;
  const target = layers[into];
  const below = base === null ? null : layers[base];
  if (target === undefined || below === undefined) throw new Error('incomplete plan');
  return pullLayers(
    engine,
    {
      jobId: jobIdOf(context.id),
      into: target.path,
      base: below?.path ?? null,
      backingFile: below === null ? null : relativeBacking(dirname(target.path), below.path),
      speed: context.speed(),
    },
    followJob(
      context,
      {
        finalizing: () => {
          context.step(1);
          context.save({ ...context.journal, phase: 'linking' });
        },
      },
      { plan: context.request.plan, into },
    ),
  );
};

/** Nothing of what is passed over is seen: only the link changes. The same again after a crash. */
const relinkOnly = async (deps: ExecutorDeps, context: Context): Promise<boolean> => {
  const { into, base, layers } = context.request;
  const [target, below] = [layers[into], base === null ? undefined : layers[base]];
  if (context.journal.phase !== 'copying' || context.journal.daemon !== null) return false;
  if (target === undefined || below === undefined || context.resumed) return false;
  const chain = chainIds(deps.images.forest(), into);
  const sources = chain.slice(1, chain.indexOf(base ?? ''));
  const replan: Parameters<typeof nothingMoves>[2]['replan'] = (forest, allocation) =>
    planPull(forest, allocation, { into, from: sources.at(-1) });
  if (sources.length === 0 || !(await nothingMoves(deps, context, { sources, target: into, replan })))
    return false;
  context.step(0);
  context.cancelled.throwIfAborted();
  context.finishing();
  context.step(1);
  context.save({ ...context.journal, phase: 'linking' });
  const name = relativeBacking(dirname(target.path), below.path);
  await relinkLayer(target.path, { name, format: below.format }, true);
  return true;
};

/** False: no byte had to move, only the link was rewritten. */
const copy = async (deps: ExecutorDeps, context: Context): Promise<boolean> => {
  const { request } = context;
  if (await relinkOnly(deps, context)) return false;
  context.step(0);
  const end = await withEngine(
    deps,
    context,
    () => ({ liveVm: request.plan.liveVm, daemon: context.journal.daemon, root: request.into }),
    (engine) => pull(deps, context, engine),
  );
  // A cancelled pull leaves nothing: what was copied reads the same from above and from below.
  if (end === 'cancelled') throw context.cancelled.reason;
  // What follows in a VM is done in a moment, and found out again as fast.
  if (context.journal.daemon !== null) context.save({ ...context.journal, phase: 'copied' });
  return true;
};

const verify = async (deps: ExecutorDeps, context: Context, copied: boolean): Promise<void> => {
  const { request } = context;
  await verifyLinks(deps, request.plan);
  verifySizes(deps, request);
  const target = request.layers[request.into];
  // While a VM writes the file its tables on disk lag behind, and a check of them means nothing (§11).
  const { liveVm } = request.plan;
  const inUse = liveVm !== null && deps.vms.live(liveVm.vmId) !== null;
  if (target === undefined || inUse || target.format !== 'qcow2' || !copied) return;
  const { errors } = await checkImage(target);
  if (errors > 0)
    throw new AppError(
      'image-unreadable',
      `A check of “${target.name}” finds ${errors} errors after the pull. The layers below were kept.`,
    );
};

/** What nothing stands on any more goes to the trash, from the top down. */
const deleteUnused = async ({ images }: ExecutorDeps, context: Context): Promise<void> => {
  const { deletes } = context.request.plan;
  context.release({ images: deletes });
  for (const id of deletes) if (images.list().some((image) => image.id === id)) await images.delete(id);
};

export const pullExecutor = (deps: ExecutorDeps): Executor<PullRun, PullJournal> => ({
  kind: 'pull',
  run: async (context) => {
    const { phase } = context.journal;
    let copied = true;
    if (phase !== 'copied' && phase !== 'recorded') copied = await copy(deps, context);
    else await closeLeftover(deps, context, context.journal.daemon);
    context.finishing();
    context.step(2);
    if (context.journal.phase !== 'recorded') {
      await verify(deps, context, copied);
      context.save({ ...context.journal, phase: 'recorded' }, () => recordResult(deps, context.request.plan));
    }
    if (context.request.plan.deletes.length > 0) {
      context.step(3);
      await deleteUnused(deps, context);
    }
    return { imageId: context.request.into };
  },
});
