import { type JobInfo, type JobWatcher, watchJob } from '@strata/qmp';
import { AppError } from '../app-error.ts';
import type { BlockEngine } from './block-engine.types.ts';
import { layerAt, slow } from './block-graph.ts';
import type {
  ActiveCommitRequest,
  CommitRequest,
  JobEnd,
  JobFollow,
  PullRequest,
} from './block-jobs.types.ts';
import { closeDroppedNodes } from './dropped-nodes.ts';
import { followJob } from './job-follower.ts';
import { inWords, refusalFrom } from './qemu-errors.ts';

/*
 * Merging layers. Every function takes up the job of its id if there is one, so it can be called again after a crash, on an
 * adopted engine. Jobs stay until they are dismissed here (`auto-dismiss: false`): one that ended while nobody was connected
 * can still be judged. Everything throws AppError.
 */

/** QEMU pauses a job that finds the disk full; other errors end it (qemu-recipes.md §9). */
export const onError = 'enospc';

/**
 * Commit below the active layer, from start (or from wherever its job is) to dismissed.
 *
 *     base ← s1 ← s2 ← s3 ← active        top = s2, base = base
 *     base ← s3 ← active                  `backingFile` is what the header of s3 says now
 *
 * `s1` and `s2` are wrong from the first byte on, whatever happens: a commit that was begun has to be brought to its end.
 */
export function commitLayers(
  engine: BlockEngine,
  request: CommitRequest,
  follow: JobFollow = {},
): Promise<JobEnd> {
  const { qmp } = engine;
  const doing = `Committing ${request.top} into ${request.base}`;
  return inWords(doing, async () => {
    const start = async () => {
      const [top, base] = await nodesOf(engine, request.top, request.base);
      await qmp.execute(
        'block-commit',
        {
          'job-id': request.jobId,
          device: await engine.topNode(),
          'top-node': top,
          'base-node': base,
          'backing-file': request.backingFile,
          speed: request.speed ?? 0,
          'on-error': onError,
          'auto-finalize': false,
          'auto-dismiss': false,
        },
        slow,
      );
    };
    const end = await runJob(engine, request.jobId, { doing, start, follow });
    // The new link may be in the active layer's header, which nothing has synced yet: before the caller unlinks files.
    if (end === 'done') {
      await flushActive(engine);
      await closeDropped(engine);
    }
    return end;
  });
}

/**
 * Pull: the data between `into` and `base` is copied up into `into`.
 *
 *     base ← s1 ← s2 ← s3 ← active        into = s3, base = base
 *     base ← s3 ← active                  s1 and s2 stay as they are, nothing stands on them
 *
 * QEMU rewrites the header and calls the job concluded while the copied clusters' tables are still only in its memory; killed
 * then, they are lost and `check` is content (§3). Hence the flush between pending and finalize. `done`: it is durable.
 */
export function pullLayers(
  engine: BlockEngine,
  request: PullRequest,
  follow: JobFollow = {},
): Promise<JobEnd> {
  const { qmp } = engine;
  const doing = `Pulling into ${request.into}`;
  return inWords(doing, async () => {
    const start = async () => {
      const [into, base] = await nodesOf(
        engine,
        request.into,
        ...(request.base === null ? [] : [request.base]),
      );
      await qmp.execute(
        'block-stream',
        {
          'job-id': request.jobId,
          device: into,
          ...(base !== undefined && { 'base-node': base }),
          ...(request.backingFile !== null && { 'backing-file': request.backingFile }),
          speed: request.speed ?? 0,
          'on-error': onError,
          'auto-finalize': false,
          'auto-dismiss': false,
        },
        slow,
      );
    };
    const beforeFinalize = () => engine.flush(request.into);
    const end = await runJob(engine, request.jobId, { doing, start, follow, beforeFinalize });
    // Once more for the header: before the caller unlinks the files below.
    if (end !== 'cancelled') {
      await engine.flush(request.into);
      await closeDropped(engine);
    }
    return end;
  });
}

/**
 * Active commit up to `ready`: everything is copied, new writes go to both. May stay so as long as wanted; what follows is
 * `pivot`, or `abandonJob`, which leaves the disk as it was.
 */
export function untilReady(
  engine: BlockEngine,
  request: ActiveCommitRequest,
  follow: JobFollow = {},
): Promise<'ready' | 'cancelled'> {
  const start = async () => {
    const [top, base] = await nodesOf(engine, request.top, request.base);
    await engine.qmp.execute(
      'block-commit',
      {
        'job-id': request.jobId,
        device: top,
        'base-node': base,
        speed: request.speed ?? 0,
        'on-error': onError,
        // Between job-complete and job-finalize every access of the guest would hang (§0 rule 3).
        'auto-finalize': true,
        'auto-dismiss': false,
      },
      slow,
    );
  };
  const doing = `Committing ${request.top} into ${request.base}`;
  return readyJob(engine, request.jobId, { doing, start, follow });
}

/** A job that copies until both sides read the same, and then goes on writing to both: to `ready`, from wherever it is. */
export function readyJob(
  engine: BlockEngine,
  jobId: string,
  { doing, start, follow }: Run,
): Promise<'ready' | 'cancelled'> {
  return inWords(doing, async () => {
    const watcher = watchJob(engine.qmp, jobId, slow);
    try {
      if (!(await watcher.read())) {
        if (follow.cancelled?.aborted) return 'cancelled';
        await start();
      }
      const job = await followJob(engine, watcher, follow, ['ready', 'standby', 'concluded']);
      if (job?.status !== 'concluded' || job.error === null) return 'ready';
      return (await judge(doing, watcher, job)) === 'cancelled' ? 'cancelled' : 'ready';
    } finally {
      watcher.stop();
    }
  });
}

/** What the job of this id is doing; null when there is none (there never was, or it was dismissed). */
export function jobState(engine: BlockEngine, jobId: string): Promise<JobInfo | null> {
  return inWords('Reading the job', async () => {
    const jobs = await engine.qmp.execute('query-jobs', undefined, slow);
    const job = jobs.find(({ id }) => id === jobId);
    if (!job) return null;
    const { id, type, status, error = null } = job;
    return { id, type, status, error, done: job['current-progress'], total: job['total-progress'] };
  });
}

/** Cancels whatever job has this id and forgets it. */
export function abandonJob(engine: BlockEngine, jobId: string): Promise<void> {
  return inWords('Cancelling the job', async () => {
    const watcher = watchJob(engine.qmp, jobId, slow);
    try {
      const job = await watcher.read();
      if (!job) return;
      if (job.status !== 'concluded') await engine.qmp.execute('job-cancel', { id: jobId }, slow);
      await watcher.until('concluded');
      await watcher.dismiss();
    } finally {
      watcher.stop();
    }
  });
}

/** Of layers of one chain, by one look at it. */
async function nodesOf<const Paths extends readonly [string, ...string[]]>(
  engine: BlockEngine,
  ...paths: Paths
): Promise<{ -readonly [At in keyof Paths]: string }> {
  const chain = await engine.chain();
  const nodes: string[] = [];
  for (const path of paths) nodes.push((await layerAt(chain, path)).node);
  return nodes as { -readonly [At in keyof Paths]: string };
}

interface Run {
  readonly doing: string;
  readonly start: () => Promise<void>;
  readonly follow: JobFollow;
  readonly beforeFinalize?: () => Promise<void>;
}

/** start → running → pending → (journal, flush) → finalize → concluded → dismissed. */
async function runJob(engine: BlockEngine, jobId: string, run: Run): Promise<JobEnd> {
  const watcher = watchJob(engine.qmp, jobId, slow);
  try {
    if (!(await watcher.read())) {
      if (run.follow.cancelled?.aborted) return 'cancelled';
      await run.start();
      // A stream whose base is the backing layer already is answered with success and makes no job.
      if (!(await watcher.read())) return 'nothing-to-do';
    }
    const job = await followJob(engine, watcher, run.follow, ['pending', 'concluded']);
    if (job?.status === 'pending') await finalize(engine, watcher, run);
    return await judge(run.doing, watcher, await watcher.until('concluded'));
  } finally {
    watcher.stop();
  }
}

async function finalize(engine: BlockEngine, watcher: JobWatcher, run: Run): Promise<void> {
  const id = watcher.id;
  if (run.follow.cancelled?.aborted) {
    await engine.qmp.execute('job-cancel', { id }, slow);
    return;
  }
  try {
    await run.follow.finalizing?.();
    await run.beforeFinalize?.();
  } catch (error) {
    // Nothing has changed yet: without the journal or the flush the job must not go on.
    await abandonJob(engine, id).catch(() => undefined);
    throw error;
  }
  await engine.qmp.execute('job-finalize', { id }, slow);
}

/** Success is `concluded` without an error (§2). Dismisses the job in either case. */
async function judge(doing: string, watcher: JobWatcher, job: JobInfo | null): Promise<JobEnd> {
  if (!job)
    throw new AppError('qemu-refused', `${doing} failed: the job is gone, and how it ended is not known.`);
  await watcher.dismiss();
  if (job.error === null) return 'done';
  if (job.error === 'Operation canceled') return 'cancelled';
  throw refusalFrom(doing, job.error);
}

async function flushActive(engine: BlockEngine): Promise<void> {
  const [active] = await engine.chain();
  if (active) await engine.flush(active.path);
}

/** A daemon ends soon and closes everything. */
async function closeDropped({ live, qmp }: BlockEngine): Promise<void> {
  if (live) await closeDroppedNodes(qmp);
}
