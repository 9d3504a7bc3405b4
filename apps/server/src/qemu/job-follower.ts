import type { JobInfo, JobStatus, JobWatcher } from '@strata/qmp';
import type { BlockEngine } from './block-engine.types.ts';
import type { BlockJobControls, JobFollow } from './block-jobs.types.ts';

/** QMP has no event for progress. */
const lookEveryMs = 300;

/** Waits for one of these states, and meanwhile tells the caller how the job gets on and passes on what the caller wants. */
export async function followJob(
  engine: BlockEngine,
  watcher: JobWatcher,
  follow: JobFollow,
  states: readonly JobStatus[],
): Promise<JobInfo | null> {
  const { qmp } = engine;
  const id = watcher.id;
  let isFull = false;

  const look = async (): Promise<void> => {
    const job = (await qmp.execute('query-block-jobs')).find(({ device }) => device === id);
    if (!job) return;
    follow.progress?.(job.offset, job.len);
    if ((job['io-status'] === 'nospace') === isFull) return;
    isFull = !isFull;
    follow.paused?.(isFull ? 'no-space' : null);
  };
  // What goes wrong here goes wrong in `until`, too, and is told there.
  const glance = (): void => void look().catch(() => undefined);
  const cancel = (): void => void qmp.execute('job-cancel', { id }).catch(() => undefined);

  const off = qmp.on('BLOCK_JOB_ERROR', ({ data }) => {
    if (data.device === id) glance();
  });
  const timer = setInterval(glance, lookEveryMs);
  follow.cancelled?.addEventListener('abort', cancel);
  try {
    // Resumed on a disk that is still full it stops again at once: that has to be told again.
    const resumed = (): void => {
      if (isFull) follow.paused?.(null);
      isFull = false;
      glance();
    };
    follow.started?.(controlsOf(engine, id, resumed));
    if (follow.cancelled?.aborted) cancel();
    glance();
    const job = await watcher.until(...states);
    if (job) follow.progress?.(job.done, job.total);
    return job;
  } finally {
    clearInterval(timer);
    follow.cancelled?.removeEventListener('abort', cancel);
    off();
  }
}

function controlsOf({ qmp }: BlockEngine, id: string, resumed: () => void): BlockJobControls {
  return {
    pause: async () => {
      await qmp.execute('job-pause', { id });
    },
    resume: async () => {
      await qmp.execute('job-resume', { id });
      resumed();
    },
    setSpeed: async (bytesPerSecond) => {
      await qmp.execute('block-job-set-speed', { device: id, speed: bytesPerSecond });
    },
  };
}
