import type { Blocker } from '@strata/backing-chain';
import type { DeleteSnapshots, Operation, Plan } from '@strata/contract';
import { shellWord } from '../../../shell-word.ts';
import { taintBlockers } from '../../chains/taint-blockers.ts';
import { tagStays } from '../delete-refusals.ts';
import { forgetPlan } from '../delete-view.ts';
import { memoryFreed } from '../freed-memory.ts';
import { openBlockers } from '../held-layers.ts';
import { heldTogether } from '../held-sizes.ts';
import { subjectsOf } from '../snapshot-subjects.ts';
import type { SnapshotsDeps } from '../snapshots.service.ts';
import type { StoredSnapshot } from '../snapshots.types.ts';
import type { InternalDeleteRun } from './delete-internal.executor.ts';
import { frozenBlockers, namingBlockers, readBlockers, suspendedBlockers } from './tag-blockers.ts';

type Deps = Pick<SnapshotsDeps, 'images' | 'vms' | 'operations'>;

/** Of a deletion those that are tags: they go in a way of their own. To forget is the same for all. */
export const tagsAmong = (
  snapshots: readonly StoredSnapshot[],
  { mode }: Pick<DeleteSnapshots, 'mode'>,
): readonly StoredSnapshot[] =>
  mode === 'forget' ? [] : snapshots.filter(({ kind }) => kind === 'internal');

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

/** `merged`: layers that the same plan merges, so that they may be written once nobody has them open. */
const blockersOf = async (
  deps: Deps,
  vmId: string,
  snapshots: readonly StoredSnapshot[],
  merged: ReadonlySet<string>,
): Promise<Plan['blockers']> => {
  const { images, vms, operations } = deps;
  const forest = images.forest();
  const disks = snapshots.flatMap(disksOf);
  const ids = [...new Set(disks.map(({ imageId }) => imageId))];
  const [within, others] = [true, false].map((is) =>
    disks.filter(({ imageId }) => merged.has(imageId) === is),
  );
  const read = readBlockers(forest, within ?? []);
  const all = [
    ...frozenBlockers(forest, others ?? [], vmId, tagStays),
    ...read,
    ...suspendedBlockers(forest, ids),
    ...(await ambiguous(deps, snapshots)),
    ...taintBlockers(ids, 'other', operations.taints.list(), images),
    ...(vms.live(vmId) === null && read.length === 0 ? await openBlockers(images, ids) : []),
  ];
  return [...new Map(all.map((blocker) => [blocker.message, blocker])).values()].map((blocker) => ({
    ...blocker,
    subjects: [...blocker.subjects],
  }));
};

/** What the deletion of tags adds to a plan. */
export interface TagPart {
  readonly blockers: Plan['blockers'];
  readonly steps: string[];
  readonly commands: string[];
  readonly freed: number;
}

export const planTags = async (
  deps: Deps,
  vmId: string,
  snapshots: readonly StoredSnapshot[],
  merged: ReadonlySet<string> = new Set(),
): Promise<TagPart> => {
  const { images, vms } = deps;
  const active = new Set(vms.get(vmId).disks.map(({ imageId }) => imageId));
  const nameOf = (imageId: string): string => `“${images.facts(imageId).name}”`;
  const commandsOf = (snapshot: StoredSnapshot): string[] => {
    const live = vms.live(vmId) !== null && disksOf(snapshot).every(({ imageId }) => active.has(imageId));
    if (live) return [`# in the QEMU of the VM: snapshot-delete ${tagOf(snapshot)}`];
    return disksOf(snapshot).map(
      ({ imageId }) =>
        `qemu-img snapshot -d ${shellWord(tagOf(snapshot))} ${shellWord(images.facts(imageId).path)}`,
    );
  };
  const blockers = await blockersOf(deps, vmId, snapshots, merged);
  // Where a file does not tell, at least the memory inside it, which is shared with nobody.
  const inside =
    (await heldTogether(images, snapshots)) ??
    snapshots.reduce(
      (sum, { memoryFile, memoryBytes }) => sum + (memoryFile === null ? (memoryBytes ?? 0) : 0),
      0,
    );
  return {
    blockers,
    freed: inside + memoryFreed(vms)(snapshots),
    steps: snapshots.map(
      (snapshot) =>
        `Delete “${snapshot.name}” inside ${disksOf(snapshot)
          .map(({ imageId }) => nameOf(imageId))
          .join(', ')}; everything else stays as it is`,
    ),
    commands: blockers.length > 0 ? [] : snapshots.flatMap(commandsOf),
  };
};

/** As an operation writes them down. */
export const doomedTags = (snapshots: readonly StoredSnapshot[]): InternalDeleteRun['snapshots'] =>
  snapshots.map((snapshot) => ({
    ...{ id: snapshot.id, name: snapshot.name, tag: tagOf(snapshot) },
    disks: disksOf(snapshot),
  }));

/** The tags go, and nothing else changes. */
export const planInternalDelete = async (
  deps: Deps,
  vmId: string,
  snapshots: readonly StoredSnapshot[],
): Promise<Plan> => {
  const { images, vms } = deps;
  await images.scan();
  const forgotten = forgetPlan(
    images.forest(),
    snapshots,
    vms.currentSnapshot(vmId),
    memoryFreed(vms)(snapshots),
  );
  const { blockers, freed, steps, commands } = await planTags(deps, vmId, snapshots);
  const reason = blockers.map(({ message }) => message).join(' ');
  const possible = { possible: reason === '', ...(reason === '' ? {} : { reason }) };
  return {
    ...forgotten,
    ...{ operation: 'delete', mode: 'auto', freed, live: vms.live(vmId) !== null, blockers, nowUnused: [] },
    modes: [
      { mode: 'auto', ...possible, bytesToMove: 0, freed },
      { mode: 'forget', possible: true, bytesToMove: 0, freed: 0 },
    ],
    ...{ steps, commands },
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
  const request: InternalDeleteRun = { vmId, snapshots: doomedTags(snapshots) };
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
