import { type JobWatcher, watchJob } from '@strata/qmp';
import { AppError } from '../app-error.ts';
import type { BlockEngine } from './block-engine.types.ts';
import { realPathOf, slow } from './block-graph.ts';
import type { PivotJournal, PivotRequest } from './block-jobs.types.ts';
import { closeDroppedNodes } from './dropped-nodes.ts';
import { inWords, refusalFrom } from './qemu-errors.ts';

/**
 * The end of an active commit, or of a mirror: the disk continues on the layer below, or on the copy.
 *
 *     base ← s1 ← active*         * the VM writes here          base ← active*     base ← copy
 *     base*                       the files of s1 and active    base ← copy*       the file of active is stale
 *                                 are stale from the first
 *                                 write after this
 *
 * intend → stop → job-complete → concluded → verified → persist → cont → the old layers closed (qemu-recipes.md §2). While the VM
 * stands still both files read the same, so whichever name survives a crash is right. Called again after one, with what
 * `intend` wrote down, it finds out how far it came. If `persist` fails the VM stays stopped, on purpose.
 */
export function pivot(
  engine: BlockEngine,
  request: PivotRequest,
  journal: PivotJournal,
  resumed?: { readonly vmWasRunning: boolean },
): Promise<void> {
  const doing = `Switching from ${request.top} to ${request.base}`;
  return inWords(doing, async () => {
    const watcher = watchJob(engine.qmp, request.jobId, slow);
    try {
      const goOn = resumed?.vmWasRunning ?? (await isRunning(engine));
      if (!resumed) await journal.intend(goOn);
      const undone = (): void => journal.undone?.();
      await complete(engine, watcher, { doing, goOn, undone });
      await verify(engine, request, { goOn, undone });
      await journal.persist();
      if (goOn) await engine.qmp.execute('cont');
      if (await watcher.read()) await watcher.dismiss();
      if (engine.live) await closeDroppedNodes(engine.qmp);
    } finally {
      watcher.stop();
    }
  });
}

/** Offline there is no guest to stop, and `query-status` does not exist. */
const isRunning = async ({ live, qmp }: BlockEngine): Promise<boolean> =>
  live && (await qmp.execute('query-status')).running;

async function complete(
  { live, qmp }: BlockEngine,
  watcher: JobWatcher,
  { doing, goOn, undone }: { doing: string; goOn: boolean; undone: () => void },
): Promise<void> {
  const job = await watcher.read();
  // No job: it was dismissed after the pivot, or cancelled; the graph tells which.
  if (!job) return;
  if (job.status === 'standby') await qmp.execute('job-resume', { id: job.id });
  if (live && job.status !== 'concluded') await qmp.execute('stop', undefined, slow);
  if (job.status === 'ready' || job.status === 'standby')
    await qmp.execute('job-complete', { id: job.id }, slow);
  const end = await watcher.until('concluded');
  if (end?.error == null) return;
  // The guest still writes to the old layer: nothing has changed.
  await watcher.dismiss();
  if (live && goOn) await qmp.execute('cont');
  undone();
  throw refusalFrom(doing, end.error);
}

/**
 * A job that was cancelled softly concludes without an error and without a pivot, so in a VM the graph is believed and not the
 * job. In a daemon no device shows it: there only we speak to it, and completing is all we do.
 */
async function verify(
  engine: BlockEngine,
  { top, base }: PivotRequest,
  { goOn, undone }: { goOn: boolean; undone: () => void },
): Promise<void> {
  if (!engine.live) return;
  const [active] = await engine.chain();
  if (active?.path === (await realPathOf(base))) return;
  // An earlier run may have stopped the VM for this: it goes on where it was.
  if (goOn) await engine.qmp.execute('cont');
  undone();
  throw new AppError(
    'qemu-refused',
    `The disk still writes to ${top}: the switch to ${base} did not happen.`,
  );
}
