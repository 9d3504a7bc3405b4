import { dirname, join } from 'node:path';
import type { CompactPlan, LayerId } from '@strata/backing-chain';
import { AppError } from '../../../app-error.ts';
import { relativeBacking } from '../../../backing-link.ts';
import type { WorkWatch } from '../../../qemu/image-work.ts';
import { checkImage } from '../../../qemu/qemu-img.ts';
import { workWatch } from '../../../qemu/work-watch.ts';
import type { Executor, OperationContext } from '../operations.types.ts';
import type { ChainRun, ExecutorDeps, RunLayer } from './chain-run.types.ts';
import { type CompactTools, compactTools } from './compact-tools.ts';
import { verifyLinks, verifySizes } from './verify-chains.ts';

/*
 *    layer        layer ── layer.part       layer.old   layer'        layer'
 *    base    ──▶  base      │          ──▶  base ───────┘        ──▶  base
 *                           └ base
 *                 written anew, compared    has its name,             the old file goes
 *                                           both files are there
 */

export interface CompactRun extends ChainRun {
  readonly plan: CompactPlan;
  readonly layer: LayerId;
  /** The layer below. */
  readonly backing: LayerId | null;
}

/** What a file is known by; a change of it means that somebody else has written it. */
export interface FileMark {
  readonly inode: string;
  readonly size: number;
  readonly mtimeNs: string;
}

export interface CompactJournal {
  /**
   * `working`: a new file may have been begun, holes may have been punched. `proven`: the new file (`key`) is on disk and
   * reads as the `original`; it may have its name already. `recorded`: verified in its place.
   */
  readonly phase: 'working' | 'proven' | 'recorded';
  readonly original: FileMark | null;
  readonly key: string | null;
  readonly storedBefore: number | null;
}
type Context = OperationContext<CompactRun, CompactJournal>;

const layerOf = ({ layers }: ChainRun, id: LayerId): RunLayer => {
  const layer = layers[id];
  if (layer === undefined) throw new Error(`the plan does not describe the layer ${id}`);
  return layer;
};

/** Hidden names beside the layer that no other operation uses. */
const besides = (context: Context) => {
  const { path } = layerOf(context.request, context.request.layer);
  const name = (end: string): string => join(dirname(path), `.strata-${context.id}.${end}`);
  return { path, part: name('part'), old: name('old.part') };
};

const sameMark = (one: FileMark | null, other: FileMark | null): boolean =>
  one !== null &&
  other !== null &&
  one.inode === other.inode &&
  one.size === other.size &&
  one.mtimeNs === other.mtimeNs;

const changedMeanwhile = (name: string): AppError =>
  new AppError(
    'image-locked',
    `“${name}” was changed by another program meanwhile. It was left as it is; nothing was given back.`,
  );

/** Shares of the whole that reading and comparing take, one after the other. */
const inThirds = (context: Context): readonly [WorkWatch, WorkWatch, WorkWatch] => {
  const watch = workWatch(context);
  const third = (which: number): WorkWatch => ({
    ...watch,
    onProgress: (fraction) => {
      const { bytesToMove } = context.request.plan;
      context.progress(Math.round(((which + fraction) / 3) * bytesToMove), bytesToMove);
    },
  });
  return [third(0), third(1), third(2)];
};

const noSpace = (error: unknown, { plan, layers, layer }: CompactRun): unknown => {
  if (!(error instanceof AppError) || error.code !== 'disk-full') return error;
  const { name = '', path = '' } = layers[layer] ?? {};
  const most = Math.ceil(plan.grows.bytes / 1024 ** 2);
  return new AppError(
    'disk-full',
    `There is no space for the new file beside “${name}” (at most ${most} MiB in ${dirname(path)}). “${name}” was not touched. Free some space there, or empty the trash, and compact again.`,
  );
};

const rewrite = async (deps: ExecutorDeps, context: Context, tools: CompactTools): Promise<void> => {
  const run = context.request;
  const { path, part } = besides(context);
  const { name } = layerOf(run, run.layer);
  context.step(0);
  await deps.images.checkedChain(run.layer);
  await tools.remove(part);
  if (context.resumed) context.recovered('The new file had not been completed and was made again.');
  const original = await tools.markOf(path);
  const below = run.backing === null ? null : layerOf(run, run.backing);
  const link =
    below === null ? null : { name: relativeBacking(dirname(path), below.path), format: below.format };
  const [writing, alone, whole] = inThirds(context);
  await tools.rewriteLayer(path, part, link, writing);
  context.step(1);
  const isSame =
    (await tools.layersAreEqual(path, part, null, alone)) &&
    (await tools.layersAreEqual(path, part, below, whole));
  context.controls(null);
  if (!isSame || !(await tools.holdTheSame(path, part, below?.virtualSize ?? 0)))
    throw new AppError(
      'image-unreadable',
      `Written anew, “${name}” did not read the same. The new file was removed; “${name}” was not touched.`,
    );
  const { key, storedBefore } = await tools.settle(path, part);
  if (!sameMark(original, await tools.markOf(path))) throw changedMeanwhile(name);
  context.cancelled.throwIfAborted();
  context.save({ phase: 'proven', original, key, storedBefore });
};

/** A program has begun to write the layer in its new file, which was compared: with the old one, that would be lost. */
const isWritten = (error: unknown): boolean => error instanceof AppError && error.code === 'image-locked';

/** The old file keeps a second name until the new one is verified in its place. */
const swap = async (deps: ExecutorDeps, context: Context, tools: CompactTools): Promise<void> => {
  const run = context.request;
  const { path, part, old } = besides(context);
  const { name } = layerOf(run, run.layer);
  const { key, original } = context.journal;
  context.finishing();
  context.step(2);
  const now = await tools.markOf(path);
  if (now?.inode !== key) {
    if (!sameMark(original, now)) throw changedMeanwhile(name);
    await tools.demandFree(path);
    await tools.keepOld(path, old);
    await tools.takePlace(part, path);
  } else context.recovered('The new file had its place already; the rest was finished.');
  try {
    await verifyLinks(deps, run.plan);
    verifySizes(deps, run);
    const { errors } = await checkImage({ path, format: 'qcow2' });
    if (errors > 0)
      throw new AppError('image-unreadable', `A check of the new “${name}” finds ${errors} errors.`);
  } catch (error) {
    if (isWritten(error))
      context.recovered('A program writes the new file already, so it was not checked again in its place.');
    else if (!context.ending && (await tools.markOf(old)) !== null) {
      await tools.takePlace(old, path);
      await deps.images.refresh([run.layer]);
    }
    if (!isWritten(error)) throw error;
  }
  context.save({ ...context.journal, phase: 'recorded' });
};

const rewriteAndSwap = async (deps: ExecutorDeps, context: Context, tools: CompactTools): Promise<void> => {
  const { part, old } = besides(context);
  try {
    if (context.journal.phase === 'proven' && !(await isStillThere(context, tools)))
      context.save({ ...context.journal, phase: 'working' });
    if (context.journal.phase === 'working') await rewrite(deps, context, tools);
    if (context.journal.phase === 'proven') await swap(deps, context, tools);
    await tools.remove(old);
  } catch (error) {
    if (!context.ending) {
      await tools.remove(part);
      // The layer itself is in its place again, or never left it.
      if (context.journal.phase !== 'recorded') await tools.remove(old);
    }
    throw noSpace(error, context.request);
  }
};

/** The proven file may have been removed by hand while the server was away. */
const isStillThere = async (context: Context, tools: CompactTools): Promise<boolean> => {
  const { path, part } = besides(context);
  const { key } = context.journal;
  const [there, here] = [await tools.markOf(part), await tools.markOf(path)];
  return there?.inode === key || here?.inode === key;
};

const punch = async (deps: ExecutorDeps, context: Context, tools: CompactTools): Promise<void> => {
  const run = context.request;
  const { path } = besides(context);
  context.step(0);
  await deps.images.checkedChain(run.layer);
  if (context.resumed) context.recovered('The rest of the zeros was given back.');
  const storedBefore = context.journal.storedBefore ?? (await tools.storedBytes(path));
  context.save({ ...context.journal, storedBefore });
  await tools.demandFree(path);
  const held = await deps.images.allocation(run.layer);
  const { name } = layerOf(run, run.layer);
  const watch = workWatch(context, (fraction) =>
    context.progress(Math.round(fraction * run.plan.bytesToMove), run.plan.bytesToMove),
  );
  const isSame = await tools.punchZeros(path, held, {
    ...watch,
    onProving: () => {
      context.controls(null);
      context.finishing();
      context.step(1);
    },
  });
  if (!isSame)
    throw new AppError(
      'image-unreadable',
      `“${name}” does not read as before: another program has written it meanwhile. Only zeros were given back.`,
    );
  await verifyLinks(deps, run.plan);
  verifySizes(deps, run);
  context.save({ ...context.journal, phase: 'recorded' });
};

export const compactExecutor = (
  deps: ExecutorDeps,
  tools: CompactTools = compactTools,
): Executor<CompactRun, CompactJournal> => ({
  kind: 'compact',
  run: async (context) => {
    const { plan, layer } = context.request;
    const { path, old } = besides(context);
    if (context.journal.phase === 'recorded') await tools.remove(old);
    else await (plan.method === 'punch' ? punch : rewriteAndSwap)(deps, context, tools);
    await deps.images.refresh([layer]);
    const storedBytes = await tools.storedBytes(path);
    const before = context.journal.storedBefore ?? storedBytes;
    return { imageId: layer, storedBytes, gainedBytes: Math.max(0, before - storedBytes) };
  },
});
