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

/** A restore point that is a tag inside the layers of these disks. */
export interface DoomedTag {
  readonly id: string;
  readonly name: string;
  readonly tag: string;
  readonly disks: readonly { readonly diskId: string; readonly imageId: string }[];
}

export interface DeleteSnapshotsRun {
  readonly vmId: string;
  /** They go first: a tag inside a layer is in the way of its merge. Left out: there are none. */
  readonly inside?: readonly DoomedTag[];
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
  /** So many tags are gone, each with its row. */
  readonly insideDone?: number;
  readonly parts: readonly (CommitJournal | PullJournal)[];
}
type Context = OperationContext<DeleteSnapshotsRun, DeleteSnapshotsJournal>;

export interface DeleteSnapshotsDeps extends ExecutorDeps {
  /** Picture, memory, UEFI variables: whatever lies beside the layers. */
  readonly removeFiles: (vmId: string, snapshotId: string) => Promise<void>;
  readonly publish: (snapshotId: string, change: 'deleted') => void;
  /** From every layer that has it. `ruined` is called when it fails half-way: a restore point no more. */
  readonly dropInside: (
    context: Pick<OperationContext<unknown, unknown>, 'ending' | 'resumed' | 'recovered'>,
    wish: { readonly vmId: string; readonly doomed: DoomedTag; readonly jobId: string },
    ruined: () => void,
  ) => Promise<void>;
}

const mergeAt = async (deps: DeleteSnapshotsDeps, context: Context, index: number): Promise<void> => {
  const { merges, inside = [] } = context.request;
  const merge = merges[index];
  if (merge === undefined) throw new Error('incomplete plan');
  const firstStep = inside.length;
  const bytes = merges.map(({ request }) => request.plan.bytesToMove);
  if (merge.kind === 'commit')
    await commitExecutor(deps).run(
      partContext<CommitRun, CommitJournal>(context, { index, firstStep, request: merge.request, bytes }),
    );
  else
    await pullExecutor(deps).run(
      partContext<PullRun, PullJournal>(context, { index, firstStep, request: merge.request, bytes }),
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

/** One after the other; what is gone stays gone, whoever cancels. */
const dropAllInside = async (deps: DeleteSnapshotsDeps, context: Context): Promise<void> => {
  const { vmId, inside = [] } = context.request;
  for (const [index, doomed] of inside.entries()) {
    if (index < (context.journal.insideDone ?? 0)) continue;
    context.cancelled.throwIfAborted();
    context.step(index);
    const lose = (insideDone: number): void => {
      context.save({ ...context.journal, insideDone }, () => deps.snapshots.lose(doomed.id));
      deps.publish(doomed.id, 'deleted');
    };
    await deps.dropInside(context, { vmId, doomed, jobId: `d-${context.id}-${index}` }, () => lose(index));
    lose(index + 1);
  }
  if (inside.length > 0)
    await deps.images.refresh([
      ...new Set(inside.flatMap(({ disks }) => disks.map(({ imageId }) => imageId))),
    ]);
};

const mergeAll = async (deps: DeleteSnapshotsDeps, context: Context): Promise<void> => {
  const { merges, snapshots, inside = [] } = context.request;
  try {
    for (let index = context.journal.done; index < merges.length; index += 1) {
      // What is recorded is brought to its end, whoever cancels.
      if (!isRecorded(context.journal.parts[index])) context.cancelled.throwIfAborted();
      await mergeAt(deps, context, index);
      // What follows the last one says as much.
      if (index < merges.length - 1) context.save({ ...context.journal, done: index + 1 });
    }
    context.cancelled.throwIfAborted();
  } catch (error) {
    if (!context.ending) giveUpRuined(deps, context);
    throw error;
  }
  context.finishing();
  context.controls(null);
  context.step(inside.length + merges.length);
  context.save({ ...context.journal, phase: 'forgotten', done: merges.length }, () => {
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
    const { vmId, snapshots, merges, inside = [] } = context.request;
    if (context.journal.phase === 'merging') {
      await dropAllInside(deps, context);
      await mergeAll(deps, context);
    }
    context.finishing();
    context.step(inside.length + merges.length + 1);
    const kept = await removeLayers(deps, context);
    for (const { id } of [...inside, ...snapshots]) await deps.removeFiles(vmId, id);
    return {
      snapshotIds: [...inside, ...snapshots].map(({ id }) => id),
      ...(kept.length === 0 ? {} : { kept }),
    };
  },
});
