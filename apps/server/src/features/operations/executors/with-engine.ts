import { AppError } from '../../../app-error.ts';
import type { BlockEngine, DaemonIdentity } from '../../../qemu/block-engine.types.ts';
import { realPathOf } from '../../../qemu/block-graph.ts';
import type { OperationContext } from '../operations.types.ts';
import type { ExecutorDeps } from './chain-run.types.ts';

/** Starts anew at most so often when the process that copies dies: then something is wrong that repeating won't cure. */
const maxStarts = 4;
/** A broken connection usually means that the process is about to be gone. */
const exitGraceMs = 3000;

export interface EngineWish {
  /** The VM that holds the layers open, if it (still) runs. */
  readonly liveVm: { readonly vmId: string; readonly vmName: string; readonly diskId: string } | null;
  /** The layer that its disk may write already instead of the one in the books: it is being switched. */
  readonly continuesOn?: string;
  /** The file that its disk may write already: the layer is being moved there. */
  readonly continuesIn?: string;
  /** A storage daemon of an earlier run of this operation. */
  readonly daemon: DaemonIdentity | null;
  /** For a storage daemon: the image at the top of what it opens. */
  readonly root: string;
}

const diedOf = (error: unknown): boolean => error instanceof AppError && error.code === 'qemu-unresponsive';

const exitedSoon = async (engine: BlockEngine): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined;
  const grace = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), exitGraceMs);
  });
  const gone = await Promise.race([engine.exited.then(() => true), grace]);
  clearTimeout(timer);
  return gone;
};

/**
 * The graph against the books. A disk that somebody switched by other means (a monitor, a tool) writes a layer that the
 * plan does not know; nothing is begun or gone on with on that.
 */
const demandGraph = async (
  { images, vms }: ExecutorDeps,
  { liveVm, continuesOn, continuesIn }: EngineWish,
  engine: BlockEngine,
): Promise<void> => {
  if (!engine.live || liveVm === null) return;
  const { vmId, vmName, diskId } = liveVm;
  const [active] = await engine.chain();
  const known = vms.get(vmId).disks.find(({ id }) => id === diskId)?.imageId;
  const expected = [known, continuesOn].flatMap((id) => (id === undefined || id === null ? [] : [id]));
  if (continuesIn !== undefined && active?.path === (await realPathOf(continuesIn))) return;
  const names: string[] = [];
  for (const id of expected) {
    const { name, path } = images.facts(id);
    if (active?.path === (await realPathOf(path))) return;
    names.push(`“${name}”`);
  }
  throw new AppError(
    'plan-stale',
    `The disk of “${vmName}” writes ${active?.path ?? 'nothing'}, and not ${names.join(' or ')}: somebody has switched it without Strata. Shut the VM down and look at its layers before going on.`,
  );
};

/** The VM's QEMU when it runs; else the daemon of an earlier run; else a new one. */
const openEngine = async (
  deps: ExecutorDeps,
  context: OperationContext<unknown, unknown>,
  wish: EngineWish,
): Promise<BlockEngine> => {
  const vm = wish.liveVm === null ? null : deps.vms.live(wish.liveVm.vmId);
  if (vm !== null && wish.liveVm !== null) {
    if (context.resumed) context.recovered(`The VM “${wish.liveVm.vmName}” was found running.`);
    return deps.engines.live(vm, wish.liveVm.diskId);
  }
  const known = wish.daemon ?? (await deps.engines.findDaemon(context.id));
  const adopted = known === null ? null : await deps.engines.adoptDaemon(known);
  if (adopted !== null) {
    if (context.resumed) context.recovered('The process that does the copying was found at work.');
    return adopted;
  }
  if (context.resumed && known !== null)
    context.recovered('The process that did the copying had ended; the copying was begun again.');
  const layers = await deps.images.checkedChain(wish.root);
  const chain = layers.map(({ path, format }) => ({ path, format }));
  return deps.engines.openDaemon({ id: context.id, chain });
};

/** After a crash between the end of the copying and the end of the daemon: it still holds the images. */
export const closeLeftover = async (
  { engines }: ExecutorDeps,
  context: OperationContext<unknown, unknown>,
  daemon: DaemonIdentity | null,
): Promise<void> => {
  const known = context.resumed ? (daemon ?? (await engines.findDaemon(context.id))) : null;
  const engine = known === null ? null : await engines.adoptDaemon(known);
  await engine?.close();
};

/**
 * Lets `work` run in the process that holds the layers. When that process dies in the middle, `work` is called
 * again with another one: a VM that is gone is replaced by a storage daemon (qemu-recipes.md §9: simply start the
 * job again). `work` must therefore find out by itself what has been done already.
 */
export const withEngine = async <Result>(
  deps: ExecutorDeps,
  context: OperationContext<unknown, unknown>,
  wish: () => EngineWish,
  work: (engine: BlockEngine) => Promise<Result>,
): Promise<Result> => {
  for (let start = 1; ; start += 1) {
    const wanted = wish();
    let engine: BlockEngine;
    try {
      engine = await openEngine(deps, context, wanted);
    } catch (error) {
      // Killed while it began: nothing has been touched.
      if (context.ending || !diedOf(error) || start === maxStarts) throw error;
      continue;
    }
    let keep = false;
    try {
      await demandGraph(deps, wanted, engine);
      return await work(engine);
    } catch (error) {
      keep = context.ending;
      if (context.ending || !diedOf(error) || start === maxStarts) throw error;
      const exited = await exitedSoon(engine);
      context.controls(null);
      if (exited)
        context.recovered(
          engine.live
            ? 'The VM ended while its layers were being worked on; the work went on without it.'
            : 'The process that did the copying was killed; the copying was begun again.',
        );
    } finally {
      // When the server ends, the daemon goes on and is found again at the next start.
      if (!keep && !context.ending) await engine.close().catch(() => {});
    }
  }
};
