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

const quoted = (snapshots: readonly StoredSnapshot[]): string =>
  snapshots.map(({ name }) => `“${name}”`).join(', ');
const isBlocked = (error: unknown): boolean => error instanceof AppError && error.code === 'plan-blocked';

/** One plan and one operation, as when a person selects them. Null: they are gone. Throws what refuses the plan. */
const mergeAway = async (
  { operations, deletions }: ThinDeps,
  vmId: string,
  snapshots: readonly StoredSnapshot[],
): Promise<Outcome | null> => {
  const wish = { snapshots: snapshots.map(({ id }) => id), mode: 'auto' as const };
  const { id: operationId } = await deletions.run(vmId, wish);
  const ended = await operations.ended(operationId);
  if (ended.state === 'done') return null;
  const outcome = outcomeOf(ended, '');
  return { ...outcome, detail: `${quoted(snapshots)} could not be merged away: ${outcome.detail}` };
};

const outcomeOfRefusal = (error: unknown, snapshots: readonly StoredSnapshot[]): Outcome => {
  const { detail } = outcomeOfError(error);
  const stay = snapshots.length === 1 ? 'stays' : 'stay';
  // In the way is what a person has made: it stays, and the snapshot with it.
  if (isPassing(error) || isBlocked(error)) return skipped(`${quoted(snapshots)} ${stay} for now: ${detail}`);
  return {
    outcome: 'failed',
    detail: `${quoted(snapshots)} could not be merged away: ${detail}`,
    operationId: null,
  };
};

/** What stands in the way of some must not keep the others: they then go one after the other. */
const mergeEach = async (
  deps: ThinDeps,
  vmId: string,
  surplus: readonly StoredSnapshot[],
): Promise<Outcome | null> => {
  let worst: Outcome | null = null;
  for (const snapshot of surplus) {
    if (deps.ending()) break;
    const stays = await mergeAway(deps, vmId, [snapshot]).catch((error: unknown) =>
      outcomeOfRefusal(error, [snapshot]),
    );
    if (worst === null || (worst.outcome === 'skipped' && stays?.outcome === 'failed')) worst = stays;
  }
  return worst;
};

/**
 * Older automatic snapshots go, all in one operation. What cannot go now is tried again the next time; the answer is the
 * worst of what kept one here.
 */
export const thinScheduled = async (deps: ThinDeps, vmId: string, keep: number): Promise<Outcome | null> => {
  await deps.images.scan();
  const surplus = surplusSnapshots(deps.images.forest(), vmId, deps.repository.ofVm(vmId), keep);
  if (surplus.length === 0 || deps.ending()) return null;
  try {
    return await mergeAway(deps, vmId, surplus);
  } catch (error) {
    return surplus.length > 1 && isBlocked(error)
      ? mergeEach(deps, vmId, surplus)
      : outcomeOfRefusal(error, surplus);
  }
};
