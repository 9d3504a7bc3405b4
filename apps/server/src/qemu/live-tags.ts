import { QmpTimeoutError, watchJob } from '@strata/qmp';
import { AppError } from '../app-error.ts';
import type { LiveVm } from '../features/vms/vms.types.ts';
import { activeFile, deviceOf, realPathOf, slow } from './block-graph.ts';
import { inWords, refusalFrom } from './qemu-errors.ts';

/*
 * Internal snapshots in the QEMU of a running VM. The three jobs are always dismissed by hand; a call with the id of a job
 * that is there takes that up, so that each can be made again after a crash. The guest stands while memory is saved or loaded.
 */

/** The state of a large guest takes as long as its disk does. */
const long = { timeoutMs: 3_600_000 };

export interface LiveTag {
  readonly jobId: string;
  readonly tag: string;
  /** With memory all disks that can be written; the state goes into the first. */
  readonly disks: readonly OpenDisk[];
}

/** A disk, and the layer that it must write at this moment. */
export interface OpenDisk {
  readonly diskId: string;
  readonly path: string;
}

const topNodes = async (vm: LiveVm, disks: readonly OpenDisk[]): Promise<string[]> => {
  const nodes: string[] = [];
  for (const { diskId, path } of disks) {
    const { inserted } = await deviceOf(vm.qmp, vm.qdevOf(diskId));
    const node = inserted?.['node-name'];
    if (inserted === undefined || node === undefined)
      throw new AppError('internal-error', `Disk ${diskId} has no medium.`);
    const active = await activeFile(vm, inserted);
    if (active !== (await realPathOf(path)))
      throw new AppError('plan-stale', `The disk writes to ${active}, and no longer to ${path}.`);
    nodes.push(node);
  }
  return nodes;
};

/** Null when it went well; else QEMU's own words. */
const runJob = async (
  vm: LiveVm,
  { jobId, disks }: LiveTag,
  start: (devices: string[]) => Promise<unknown>,
): Promise<string | null> => {
  const watcher = watchJob(vm.qmp, jobId, long);
  try {
    if (!(await watcher.read())) await start(await topNodes(vm, disks));
    const job = await watcher.until('concluded');
    if (job === null) return 'the job is gone, and how it ended is not known';
    await watcher.dismiss();
    return job.error;
  } finally {
    watcher.stop();
  }
};

/** Memory and disks at one instant; the guest goes on by itself if it ran. A failure leaves no tag. */
export const saveTag = (vm: LiveVm, wish: LiveTag): Promise<void> => {
  const doing = 'Taking the snapshot with memory';
  return inWords(doing, async () => {
    const error = await runJob(vm, wish, (devices) =>
      vm.qmp.execute(
        'snapshot-save',
        { 'job-id': wish.jobId, tag: wish.tag, vmstate: devices[0] ?? '', devices },
        long,
      ),
    );
    if (error !== null) throw refusalFrom(doing, error);
  });
};

/** Disks and memory as they were. The guest is stopped before it and stays so, whatever comes of it. */
export const loadTag = (vm: LiveVm, wish: LiveTag): Promise<void> => {
  const doing = 'Going back to the memory of the snapshot';
  return inWords(doing, async () => {
    const error = await runJob(vm, wish, (devices) =>
      vm.qmp.execute(
        'snapshot-load',
        { 'job-id': wish.jobId, tag: wish.tag, vmstate: devices[0] ?? '', devices },
        long,
      ),
    );
    if (error !== null) throw refusalFrom(doing, error);
  });
};

/** A disk that has no such tag is no error. */
export const dropTag = (vm: LiveVm, wish: LiveTag): Promise<void> => {
  const doing = 'Deleting the internal snapshot';
  return inWords(doing, async () => {
    const error = await runJob(vm, wish, (devices) =>
      vm.qmp.execute('snapshot-delete', { 'job-id': wish.jobId, tag: wish.tag, devices }, slow),
    );
    if (error !== null) throw refusalFrom(doing, error);
  });
};

/** All disks at one instant, without memory; the guest goes on. All, or none; after a time-out the headers say which. */
export const markDisks = (vm: LiveVm, { tag, disks }: Pick<LiveTag, 'tag' | 'disks'>): Promise<void> =>
  inWords('Taking the snapshot', async () => {
    const actions = (await topNodes(vm, disks)).map((device) => ({
      type: 'blockdev-snapshot-internal-sync' as const,
      data: { device, name: tag },
    }));
    try {
      await vm.qmp.execute('transaction', { actions }, slow);
    } catch (error) {
      if (!(error instanceof QmpTimeoutError)) throw error;
    }
  });

/** Waits for QEMU, which answers nobody while it saves or loads memory. */
export const untilAnswers = (vm: LiveVm): Promise<void> =>
  inWords('Asking QEMU', async () => {
    await vm.qmp.execute('query-status', undefined, long);
  });

export const isGuestRunning = (vm: LiveVm): Promise<boolean> =>
  inWords('Asking QEMU', async () => (await vm.qmp.execute('query-status')).running);

export const standStill = (vm: LiveVm): Promise<void> =>
  inWords('Pausing the guest', async () => {
    await vm.qmp.execute('stop', undefined, slow);
  });

export const goOn = (vm: LiveVm): Promise<void> =>
  inWords('Resuming the guest', async () => {
    await vm.qmp.execute('cont', undefined, slow);
  });

/** Whether QEMU still knows the job of this id. */
export const hasJob = (vm: LiveVm, jobId: string): Promise<boolean> =>
  inWords('Reading the job', async () =>
    (await vm.qmp.execute('query-jobs', undefined, slow)).some(({ id }) => id === jobId),
  );

/** Milliseconds for which the guest stands while `work` is at it, by QEMU's clock; null when it did not run before. */
export const measuredPause = async (vm: LiveVm, work: () => Promise<void>): Promise<number | null> => {
  let stopped: number | null = null;
  let lasted: number | null = null;
  const off = [
    vm.qmp.on('STOP', ({ at }) => {
      stopped = at;
    }),
    vm.qmp.on('RESUME', ({ at }) => {
      if (stopped !== null) lasted = Math.round(at - stopped);
    }),
  ];
  try {
    await work();
    return lasted;
  } finally {
    for (const end of off) end();
  }
};
