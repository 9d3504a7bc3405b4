import { setTimeout as delay } from 'node:timers/promises';
import type { LayerId } from '@strata/backing-chain';
import { AppError } from '../../../app-error.ts';
import type { BlockEngine, DaemonIdentity } from '../../../qemu/block-engine.types.ts';
import type { MirrorRequest } from '../../../qemu/block-jobs.types.ts';
import { abandonMirror, isMirroring, mirrorUntilReady, settleCopy } from '../../../qemu/mirror.ts';
import { pivot } from '../../../qemu/pivot.ts';
import { imagesAreEqual } from '../../../qemu/qemu-img.ts';
import type { Move, MoveFiles } from '../../images/move-files.ts';
import type { Executor, OperationContext } from '../operations.types.ts';
import type { ChainRun, ExecutorDeps, RunLayer } from './chain-run.types.ts';
import { followJob, jobIdOf } from './job-follow.ts';
import { letRunOn, untilWrittenDown } from './switch-disk.ts';
import { verifyLinks, verifySizes } from './verify-chains.ts';
import { closeLeftover, withEngine } from './with-engine.ts';

/*
 *    active /a/disk ─┐ mirror           active /b/disk       the same image with the same id: only its file is another
 *       │            └─► /b/disk   ──▶     │                 one. Until the switch is written down /a/disk is right;
 *    base ◄────────────────┘            base                 from then on /b/disk, and /a/disk goes last
 */

export interface MoveRun extends ChainRun {
  readonly layer: LayerId;
  readonly move: Move;
}

export interface MoveJournal {
  /**
   * `new`: nothing is touched. `making`: the new file may lie there under its hidden name. `copying`: it is the one with
   * this `key`, and the job may have begun. `pivoting`: the VM may be stopped and its disk may continue in the new file.
   * `copied`: no VM runs any more, and the new file is complete. `switched`: the books say that the image is the new
   * file; the VM may still be stopped.
   */
  readonly phase: 'new' | 'making' | 'copying' | 'pivoting' | 'copied' | 'switched';
  readonly key: string | null;
  readonly daemon: DaemonIdentity | null;
  readonly vmWasRunning: boolean;
  /** From `switched` on: by what the old file is known, as long as nobody else writes it or takes its place. */
  readonly original?: string | null;
}
type Context = OperationContext<MoveRun, MoveJournal>;

export interface MoveDeps extends ExecutorDeps {
  readonly files: MoveFiles;
}

/** How long until it is looked again whether the disk is there. */
const patienceMs = 1000;

const layerOf = ({ layers }: ChainRun, id: LayerId): RunLayer => {
  const layer = layers[id];
  if (layer === undefined) throw new Error(`the plan does not describe the layer ${id}`);
  return layer;
};

const mirrorOf = ({ vms, images }: ExecutorDeps, { id, request, speed }: Context): MirrorRequest => {
  const { liveVm } = request.plan;
  const disk =
    liveVm === null ? undefined : vms.get(liveVm.vmId).disks.find((each) => each.id === liveVm.diskId);
  const { backingId } = images.facts(request.layer);
  return {
    jobId: jobIdOf(id),
    from: request.move.from,
    to: request.move.to,
    format: layerOf(request, request.layer).format === 'raw' ? 'raw' : 'qcow2',
    backing: backingId === null ? null : layerOf(request, backingId).path,
    discard: disk?.discard ?? false,
    speed: speed(),
  };
};

const demandAsPlanned = ({ images }: ExecutorDeps, { request }: Context): void => {
  const { path, name } = images.facts(request.layer);
  if (path !== request.move.from)
    throw new AppError(
      'plan-stale',
      `“${name}” lies in ${path} now. Nothing was changed; look at the new plan.`,
    );
};

/** An empty file under the new name, instead of whatever an earlier run of this has left there. */
const makeTarget = async ({ files }: MoveDeps, context: Context, engine: BlockEngine): Promise<void> => {
  const { move } = context.request;
  await abandonMirror(engine, jobIdOf(context.id));
  await files.exclusively((steps) => steps.removeNew(move, context.journal.key));
  context.save({ ...context.journal, phase: 'making', key: null, daemon: engine.daemon });
  const key = await files.blank(move);
  context.save({ ...context.journal, phase: 'copying', key });
  await files.exclusively((steps) => steps.giveName(move, key));
};

/** Nothing has changed for anybody: the new file goes again. */
const removeTarget = async ({ files }: MoveDeps, context: Context): Promise<void> => {
  await files.exclusively((steps) => steps.removeNew(context.request.move, context.journal.key));
};

const mirror = async (deps: MoveDeps, context: Context, engine: BlockEngine): Promise<void> => {
  const jobId = jobIdOf(context.id);
  const resumes = await isMirroring(engine, jobId);
  if (!resumes) {
    if (context.journal.phase === 'new') demandAsPlanned(deps, context);
    else if (context.resumed) context.recovered('The copying was begun again.');
    await makeTarget(deps, context, engine);
  }
  const request = mirrorOf(deps, context);
  try {
    const end = await mirrorUntilReady(engine, request, followJob(context));
    if (end === 'cancelled') throw context.cancelled.reason;
    context.cancelled.throwIfAborted();
  } catch (error) {
    if (!context.ending) await abandonMirror(engine, jobId).catch(() => undefined);
    throw error;
  }
  context.controls(null);
  context.finishing();
};

/** The disk continues in the new file: with nothing else changing the library between the graph and the books. */
const switchOver = async (deps: MoveDeps, context: Context, engine: BlockEngine): Promise<void> => {
  const { move } = context.request;
  const interrupted = context.journal.phase === 'pivoting' && engine.live;
  if (!interrupted) await mirror(deps, context, engine);
  context.step(1);
  await deps.files.exclusively((steps) =>
    pivot(
      engine,
      { jobId: jobIdOf(context.id), top: move.from, base: move.to },
      {
        intend: (vmWasRunning) => context.save({ ...context.journal, phase: 'pivoting', vmWasRunning }),
        persist: async () => {
          // Without a VM nobody writes: the proof by comparing comes before the books.
          if (!engine.live) return context.save({ ...context.journal, phase: 'copied' });
          await engine.flush(move.to);
          const takeOver = await steps.takeOver(move);
          // The VM stands still and has written out all that it had for the old file.
          const original = await steps.markOriginal(move);
          context.save({ ...context.journal, phase: 'switched', original }, takeOver);
        },
        undone: () => context.save({ ...context.journal, phase: 'copying' }),
      },
      interrupted ? { vmWasRunning: context.journal.vmWasRunning } : undefined,
    ),
  );
  await settleCopy(engine, mirrorOf(deps, context));
};

/** A VM that is running has the new file open already, if there is one. */
const isHeld = ({ vms }: ExecutorDeps, { request }: Context): boolean => {
  const { liveVm } = request.plan;
  return liveVm !== null && vms.live(liveVm.vmId) !== null;
};

/**
 * Taken up after the computer was started again: into the empty folder of a disk that is not mounted yet nothing is
 * copied. The file that was begun lies on that disk, and would be found there as an image of its own: it is waited for.
 */
const untilMounted = async (deps: MoveDeps, context: Context): Promise<void> => {
  const { phase } = context.journal;
  if (phase === 'switched' || isHeld(deps, context)) return;
  const { move } = context.request;
  for (let away = await deps.files.awayFrom(move); away !== null; away = await deps.files.awayFrom(move)) {
    if (phase === 'new' || phase === 'making')
      throw new AppError('not-possible', `${away} Nothing was moved.`);
    context.waits(
      `${away} As soon as it is mounted the move goes on. Cancelled, it leaves ${move.to} half copied there.`,
    );
    await delay(patienceMs, undefined, { signal: context.cancelled, ref: false }).catch(() => {});
    context.cancelled.throwIfAborted();
    if (context.ending) throw new Error('the server ends');
  }
};

const copy = async (deps: MoveDeps, context: Context): Promise<void> => {
  const { request } = context;
  context.step(0);
  try {
    await untilWrittenDown(deps, context, () =>
      withEngine(
        deps,
        context,
        () => ({
          liveVm: request.plan.liveVm,
          daemon: context.journal.daemon,
          root: request.layer,
          continuesIn: request.move.to,
        }),
        async (engine) => {
          if (context.journal.phase !== 'switched') await switchOver(deps, context, engine);
        },
      ),
    );
  } catch (error) {
    const isBefore = context.journal.phase !== 'switched' && context.journal.phase !== 'copied';
    if (isBefore && !context.ending) await removeTarget(deps, context).catch(() => undefined);
    throw error;
  }
};

/** The VM ended on the way, and a storage daemon went on: both files are whole, and must read the same. */
const proveCopy = async (deps: MoveDeps, context: Context): Promise<void> => {
  const { move, layer } = context.request;
  const { format, name } = layerOf(context.request, layer);
  const original = await deps.files.exclusively((steps) => steps.markOriginal(move));
  if (!(await imagesAreEqual({ path: move.from, format }, { path: move.to, format }))) {
    await removeTarget(deps, context);
    throw new AppError(
      'image-unreadable',
      `The copy of “${name}” does not read like the original; it was removed, and nothing was changed.`,
    );
  }
  await deps.files.exclusively(async (steps) => {
    const takeOver = await steps.takeOver(move);
    context.save({ ...context.journal, phase: 'switched', original }, takeOver);
  });
};

/** The graph, the link and the books say that the new file is the image: the old one goes. */
const removeOld = ({ files }: MoveDeps, context: Context): Promise<void> =>
  files.exclusively(async (steps) => {
    const { move } = context.request;
    const { key, original = null } = context.journal;
    try {
      const stranger = original === null ? null : await steps.strangerAt(move, original);
      if (stranger === null) await steps.removeOld(move, key);
      else context.recovered(`The disk was moved. ${move.from} was kept, and is stale: ${stranger}`);
    } catch (error) {
      // The disk is in its new place all the same.
      if (context.ending || error instanceof AppError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      context.recovered(`The disk was moved. ${move.from} could not be removed, and is stale: ${why}`);
    }
    await steps.scan();
  });

export const moveExecutor = (deps: MoveDeps): Executor<MoveRun, MoveJournal> => ({
  kind: 'move',
  standsStill: ({ phase }) => phase === 'pivoting',
  making: ({ move }, { phase }) => (phase === 'switched' ? [move.from] : [move.to]),
  run: async (context) => {
    const { phase } = context.journal;
    if (context.resumed) await untilMounted(deps, context);
    if (phase === 'copied' || phase === 'switched')
      await closeLeftover(deps, context, context.journal.daemon);
    else await copy(deps, context);
    const { move } = context.request;
    if (phase === 'switched') await letRunOn(deps, context, { top: move.from, base: move.to });
    context.finishing();
    context.step(2);
    if (context.journal.phase !== 'switched') await proveCopy(deps, context);
    await verifyLinks(deps, context.request.plan);
    verifySizes(deps, context.request);
    context.step(3);
    await removeOld(deps, context);
    return { imageId: context.request.layer };
  },
});
