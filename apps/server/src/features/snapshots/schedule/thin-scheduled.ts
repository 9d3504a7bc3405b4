import { AppError } from '../../../app-error.ts';
import type { ImagesService } from '../../images/images.types.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import type { SnapshotsRepository } from '../snapshots.repository.ts';
import type { SnapshotDeletions, StoredSnapshot } from '../snapshots.types.ts';
import { isPassing, type Outcome, outcomeOf, outcomeOfError, skipped } from './schedule-outcome.ts';
import { surplusSnapshots } from './surplus-snapshots.ts';

export interface ThinDeps {
  readonly images: Pick<ImagesService, 'scan' | 'forest'>;
  readonly operations: Pick<OperationsService, 'ended'>;
  readonly deletions: Pick<SnapshotDeletions, 'run'>;
  readonly repository: Pick<SnapshotsRepository, 'ofVm'>;
  /** The server ends, and nothing more is begun. */
  readonly ending: () => boolean;
}

/** Null: it is gone. */
const mergeAway = async (
  { operations, deletions }: ThinDeps,
  vmId: string,
  { id, name }: StoredSnapshot,
): Promise<Outcome | null> => {
  try {
    const { id: operationId } = await deletions.run(vmId, { snapshots: [id], mode: 'auto' });
    const ended = await operations.ended(operationId);
    if (ended.state === 'done') return null;
    const outcome = outcomeOf(ended, '');
    return { ...outcome, detail: `“${name}” could not be merged away: ${outcome.detail}` };
  } catch (error) {
    const { detail } = outcomeOfError(error);
    // In the way is what a person has made: it stays, and the snapshot with it.
    if (isPassing(error) || (error instanceof AppError && error.code === 'plan-blocked'))
      return skipped(`“${name}” stays for now: ${detail}`);
    return {
      outcome: 'failed',
      detail: `“${name}” could not be merged away: ${detail}`,
      operationId: null,
    };
  }
};

/**
 * Older automatic snapshots go, one operation after the other. One that cannot go now is tried again the next time;
 * the answer is the worst of what kept one here.
 */
export const thinScheduled = async (deps: ThinDeps, vmId: string, keep: number): Promise<Outcome | null> => {
  await deps.images.scan();
  const surplus = surplusSnapshots(deps.images.forest(), vmId, deps.repository.ofVm(vmId), keep);
  let worst: Outcome | null = null;
  for (const snapshot of surplus) {
    if (deps.ending()) break;
    const stays = await mergeAway(deps, vmId, snapshot);
    if (worst === null || (worst.outcome === 'skipped' && stays?.outcome === 'failed')) worst = stays;
  }
  return worst;
};
