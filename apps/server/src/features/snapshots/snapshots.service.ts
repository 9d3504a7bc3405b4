import { isRefusal, planRevert, type RevertPlan } from '@strata/backing-chain';
import type { Plan, Revert, ServerEvent, Vm } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { Db } from '../../db/open-database.ts';
import { newId } from '../../new-id.ts';
import type { BlockEngines } from '../../qemu/block-engine.types.ts';
import { taintBlockers } from '../chains/taint-blockers.ts';
import type { Events } from '../events/events.types.ts';
import type { ImagesService } from '../images/images.types.ts';
import type { OperationSubject, OperationsService } from '../operations/operations.types.ts';
import type { VmHardware } from '../vms/vm-record.types.ts';
import type { VmsService } from '../vms/vms.types.ts';
import { adoptFound } from './adopt-found.ts';
import { changedSince } from './changed-since.ts';
import { deleteRefusals } from './delete-refusals.ts';
import { demandRoom } from './demand-room.ts';
import { eitherExecutor } from './either-executor.ts';
import { forecastSnapshot } from './forecast.ts';
import { foundPoints } from './found-points.ts';
import { createFreedSizes } from './freed-sizes.ts';
import { demandNotOpen, openBlockers } from './held-layers.ts';
import { deleteInternalExecutor } from './internal/delete-internal.executor.ts';
import { revertInternalExecutor } from './internal/revert-internal.executor.ts';
import { planInternalRevert, revertInternal } from './internal/revert-internal.ts';
import { takeInternalExecutor } from './internal/take-internal.executor.ts';
import { takeInternal } from './internal/take-internal.ts';
import { keptVars } from './kept-vars.ts';
import { momentOf } from './moment-of.ts';
import { demandQuiescible } from './quiesce.ts';
import { revertExecutor } from './revert.executor.ts';
import {
  keepTodays,
  planHardware,
  type VarsToRestore,
  varsBlockers,
  varsToRestore,
} from './revert-hardware.ts';
import { memoryToKeep } from './revert-keep.ts';
import { memoryBlockers, memoryOf, startOf } from './revert-memory.ts';
import { type RevertWords, revertFingerprint, revertSteps, revertView } from './revert-view.ts';
import { screenshotFiles } from './screenshot-files.ts';
import { type SnapshotSizes, toSnapshot, toTree } from './snapshot-tree.ts';
import { snapshotsRepository } from './snapshots.repository.ts';
import type { SnapshotsService, StoredSnapshot } from './snapshots.types.ts';
import { sweepFiles } from './sweep-files.ts';
import { type TakeMemoryRun, takeExecutor } from './take.executor.ts';
import { demandMemoryPossible, memoryStep, memoryToTake } from './take-memory-wish.ts';
import { demandSettled, demandStill } from './vm-settled.ts';

export interface SnapshotsDeps {
  readonly db: Db;
  readonly images: ImagesService;
  readonly vms: VmsService;
  readonly operations: OperationsService;
  readonly engines: BlockEngines;
  readonly events: Events;
  readonly dataDir: string;
}

/** Registers its executors and its use of images; create it once, before operations are recovered. */
export const createSnapshotsService = (deps: SnapshotsDeps): SnapshotsService => {
  const { db, images, vms, operations, engines, events, dataDir } = deps;
  const repository = snapshotsRepository(db);
  const screenshots = screenshotFiles(dataDir);
  const publish = (id: string, change: ServerEvent['change']) =>
    events.publish({ type: 'snapshot', id, change });
  const vars = keptVars(dataDir);
  const executorDeps = { images, vms, engines, repository, screenshots, vars, publish };

  operations.register(
    eitherExecutor(
      takeExecutor(executorDeps),
      takeInternalExecutor(executorDeps),
      (request) => 'tag' in request,
    ),
  );
  operations.register(
    eitherExecutor(
      revertExecutor(executorDeps),
      revertInternalExecutor(executorDeps),
      (request) => 'tag' in request,
    ),
  );
  operations.register(deleteInternalExecutor(executorDeps));
  images.addUseSource({ snapshots: () => repository.uses() });

  const freedSizes = createFreedSizes({ images, learned: (id) => publish(id, 'updated') });
  const sizes = (): SnapshotSizes => ({
    layer: (imageId) => images.facts(imageId).allocatedSize,
    freed: freedSizes(),
    deleteRefusal: deleteRefusals(images.forest()),
  });

  const find = (vmId: string, snapshotId: string): StoredSnapshot => {
    const snapshot = repository.find(snapshotId);
    if (snapshot === null || snapshot.vmId !== vmId)
      throw new AppError('not-found', `The VM has no snapshot ${snapshotId}.`);
    return snapshot;
  };

  const subjects = (vm: Vm, snapshots: readonly { id: string; name: string }[]): OperationSubject[] => [
    { kind: 'vm', id: vm.id, name: vm.name },
    ...snapshots.map(({ id, name }): OperationSubject => ({ kind: 'snapshot', id, name })),
  ];

  interface PlannedRevert {
    readonly lookedAt: number;
    readonly vm: Vm;
    readonly plan: RevertPlan;
    readonly words: RevertWords;
    readonly view: Plan;
    readonly snapshot: StoredSnapshot;
    /** What the VM becomes; null: it stays what it is. */
    readonly hardware: VmHardware | null;
    readonly vars: VarsToRestore | undefined;
    /** Of the snapshot that keeps the current state, and the memory that is saved for it. */
    readonly keepId: string;
    readonly saves: TakeMemoryRun | null;
  }

  const computeRevert = async (
    vmId: string,
    snapshotId: string,
    wish: Revert,
    keepName: string | null,
  ): Promise<PlannedRevert> => {
    const vm = vms.get(vmId);
    const snapshot = find(vmId, snapshotId);
    const lookedAt = operations.look();
    await images.scan();
    const before = vm.state === 'paused' ? 'paused' : vms.live(vmId) === null ? 'no' : 'running';
    const start = startOf(wish, snapshot, before);
    const hardware = await planHardware(deps, snapshot, wish, start !== 'no');
    const answer = planRevert(images.forest(), {
      vmId,
      snapshotId,
      disks: snapshot.disks,
      keepCurrent: wish.keepCurrent,
      ...(hardware.restored === null ? {} : { hardware: { leaves: hardware.leaves } }),
    });
    const current = vms.currentSnapshot(vmId);
    const unchanged = current === snapshotId && !(await changedSince(images, vm, snapshot));
    const forest = images.forest();
    if (isRefusal(answer)) throw new AppError('not-possible', answer.message);
    const layers = snapshot.disks.map((disk) => disk.imageId);
    const tainted = taintBlockers(layers, 'other', operations.taints.list(), images);
    const left = [
      ...answer.overlays.flatMap(({ from }) => from ?? []),
      ...answer.leaves.map(({ imageId }) => imageId),
    ];
    const open = vms.live(vmId) === null ? await openBlockers(images, left) : [];
    const restoredVars = varsToRestore(snapshot, (hardware.restored?.definition ?? vm).firmware, wish);
    const lost = [
      ...(await memoryBlockers(vms, snapshot)),
      ...(restoredVars === undefined ? [] : await varsBlockers(vars, snapshot, keepTodays)),
    ];
    const keepId = newId();
    const keeping = await memoryToKeep({ vms, dataDir }, vm, keepId, wish, answer.keeps);
    const waits = vms.memory.suspended(vmId) !== null;
    const plan = {
      ...answer,
      vm: { ...answer.vm, running: vms.live(vmId) !== null },
      blockers: [...answer.blockers, ...tainted, ...open, ...hardware.blockers, ...lost, ...keeping.blockers],
    };
    const restores = hardware.restored !== null && hardware.difference.length > 0;
    const words: RevertWords = {
      ...{ snapshotName: snapshot.name, keepName, unchanged, start, restores },
      memory: snapshot.memoryFile !== null,
      leavesMemory: !waits ? 'no' : wish.keepMemory === false ? 'given up' : 'kept',
      savesMemory: keeping.saves?.forecast ?? null,
    };
    const fingerprint = await revertFingerprint(forest, plan, {
      keepCurrent: wish.keepCurrent,
      hardware: hardware.restored === null ? null : hardware.difference,
      ...(wish.uefiVars === undefined ? {} : { uefiVars: wish.uefiVars }),
      ...(wish.keepMemory === undefined ? {} : { keepMemory: wish.keepMemory }),
    });
    const view = {
      ...revertView(forest, plan, words, fingerprint),
      ...{ hardware: [...hardware.difference], ...keeping.space },
    };
    return {
      ...{ lookedAt, vm, snapshot, plan, words, view, vars: restoredVars },
      ...{ keepId, saves: keeping.saves },
      hardware: restores ? hardware.restored : null,
    };
  };

  const keepNameOf = (vmId: string, snapshotId: string, wish: Revert): string | null =>
    wish.keepCurrent
      ? (wish.name ?? `Before reverting to ${find(vmId, snapshotId).name}`.slice(0, 100))
      : null;

  return {
    tree: async (vmId) => {
      const vm = vms.get(vmId);
      const current = vms.currentSnapshot(vmId);
      const snapshot = current === null ? null : repository.find(current);
      return {
        tree: toTree(repository.ofVm(vmId), sizes()),
        current: { snapshotId: snapshot?.id ?? null, changed: await changedSince(images, vm, snapshot) },
        found: foundPoints(images.forest(), vm, images.get),
      };
    },
    get: (vmId, snapshotId) => toSnapshot(find(vmId, snapshotId), sizes()),

    forecast: (vmId) => forecastSnapshot(deps, vmId),
    moment: (vmId, snapshotId, memory) => momentOf({ vms, vars }, find(vmId, snapshotId), memory),
    adopt: async (vmId, wish) => toSnapshot(find(vmId, await adoptFound(deps, vmId, wish)), sizes()),

    take: async (vmId, wish, origin = 'taken') => {
      const lookedAt = operations.look();
      await demandQuiescible(deps, vmId, wish);
      if (wish.kind === 'internal') return takeInternal(deps, vmId, wish);
      const vm = vms.get(vmId);
      demandSettled(vm);
      if (wish.memory) demandMemoryPossible(vms, vm, wish);
      const chosen = wish.disks ?? vm.disks.map((disk) => disk.id);
      const unknown = chosen.find((id) => !vm.disks.some((disk) => disk.id === id));
      if (unknown !== undefined) throw new AppError('not-found', `The VM has no disk ${unknown}.`);
      const disks = vm.disks
        .filter((disk) => chosen.includes(disk.id))
        .map((disk) => ({ diskId: disk.id, imageId: disk.imageId }));
      if (disks.length === 0)
        throw new AppError('not-possible', 'The VM has no disk that a snapshot could be taken of.');
      // Throws when a layer is missing: an overlay on a broken chain would be no restore point.
      for (const { imageId } of disks) demandRoom(await images.checkedChain(imageId));
      if (vms.live(vmId) === null)
        await demandNotOpen(
          images,
          disks.map((disk) => disk.imageId),
        );
      const tainted = taintBlockers(
        disks.map((disk) => disk.imageId),
        'other',
        operations.taints.list(),
        images,
      );
      if (tainted.length > 0)
        throw new AppError('plan-blocked', tainted.map(({ message }) => message).join(' '), {
          blockers: tainted.map((blocker) => ({ ...blocker, subjects: [...blocker.subjects] })),
        });
      // Files were read meanwhile; what a lock is taken on must be what the VM has at that moment.
      const current = vms.get(vmId);
      demandSettled(current);
      if (
        disks.some(
          ({ diskId, imageId }) => current.disks.find(({ id }) => id === diskId)?.imageId !== imageId,
        )
      )
        throw new AppError('plan-stale', 'The disks of the VM have just changed. Take the snapshot again.');
      const vmWasOff = vms.live(vmId) === null;
      const snapshotId = newId();
      const memory = wish.memory ? await memoryToTake({ vms, dataDir }, current, snapshotId, wish) : null;
      const layers = disks.map((disk) => `“${images.facts(disk.imageId).name}”`).join(', ');
      return operations.start({
        kind: 'snapshot-take',
        title: `Take the snapshot “${wish.name}” of “${vm.name}”`,
        request: {
          ...{ vmId, vmName: vm.name, snapshotId, disks },
          ...{ name: wish.name, description: wish.description ?? '', origin, vmWasOff, memory },
          quiesce: wish.quiesce === true,
        },
        journal: { phase: 'new', known: {}, overlays: [], screenshot: null },
        steps: [
          `Create an overlay on ${layers}`,
          memory !== null
            ? memoryStep(memory)
            : vmWasOff
              ? 'Let the disks continue on the overlays'
              : wish.quiesce === true
                ? 'Freeze the file systems, let the running VM continue on the overlays, all disks at one instant, and thaw'
                : 'Let the running VM continue on the overlays, all disks at one instant',
          'Write the snapshot down',
        ],
        subjects: subjects(vm, [{ id: snapshotId, name: wish.name }]),
        locks: { images: disks.map((disk) => disk.imageId), vms: [vmId] },
        unit: memory === null ? 'steps' : 'bytes',
        total: memory?.forecast ?? 3,
        cancelNote: memory === null ? null : 'The guest runs on, and nothing is left of the snapshot.',
        lookedAt,
      });
    },

    planRevert: async (vmId, snapshotId, wish) => {
      const snapshot = find(vmId, snapshotId);
      if (snapshot.kind === 'internal') return planInternalRevert(deps, vmId, snapshot, wish);
      return (await computeRevert(vmId, snapshotId, wish, keepNameOf(vmId, snapshotId, wish))).view;
    },

    revert: async (vmId, snapshotId, wish) => {
      const stored = find(vmId, snapshotId);
      if (stored.kind === 'internal') return revertInternal(deps, vmId, stored, wish);
      demandStill(vms.get(vmId));
      const keepName = keepNameOf(vmId, snapshotId, wish);
      const planned = await computeRevert(vmId, snapshotId, wish, keepName);
      const { lookedAt, vm, snapshot, plan, words, view, hardware } = planned;
      if (wish.fingerprint !== undefined && wish.fingerprint !== view.fingerprint)
        throw new AppError(
          'plan-stale',
          'Layers, snapshots or the VM have changed since this plan was made. Look at the new plan.',
        );
      if (view.blockers.length > 0)
        throw new AppError('plan-blocked', view.blockers.map(({ message }) => message).join(' '), {
          blockers: view.blockers,
        });
      const vmWasOff = vms.live(vmId) === null;
      const waiting = vms.memory.suspended(vmId);
      const memory = words.leavesMemory === 'kept' ? waiting : null;
      const keep =
        keepName === null
          ? null
          : {
              ...{ id: planned.keepId, name: keepName, vmWasOff: vmWasOff && memory === null },
              ...{ disks: plan.keeps, memory, saves: planned.saves },
            };
      const steps = revertSteps(images.forest(), plan, words);
      return operations.start({
        kind: 'snapshot-revert',
        title: `Revert “${vm.name}” to “${words.snapshotName}”`,
        request: {
          ...{ vmId, vmName: vm.name, snapshotId, keep, start: words.start, hardware },
          memory: memoryOf(snapshot),
          leavesMemory: waiting?.file ?? null,
          leaves: plan.leaves.map(({ imageId }) => imageId),
          vars: planned.vars,
          overlays: plan.overlays.map(({ diskId, from, backing }) => ({ diskId, from, backing })),
          deletes: plan.deletes,
          order: steps.map(({ step }) => step),
        },
        journal: { phase: 'new', known: {}, overlays: [], screenshot: null },
        steps: steps.map(({ text }) => text),
        subjects: subjects(vm, [
          { id: snapshotId, name: words.snapshotName },
          ...(keep === null ? [] : [keep]),
        ]),
        locks: {
          images: [
            ...plan.overlays.flatMap(({ from }) => from ?? []),
            ...plan.leaves.map(({ imageId }) => imageId),
          ],
          reads: plan.overlays.map((overlay) => overlay.backing),
          vms: [vmId],
        },
        unit: planned.saves === null ? 'steps' : 'bytes',
        total: planned.saves?.forecast ?? steps.length,
        cancelNote: planned.saves === null ? null : 'The guest goes on where it was, and nothing changes.',
        lookedAt,
      });
    },

    patch: (vmId, snapshotId, change) => {
      const snapshot = find(vmId, snapshotId);
      repository.describe(
        snapshotId,
        change.name ?? snapshot.name,
        change.description ?? snapshot.description,
      );
      publish(snapshotId, 'updated');
      return toSnapshot(find(vmId, snapshotId), sizes());
    },

    screenshot: async (vmId, snapshotId) => {
      const { screenshot } = find(vmId, snapshotId);
      return screenshot === null ? null : screenshots.read(vmId, screenshot);
    },
    sweep: () =>
      sweepFiles({
        ...{ dataDir, repository },
        isWorkedOn: (vmId) => operations.activeOn({ vms: [vmId] }) !== null,
      }),
  };
};
