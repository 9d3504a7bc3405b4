import { dirname } from 'node:path';
import {
  commitRefusal,
  contentBlockerCodes,
  type LayerId,
  overlaysOf,
  planCommit,
} from '@strata/backing-chain';
import { AppError } from '../../../app-error.ts';
import { relativeBacking } from '../../../backing-link.ts';
import type { BlockEngine, DaemonIdentity } from '../../../qemu/block-engine.types.ts';
import { abandonJob, commitLayers, untilReady } from '../../../qemu/block-jobs.ts';
import { pivot } from '../../../qemu/pivot.ts';
import { checkImage, imagesAreEqual } from '../../../qemu/qemu-img.ts';
import { relinkLayer } from '../../../qemu/relink-layer.ts';
import type { Executor, OperationContext } from '../operations.types.ts';
import type { ChainRun, ExecutorDeps, RunLayer } from './chain-run.types.ts';
import { followJob, jobIdOf } from './job-follow.ts';
import { nothingMoves } from './nothing-moves.ts';
import { recordResult } from './record-result.ts';
import { letRunOn, untilWrittenDown } from './switch-disk.ts';
import { verifyLinks, verifySizes } from './verify-chains.ts';
import { closeLeftover, withEngine } from './with-engine.ts';

/*
 *  intermediate                               active
 *
 *    active                 active              active (top) ─┐
 *    s2                     s2                  s1            │
 *    s1 (top) ─┐                                base <────────┘      base (active)
 *    base <────┘            base
 */

export interface CommitRun extends ChainRun {
  readonly top: LayerId;
  readonly base: LayerId;
  /** The overlay of `top` whose link the job itself rewrites; null when nothing stands on `top`: an active commit. */
  readonly above: LayerId | null;
}

export interface CommitJournal {
  /**
   * `new`: nothing is touched. `copying`: the job may have begun. `pivoting`: the VM may be stopped and its disk
   * may continue on the base. `switched`: it does and the books say so; the VM may still be stopped. `copied`: the
   * data is in the base, the links say so. `recorded`: the books say so too.
   */
  readonly phase: 'new' | 'copying' | 'pivoting' | 'switched' | 'copied' | 'recorded';
  readonly daemon: DaemonIdentity | null;
  readonly vmWasRunning: boolean;
  /** A commit before this one had left the layers half changed; then they stay marked even if this one never begins. */
  readonly repeats?: boolean;
  /** No byte had to move, and none was written. */
  readonly untouched?: boolean;
}
type Context = OperationContext<CommitRun, CommitJournal>;

const layerOf = (run: ChainRun, id: LayerId): RunLayer => {
  const layer = run.layers[id];
  if (layer === undefined) throw new Error(`the plan does not describe the layer ${id}`);
  return layer;
};

/** From the first byte on the base and what lies between no longer read as before (qemu-recipes.md §8). */
const changedLayers = ({ plan, top, base }: CommitRun): LayerId[] => [
  base,
  ...plan.deletes.filter((id) => id !== top),
];

/** Before the first byte is written: whatever ends this, nobody takes the layers for what they were. */
const beginCopying = (context: Context, daemon: DaemonIdentity | null): void => {
  const { top, base } = context.request;
  const phase = context.journal.phase === 'pivoting' ? 'pivoting' : 'copying';
  const repeats = context.journal.repeats ?? context.taints.list().some(({ baseId }) => baseId === base);
  context.save({ ...context.journal, phase, daemon, repeats }, () =>
    context.taints.add(
      changedLayers(context.request).map((imageId) => ({
        imageId,
        operationId: context.id,
        topId: top,
        baseId: base,
      })),
    ),
  );
};

/** The job was refused before its first byte. */
const neverBegan = (context: Context): void => {
  if (context.journal.repeats !== false) return;
  context.save({ ...context.journal, phase: 'new' }, () => context.taints.clear(context.request.base));
};

/** Between the plan and the lock something may have come to stand on these layers. From the lock on, Strata lets nothing. */
const demandAsPlanned = async ({ images }: ExecutorDeps, { request }: Context): Promise<void> => {
  const { plan, top, base } = request;
  await images.scan();
  const forest = { ...images.forest(), operations: [] };
  const refusal = commitRefusal(forest, { top, base });
  const overlays = overlaysOf(forest, top).map(({ id }) => id);
  const others = overlays.filter((id) => !plan.relinks.some(({ layer }) => layer === id));
  const stranger =
    refusal === null
      ? undefined
      : 'refused' in refusal
        ? refusal
        : refusal.find(({ code }) => contentBlockerCodes.has(code) || code === 'forest-incomplete');
  if (stranger === undefined && others.length === 0) return;
  const what = stranger?.message ?? 'Another overlay stands on these layers now.';
  throw new AppError('plan-stale', `${what} Nothing was changed; look at the new plan.`);
};

/** Whether a job of an earlier run has rewritten the link already. */
const isLinked = async ({ images }: ExecutorDeps, { above, base }: CommitRun): Promise<boolean> => {
  if (above === null) return false;
  await images.refresh([above]);
  return images.facts(above).backingId === base;
};

const commitUnder = async (
  deps: ExecutorDeps,
  context: Context,
  above: LayerId,
  engine: BlockEngine,
  started: () => void,
) => {
  const { request } = context;
  const jobId = jobIdOf(context.id);
  const top = layerOf(request, request.top);
  const base = layerOf(request, request.base);
  if (await isLinked(deps, request)) {
    await abandonJob(engine, jobId);
    context.recovered('All data had been copied; the rest was finished.');
    return 'done';
  }
  return commitLayers(
    engine,
    {
      jobId,
      top: top.path,
      base: base.path,
      backingFile: relativeBacking(dirname(layerOf(request, above).path), base.path),
      speed: context.speed(),
    },
    followJob(
      context,
      { started, finalizing: () => context.step(1) },
      { plan: request.plan, into: request.base },
    ),
  );
};

/** The data of the active layer goes down; whoever writes it continues on the base. */
const commitActive = async (
  deps: ExecutorDeps,
  context: Context,
  engine: BlockEngine,
  started: () => void,
) => {
  const { request } = context;
  const job = {
    jobId: jobIdOf(context.id),
    top: layerOf(request, request.top).path,
    base: layerOf(request, request.base).path,
    speed: context.speed(),
  };
  const interrupted = context.journal.phase === 'pivoting' && engine.live;
  if (!interrupted && (await untilReady(engine, job, followJob(context, { started }))) === 'cancelled')
    return 'cancelled';
  context.controls(null);
  context.finishing();
  context.step(1);
  await pivot(
    engine,
    job,
    {
      intend: (vmWasRunning) => context.save({ ...context.journal, phase: 'pivoting', vmWasRunning }),
      persist: () => {
        // Offline nobody writes: the proof by comparing comes before the books.
        if (engine.live) record(deps, context, 'switched');
        else context.save({ ...context.journal, phase: 'copied' });
      },
      undone: () => context.save({ ...context.journal, phase: 'copying' }),
    },
    interrupted ? { vmWasRunning: context.journal.vmWasRunning } : undefined,
  );
  return 'done';
};

const record = (deps: ExecutorDeps, context: Context, phase: 'switched' | 'recorded'): void =>
  context.save({ ...context.journal, phase }, () => {
    recordResult(deps, context.request.plan);
    context.taints.clear(context.request.base);
  });

const copy = (deps: ExecutorDeps, context: Context): Promise<void> =>
  untilWrittenDown(deps, context, () => copyOnce(deps, context));

/** Empty layers: the base reads like the top already. */
const skipCopying = async (deps: ExecutorDeps, context: Context): Promise<boolean> => {
  const { plan, top, base } = context.request;
  const replan: Parameters<typeof nothingMoves>[2]['replan'] = (forest, allocation) =>
    planCommit(forest, allocation, { top, base });
  if (context.journal.phase !== 'new') return false;
  if (!(await nothingMoves(deps, context, { sources: plan.deletes, target: base, replan }))) return false;
  context.step(0);
  context.cancelled.throwIfAborted();
  await demandAsPlanned(deps, context);
  context.finishing();
  context.save({ ...context.journal, phase: 'copied', untouched: true });
  return true;
};

const copyOnce = async (deps: ExecutorDeps, context: Context): Promise<void> => {
  const { request } = context;
  const { above } = request;
  context.step(0);
  // With a journal that says more than `new`, a job of an earlier run has probably written something.
  let begun = context.journal.phase !== 'new';
  const started = () => {
    begun = true;
  };
  try {
    const end = await withEngine(
      deps,
      context,
      () => ({
        liveVm: request.plan.liveVm,
        daemon: context.journal.daemon,
        root: above ?? request.top,
        ...(above === null ? { continuesOn: request.base } : {}),
      }),
      async (engine) => {
        context.cancelled.throwIfAborted();
        if (context.journal.phase === 'new') await demandAsPlanned(deps, context);
        beginCopying(context, engine.daemon);
        return above === null
          ? commitActive(deps, context, engine, started)
          : commitUnder(deps, context, above, engine, started);
      },
    );
    if (end === 'cancelled') throw context.cancelled.reason;
    if (!isRecorded(context)) context.save({ ...context.journal, phase: 'copied' });
  } catch (error) {
    if (!begun && !context.ending) neverBegan(context);
    throw error;
  }
};

const isRecorded = ({ journal }: Context): boolean =>
  journal.phase === 'switched' || journal.phase === 'recorded';

/**
 * The content is the proof: the merged layer, which nobody writes, and the base must read the same. Where the base is
 * longer than `top` (the plan has made sure that nobody reads behind the end of `top`) its tail is its own, and
 * `qemu-img compare`, which knows no ranges, would call that a difference: there the structure is checked instead.
 */
const verify = async (deps: ExecutorDeps, context: Context): Promise<void> => {
  const { request } = context;
  const [top, base] = [layerOf(request, request.top), layerOf(request, request.base)];
  const isTail = base.virtualSize > top.virtualSize;
  const sound =
    context.journal.untouched === true ||
    (isTail
      ? base.format !== 'qcow2' || (await checkImage(base)).errors === 0
      : await imagesAreEqual(top, base));
  if (!sound)
    throw new AppError(
      'image-unreadable',
      `After the commit “${base.name}” does not read like “${top.name}”. Nothing was deleted. Repeat the commit.`,
    );
  await relinkOthers(deps, request);
  await verifyLinks(deps, request.plan);
  verifySizes(deps, request);
};

/** Overlays of `top` that the engine did not have open get their new link, while both links still read the same. */
const relinkOthers = async (deps: ExecutorDeps, { plan, layers, base }: CommitRun): Promise<void> => {
  const backing = layers[base];
  await deps.images.refresh(plan.relinks.map((relink) => relink.layer));
  for (const { layer, to } of plan.relinks) {
    const overlay = layers[layer];
    if (to !== base || overlay === undefined || backing === undefined) continue;
    if (deps.images.facts(layer).backingId === base) continue;
    await relinkLayer(overlay.path, {
      name: relativeBacking(dirname(overlay.path), backing.path),
      format: backing.format,
    });
  }
};

/** The merged files mean nothing over the changed base. From the top down, so that what is left always has its backing. */
const cleanUp = async ({ images }: ExecutorDeps, context: Context): Promise<readonly string[]> => {
  const { plan } = context.request;
  const kept: LayerId[] = [];
  const reasons: string[] = [];
  for (const id of plan.deletes)
    try {
      await images.unlinkMerged(id);
    } catch (error) {
      if (context.ending) throw error;
      kept.push(id);
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  if (kept.length > 0) {
    markStale(context, kept);
    const names = kept.map((id) => `“${layerOf(context.request, id).name}”`).join(', ');
    context.recovered(`All data was committed. ${names} could not be removed: ${reasons.join(' ')}`);
  }
  await images.refresh(plan.after.flat());
  return kept;
};

/**
 * What is left of merged layers no longer shows what it did, and the commit has been recorded: rows of their own, so
 * that no later commit into the base takes them for repaired. The repair is to delete them like any other image.
 */
const markStale = (context: Context, ids: readonly LayerId[]): void => {
  const stale = ids.filter((id) => id !== context.request.top);
  context.save(context.journal, () =>
    context.taints.add(
      stale.map((imageId) => ({ imageId, operationId: context.id, topId: imageId, baseId: imageId })),
    ),
  );
};

export const commitExecutor = (deps: ExecutorDeps): Executor<CommitRun, CommitJournal> => ({
  kind: 'commit',
  standsStill: ({ phase }) => phase === 'pivoting',
  run: async (context) => {
    const { phase } = context.journal;
    const isCopying = phase === 'new' || phase === 'copying' || phase === 'pivoting';
    if (isCopying && !(await skipCopying(deps, context))) await copy(deps, context);
    if (!isCopying) await closeLeftover(deps, context, context.journal.daemon);
    if (phase === 'switched') {
      const { request } = context;
      const [top, base] = [layerOf(request, request.top).path, layerOf(request, request.base).path];
      await letRunOn(deps, context, { top, base });
    }
    context.finishing();
    context.step(2);
    if (isRecorded(context)) {
      try {
        await verifyLinks(deps, context.request.plan);
      } catch (error) {
        if (!context.ending) markStale(context, context.request.plan.deletes);
        throw error;
      }
    } else {
      try {
        await verify(deps, context);
      } catch (error) {
        // Links may have been written that the books do not know yet.
        if (!context.ending)
          await deps.images.refresh(context.request.plan.relinks.map(({ layer }) => layer)).catch(() => {});
        throw error;
      }
      record(deps, context, 'recorded');
    }
    context.step(3);
    const kept = await cleanUp(deps, context);
    return { imageId: context.request.base, ...(kept.length === 0 ? {} : { kept }) };
  },
});
