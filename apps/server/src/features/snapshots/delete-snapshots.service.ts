import {
  type DeleteSnapshotsPlan,
  isRefusal,
  planDeleteSnapshots,
  type World,
  worldWithoutTags,
} from '@strata/backing-chain';
import type { DeleteMode, DeleteSnapshots, Plan, Vm } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { Db } from '../../db/open-database.ts';
import type { MergeSequences, PreparedMerges } from '../chains/chains.types.ts';
import type { ImagesService } from '../images/images.types.ts';
import type { DeleteSnapshotsJournal, DeleteSnapshotsRun } from '../operations/executors/delete-snapshots.ts';
import type { OperationsService, StartOperation } from '../operations/operations.types.ts';
import type { VmsService } from '../vms/vms.types.ts';
import { chosenSnapshots, noneMeant } from './chosen-snapshots.ts';
import { withTagLocks, withTags } from './delete-both-kinds.ts';
import { deleteView, forgetPlan, freedBy, nothingPlan } from './delete-view.ts';
import { memoryFreed } from './freed-memory.ts';
import {
  deleteInternal,
  doomedTags,
  planInternalDelete,
  planTags,
  tagsAmong,
} from './internal/delete-internal.ts';
import { subjectsOf } from './snapshot-subjects.ts';
import { snapshotsRepository } from './snapshots.repository.ts';
import type { SnapshotDeletions, StoredSnapshot } from './snapshots.types.ts';

export interface SnapshotDeletionsDeps {
  readonly db: Db;
  readonly images: ImagesService;
  readonly vms: VmsService;
  readonly operations: OperationsService;
  readonly merges: MergeSequences;
}

/** Everything that a run needs of its plan; `merged` is null where only names go. */
interface Planned {
  readonly lookedAt: number;
  readonly vm: Vm;
  readonly snapshots: readonly StoredSnapshot[];
  readonly view: Plan;
  readonly merged: { readonly plan: DeleteSnapshotsPlan; readonly prepared: PreparedMerges } | null;
  /** Of these the tags, which go first. */
  readonly inside?: readonly StoredSnapshot[];
}
type MergeMode = Exclude<DeleteMode, 'forget'>;

const quoted = (snapshots: readonly StoredSnapshot[]): string =>
  snapshots.length === 1 ? `the snapshot “${snapshots[0]?.name}”` : `${snapshots.length} snapshots`;

const planIn = (world: World, snapshots: readonly StoredSnapshot[], mode: MergeMode): DeleteSnapshotsPlan => {
  const plan = planDeleteSnapshots(world, { snapshotIds: snapshots.map(({ id }) => id), mode });
  if (isRefusal(plan)) throw new AppError('not-possible', plan.message);
  return plan;
};

/** What cannot be done gives nothing back. */
const withBlockers = ({ freed, ...view }: Plan, more: Plan['blockers']): Plan => {
  const blockers = [...view.blockers, ...more];
  return { ...view, ...(freed === undefined || blockers.length > 0 ? {} : { freed }), blockers };
};

const idsOf = (snapshots: readonly StoredSnapshot[]): string[] => snapshots.map(({ id }) => id);

/** Each way with its price, also those that are not taken. */
const modesOf = (
  world: World,
  snapshots: readonly StoredSnapshot[],
  forgotten: Plan,
  memory: number,
): NonNullable<Plan['modes']> => {
  const merging = (['commit', 'pull'] as const).map((mode) => {
    const plan = planDeleteSnapshots(world, { snapshotIds: snapshots.map(({ id }) => id), mode });
    if (isRefusal(plan)) return { mode, possible: false, reason: plan.message, bytesToMove: 0, freed: 0 };
    const reason = plan.blockers.map(({ message }) => message).join(' ');
    return {
      mode,
      possible: reason === '',
      ...(reason === '' ? {} : { reason }),
      bytesToMove: plan.bytesToMove,
      freed: freedBy(world.forest, plan, memory),
    };
  });
  const freed = forgotten.freed ?? 0;
  return [...merging, { mode: 'forget', possible: true, bytesToMove: 0, freed }];
};

/** Deleting restore points, one or many, in any order. Its executor is registered with those of the chains. */
export const createSnapshotDeletions = ({
  db,
  images,
  vms,
  operations,
  merges,
}: SnapshotDeletionsDeps): SnapshotDeletions => {
  const repository = snapshotsRepository(db);
  const freedMemory = memoryFreed(vms);

  /** A blocker of its own: the plan can be looked at meanwhile. */
  const working = (vmId: string): Plan['blockers'] => {
    const operation = operations.activeOn({ vms: [vmId] });
    if (operation === null) return [];
    const { id, title } = operation;
    return [
      {
        code: 'operation-running',
        message: `“${title}” is working on this VM. Wait for it to end.`,
        subjects: [{ kind: 'operation', id, name: title }],
      },
    ];
  };

  const compute = async (vmId: string, wish: DeleteSnapshots, shown: boolean): Promise<Planned> => {
    const lookedAt = operations.look();
    const vm = vms.get(vmId);
    const current = vms.currentSnapshot(vmId);
    const snapshots = chosenSnapshots(repository.ofVm(vmId), current, wish);
    if (snapshots.length === 0)
      return { lookedAt, vm, snapshots, merged: null, view: nothingPlan(noneMeant(wish), current) };
    const inside = tagsAmong(snapshots, wish);
    if (wish.mode === 'auto' && inside.length === snapshots.length) {
      const view = await planInternalDelete({ images, vms, operations }, vmId, snapshots);
      return {
        ...{ lookedAt, vm, snapshots, inside },
        merged: null,
        view: withBlockers(view, working(vmId)),
      };
    }
    // Where all are tags, the planner of merges has the words.
    const layered = snapshots.filter((one) => inside.length === snapshots.length || !inside.includes(one));
    const layers = layered.flatMap(({ disks }) => disks.map(({ imageId }) => imageId));
    const isForget = wish.mode === 'forget';
    // Dropping a name needs no look at any file, and must be possible whatever state these are in.
    const whole =
      isForget && !shown
        ? { forest: images.forest(), allocation: new Map() }
        : await merges.world((forest) => layers.filter((id) => forest.layers.has(id)));
    const forgotten = forgetPlan(whole.forest, snapshots, current, freedMemory(snapshots));
    // The tags bring the memory of their own.
    const memory = freedMemory(layered);
    const tagsGo = inside.length > 0 && inside.length < snapshots.length;
    const world = tagsGo ? worldWithoutTags(whole, idsOf(inside)) : whole;
    const modes = shown ? { modes: modesOf(world, layered, forgotten, memory) } : {};
    const busy = working(vmId);
    if (wish.mode === 'forget')
      return { lookedAt, vm, snapshots, merged: null, view: withBlockers({ ...forgotten, ...modes }, busy) };
    const plan = planIn(world, layered, wish.mode);
    const meant = [wish.mode, snapshots.map(({ id }) => id)];
    const prepared = await merges.prepare(world.forest, plan, meant, shown);
    const view = { ...deleteView(world.forest, plan, layered, prepared, memory), ...modes };
    if (!tagsGo)
      return { lookedAt, vm, snapshots, merged: { plan, prepared }, view: withBlockers(view, busy) };
    const tags = await planTags({ images, vms, operations }, vmId, inside, new Set(prepared.locks.images));
    return {
      ...{ lookedAt, vm, snapshots, inside },
      merged: { plan, prepared },
      view: withBlockers(withTags(view, inside, tags), busy),
    };
  };

  const startOf = ({
    lookedAt,
    vm,
    snapshots,
    view,
    merged,
    inside = [],
  }: Planned): StartOperation<DeleteSnapshotsRun, DeleteSnapshotsJournal> => {
    const runs = merged?.prepared.runs ?? [];
    const locks = withTagLocks(merged?.prepared.locks ?? { images: [], reads: [], vms: [] }, inside);
    const verb = merged === null ? 'Forget' : 'Delete';
    const disposals = (merged?.plan.disposals ?? []).map((disposal) => ({
      ...disposal,
      name: images.facts(disposal.layer).name,
    }));
    return {
      kind: 'snapshot-delete',
      title: `${verb} ${quoted(snapshots)} of “${vm.name}”`,
      request: {
        vmId: vm.id,
        ...(inside.length === 0 ? {} : { inside: doomedTags(inside) }),
        snapshots: snapshots
          .filter((snapshot) => !inside.includes(snapshot))
          .map(({ id, name }) => ({ id, name })),
        merges: runs,
        disposals,
        plan: { moves: view.moves.map(({ from, to }) => ({ from, to })) },
      },
      journal: { phase: 'merging', done: 0, parts: merged?.prepared.journals ?? [] },
      steps: view.steps,
      subjects: [
        ...subjectsOf(vm, snapshots),
        ...locks.images.map((id) => ({ kind: 'image' as const, id, name: images.facts(id).name })),
      ],
      locks: { ...locks, vms: [...new Set([vm.id, ...locks.vms])] },
      unit: runs.length === 0 ? 'steps' : 'bytes',
      total: runs.length === 0 ? view.steps.length : view.bytesToMove,
      cancelNote: view.cancelNote ?? null,
      lookedAt,
    };
  };

  return {
    plan: async (vmId, wish) => (await compute(vmId, wish, true)).view,
    run: async (vmId, wish) => {
      const planned = await compute(vmId, wish, false);
      const { view, merged } = planned;
      const busy = operations.activeOn({ vms: [vmId] });
      if (busy !== null)
        throw new AppError('operation-running', `“${busy.title}” is working on this VM. Wait for it to end.`);
      if (wish.fingerprint !== undefined && wish.fingerprint !== view.fingerprint)
        throw new AppError(
          'plan-stale',
          'Layers, snapshots or the VM have changed since this plan was made. Look at the new plan.',
        );
      if (view.nothing !== undefined) throw new AppError('not-possible', view.nothing);
      if (view.blockers.length > 0)
        throw new AppError('plan-blocked', view.blockers.map(({ message }) => message).join(' '), {
          blockers: view.blockers,
        });
      if (merged === null && planned.inside !== undefined)
        return deleteInternal({ images, vms, operations }, vmId, planned.snapshots, planned);
      merged?.prepared.demandSpace(wish.useReserve === true);
      return operations.start<DeleteSnapshotsRun, DeleteSnapshotsJournal>(startOf(planned));
    },
  };
};
