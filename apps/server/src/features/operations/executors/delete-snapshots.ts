import type { Disposal } from '@strata/backing-chain';
import type { Executor, OperationContext } from '../operations.types.ts';
import type { ExecutorDeps } from './chain-run.types.ts';
import { type CommitJournal, type CommitRun, commitExecutor } from './commit.ts';
import { partContext } from './part-context.ts';
import { type PullJournal, type PullRun, pullExecutor } from './pull.ts';

/*
 *    o              o'             l'       one merge after the other, each a whole commit or pull with its own job,
 *    l ●    ──▶     │       or     │        journal and engine; then the restore points go, then the files
 *   base           base           base
 */

export type SnapshotMergeRun =
  | {
      readonly kind: 'commit';
      readonly request: CommitRun;
      /** Of the restore points that go those that are none any more once this is done. */
      readonly ruins: readonly string[];
    }
  | { readonly kind: 'pull'; readonly request: PullRun };

export interface DeleteSnapshotsRun {
  readonly vmId: string;
  readonly snapshots: readonly { readonly id: string; readonly name: string }[];
  readonly merges: readonly SnapshotMergeRun[];
  /** Top first. */
  readonly disposals: readonly (Disposal & { readonly name: string })[];
  readonly plan: { readonly moves: readonly { readonly from: string; readonly to: string }[] };
}

export interface DeleteSnapshotsJournal {
  /** `merging`: the first `done` merges have ended. `forgotten`: all of them have, and the restore points are gone. */
  readonly phase: 'merging' | 'forgotten';
  readonly done: number;
  readonly parts: readonly (CommitJournal | PullJournal)[];
}
type Context = OperationContext<DeleteSnapshotsRun, DeleteSnapshotsJournal>;

export interface DeleteSnapshotsDeps extends ExecutorDeps {
  /** Picture, memory, UEFI variables: whatever lies beside the layers. */
  readonly removeFiles: (vmId: string, snapshotId: string) => Promise<void>;
  readonly publish: (snapshotId: string, change: 'deleted') => void;
}

const mergeAt = async (deps: DeleteSnapshotsDeps, context: Context, index: number): Promise<void> => {
  const { merges } = context.request;
  const merge = merges[index];
  if (merge === undefined) throw new Error('incomplete plan');
  const bytes = merges.map(({ request }) => request.plan.bytesToMove);
  if (merge.kind === 'commit')
    await commitExecutor(deps).run(
      partContext<CommitRun, CommitJournal>(context, { index, request: merge.request, bytes }),
    );
  else
    await pullExecutor(deps).run(
      partContext<PullRun, PullJournal>(context, { index, request: merge.request, bytes }),
    );
};

const isRecorded = (journal: CommitJournal | PullJournal | undefined): boolean =>
  journal?.phase === 'recorded' || journal?.phase === 'switched';

/**
 * It ends before its end. A pull changes nothing that a restore point shows; a commit does: whoever showed what it
 * changed is a restore point no more and must not be listed as one.
 */
const giveUpRuined = (deps: DeleteSnapshotsDeps, context: Context): void => {
  const { merges, snapshots } = context.request;
  const ruined = new Set(
    merges.flatMap((merge, index) =>
      merge.kind === 'commit' && isRecorded(context.journal.parts[index]) ? merge.ruins : [],
    ),
  );
  if (ruined.size === 0) return;
  context.save(context.journal, () => {
    for (const id of ruined) deps.snapshots.lose(id);
  });
  for (const id of ruined) deps.publish(id, 'deleted');
  const names = snapshots.filter(({ id }) => ruined.has(id)).map(({ name }) => `“${name}”`);
  context.recovered(
    `Layers of ${names.join(', ')} had been merged already: no restore point any more. The layers that were not merged stay.`,
  );
};

const mergeAll = async (deps: DeleteSnapshotsDeps, context: Context): Promise<void> => {
  const { merges, snapshots } = context.request;
  try {
    for (let index = context.journal.done; index < merges.length; index += 1) {
      // What is recorded is brought to its end, whoever cancels.
      if (!isRecorded(context.journal.parts[index])) context.cancelled.throwIfAborted();
      await mergeAt(deps, context, index);
      context.save({ ...context.journal, done: index + 1 });
    }
    context.cancelled.throwIfAborted();
  } catch (error) {
    if (!context.ending) giveUpRuined(deps, context);
    throw error;
  }
  context.finishing();
  context.controls(null);
  context.step(merges.length);
  context.save({ ...context.journal, phase: 'forgotten' }, () => {
    for (const { id } of snapshots) deps.snapshots.lose(id);
  });
  for (const { id } of snapshots) deps.publish(id, 'deleted');
};

/** From the top down, so that what is left always has its backing. What somebody holds open stays, and is told. */
const removeLayers = async ({ images }: DeleteSnapshotsDeps, context: Context): Promise<string[]> => {
  const { disposals } = context.request;
  context.release({ images: disposals.map(({ layer }) => layer) });
  const kept: string[] = [];
  for (const { layer, name, toTrash } of disposals) {
    if (!images.list().some((image) => image.id === layer)) continue;
    try {
      await (toTrash ? images.delete(layer) : images.unlinkMerged(layer));
    } catch (error) {
      if (context.ending) throw error;
      kept.push(layer);
      const why = error instanceof Error ? error.message : String(error);
      context.recovered(`“${name}” could not be removed, and nothing needs it: ${why}`);
    }
  }
  return kept;
};

export const deleteSnapshotsExecutor = (
  deps: DeleteSnapshotsDeps,
): Executor<DeleteSnapshotsRun, DeleteSnapshotsJournal> => ({
  kind: 'snapshot-delete',
  standsStill: ({ parts }) => parts.some(({ phase }) => phase === 'pivoting'),
  run: async (context) => {
    const { vmId, snapshots, merges } = context.request;
    if (context.journal.phase === 'merging') await mergeAll(deps, context);
    context.finishing();
    context.step(merges.length + 1);
    const kept = await removeLayers(deps, context);
    for (const { id } of snapshots) await deps.removeFiles(vmId, id);
    return {
      snapshotIds: snapshots.map(({ id }) => id),
      ...(kept.length === 0 ? {} : { kept }),
    };
  },
});
