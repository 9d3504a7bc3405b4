import type { Blocker } from '@strata/backing-chain';
import type { DeleteSnapshots, Operation, Plan } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { shellWord } from '../../../shell-word.ts';
import { taintBlockers } from '../../chains/taint-blockers.ts';
import { tagStays } from '../delete-refusals.ts';
import { forgetPlan } from '../delete-view.ts';
import { openBlockers } from '../held-layers.ts';
import { subjectsOf } from '../snapshot-subjects.ts';
import type { SnapshotsDeps } from '../snapshots.service.ts';
import type { StoredSnapshot } from '../snapshots.types.ts';
import type { InternalDeleteRun } from './delete-internal.executor.ts';
import { frozenBlockers, namingBlockers, suspendedBlockers } from './tag-blockers.ts';

type Deps = Pick<SnapshotsDeps, 'images' | 'vms' | 'operations'>;

/** Whether this deletion is of tags. Tags and layers go in different ways, and not in one operation. */
export const isOfTags = (
  snapshots: readonly StoredSnapshot[],
  { mode }: Pick<DeleteSnapshots, 'mode'>,
): boolean => {
  const internal = snapshots.filter(({ kind }) => kind === 'internal');
  if (mode === 'forget' || internal.length === 0) return false;
  if (internal.length < snapshots.length)
    throw new AppError(
      'not-possible',
      `${internal.map(({ name }) => `“${name}”`).join(', ')} ${internal.length === 1 ? 'lies' : 'lie'} inside the layers of others that would be merged. Delete the internal snapshots first, by themselves.`,
    );
  // The planner of merges has the words.
  return mode === 'auto';
};

const disksOf = ({ disks }: StoredSnapshot): InternalDeleteRun['snapshots'][number]['disks'] =>
  disks.map(({ diskId, imageId }) => ({ diskId, imageId }));
const tagOf = ({ disks }: StoredSnapshot): string => disks[0]?.internalTag ?? '';

/** A tag that is gone already is no obstacle; one name for two things is. */
const ambiguous = async (deps: Deps, snapshots: readonly StoredSnapshot[]): Promise<Blocker[]> => {
  const found = await namingBlockers(
    deps.images,
    snapshots.flatMap((snapshot) => disksOf(snapshot).map((disk) => ({ ...disk, tag: tagOf(snapshot) }))),
  );
  return found.filter(({ code }) => code !== 'tag-missing');
};

const blockersOf = async (
  deps: Deps,
  vmId: string,
  snapshots: readonly StoredSnapshot[],
): Promise<Plan['blockers']> => {
  const { images, vms, operations } = deps;
  const disks = snapshots.flatMap(disksOf);
  const ids = [...new Set(disks.map(({ imageId }) => imageId))];
  const all = [
    ...frozenBlockers(images.forest(), disks, vmId, tagStays),
    ...suspendedBlockers(images.forest(), ids),
    ...(await ambiguous(deps, snapshots)),
    ...taintBlockers(ids, 'other', operations.taints.list(), images),
    ...(vms.live(vmId) === null ? await openBlockers(images, ids) : []),
  ];
  return [...new Map(all.map((blocker) => [blocker.message, blocker])).values()].map((blocker) => ({
    ...blocker,
    subjects: [...blocker.subjects],
  }));
};

/** The tags go, and nothing else changes. */
export const planInternalDelete = async (
  deps: Deps,
  vmId: string,
  snapshots: readonly StoredSnapshot[],
): Promise<Plan> => {
  const { images, vms } = deps;
  await images.scan();
  const forgotten = forgetPlan(images.forest(), snapshots, vms.currentSnapshot(vmId));
  const blockers = await blockersOf(deps, vmId, snapshots);
  const live = vms.live(vmId) !== null;
  // What clusters a tag shares with others only its deletion shows; its memory is its own.
  const freed = snapshots.reduce((sum, { memoryBytes }) => sum + (memoryBytes ?? 0), 0);
  const reason = blockers.map(({ message }) => message).join(' ');
  const nameOf = (imageId: string): string => `“${images.facts(imageId).name}”`;
  const possible = { possible: reason === '', ...(reason === '' ? {} : { reason }) };
  return {
    ...forgotten,
    ...{ operation: 'delete', mode: 'auto', freed, live, blockers, nowUnused: [] },
    modes: [
      { mode: 'auto', ...possible, bytesToMove: 0, freed },
      { mode: 'forget', possible: true, bytesToMove: 0, freed: 0 },
    ],
    steps: snapshots.map(
      (snapshot) =>
        `Delete “${snapshot.name}” inside ${disksOf(snapshot)
          .map(({ imageId }) => nameOf(imageId))
          .join(', ')}; everything else stays as it is`,
    ),
    commands:
      blockers.length > 0
        ? []
        : snapshots.flatMap((snapshot) =>
            live
              ? [`# in the QEMU of the VM: snapshot-delete ${tagOf(snapshot)}`]
              : disksOf(snapshot).map(
                  ({ imageId }) =>
                    `qemu-img snapshot -d ${shellWord(tagOf(snapshot))} ${shellWord(images.facts(imageId).path)}`,
                ),
          ),
  };
};

/** For a plan that was shown and has no blockers. */
export const deleteInternal = (
  { vms, operations }: Deps,
  vmId: string,
  snapshots: readonly StoredSnapshot[],
  { view, lookedAt }: { readonly view: Plan; readonly lookedAt: number },
): Operation => {
  const vm = vms.get(vmId);
  const request: InternalDeleteRun = {
    vmId,
    snapshots: snapshots.map((snapshot) => ({
      ...{ id: snapshot.id, name: snapshot.name, tag: tagOf(snapshot) },
      disks: disksOf(snapshot),
    })),
  };
  const what =
    snapshots.length === 1 ? `the snapshot “${snapshots[0]?.name}”` : `${snapshots.length} snapshots`;
  return operations.start({
    kind: 'snapshot-delete-internal',
    title: `Delete ${what} of “${vm.name}”`,
    request,
    journal: { done: 0 },
    steps: view.steps,
    subjects: subjectsOf(vm, snapshots),
    locks: {
      images: [...new Set(snapshots.flatMap((snapshot) => disksOf(snapshot).map(({ imageId }) => imageId)))],
      vms: [vmId],
    },
    unit: 'steps',
    total: snapshots.length,
    cancelNote: null,
    lookedAt,
  });
};
