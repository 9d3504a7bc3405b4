import type { Executor } from '../operations/operations.types.ts';
import type { VmsService } from '../vms/vms.types.ts';
import type { KeptVarsFiles } from './kept-vars.ts';
import type { ScreenshotFiles } from './screenshot-files.ts';
import { snapshotBooks } from './snapshot-books.ts';
import type { SnapshotsRepository } from './snapshots.repository.ts';

export interface ForgetRun {
  readonly vmId: string;
  readonly snapshotId: string;
  readonly screenshot: string | null;
}
export interface ForgetJournal {
  readonly phase: 'new' | 'forgotten';
}

/** The name goes, the layer stays. */
export const forgetExecutor = (deps: {
  readonly repository: SnapshotsRepository;
  readonly vms: VmsService;
  readonly screenshots: ScreenshotFiles;
  readonly vars: KeptVarsFiles;
  readonly publish: (snapshotId: string, change: 'deleted') => void;
}): Executor<ForgetRun, ForgetJournal> => ({
  kind: 'snapshot-forget',
  run: async (context) => {
    const { vmId, snapshotId, screenshot } = context.request;
    context.finishing();
    context.step(0);
    context.save({ phase: 'forgotten' }, () => snapshotBooks(deps.repository, deps.vms).lose(snapshotId));
    deps.publish(snapshotId, 'deleted');
    if (screenshot !== null) await deps.screenshots.remove(vmId, screenshot);
    await deps.vars.remove(vmId, snapshotId);
    return { snapshotId };
  },
});
