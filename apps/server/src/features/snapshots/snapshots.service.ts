import type { ServerEvent } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { Db } from '../../db/open-database.ts';
import type { BlockEngines } from '../../qemu/block-engine.types.ts';
import type { Events } from '../events/events.types.ts';
import type { ImagesService } from '../images/images.types.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import type { VmsService } from '../vms/vms.types.ts';
import { adoptFound } from './adopt-found.ts';
import { changedSince } from './changed-since.ts';
import { computeRevert } from './compute-revert.ts';
import { deleteRefusals } from './delete-refusals.ts';
import { eitherExecutor } from './either-executor.ts';
import { forecastSnapshot } from './forecast.ts';
import { foundPoints } from './found-points.ts';
import { memoryFreed } from './freed-memory.ts';
import { createFreedSizes } from './freed-sizes.ts';
import { createHeldSizes } from './held-sizes.ts';
import { deleteInternalExecutor } from './internal/delete-internal.executor.ts';
import { revertInternalExecutor } from './internal/revert-internal.executor.ts';
import { planInternalRevert, revertInternal } from './internal/revert-internal.ts';
import { takeInternalExecutor } from './internal/take-internal.executor.ts';
import { takeInternal } from './internal/take-internal.ts';
import { keptVars } from './kept-vars.ts';
import { momentOf } from './moment-of.ts';
import { demandQuiescible } from './quiesce.ts';
import { revertExecutor } from './revert.executor.ts';
import { revertExternal } from './revert-external.ts';
import { screenshotFiles } from './screenshot-files.ts';
import { type SnapshotSizes, toSnapshot, toTree } from './snapshot-tree.ts';
import { snapshotsRepository } from './snapshots.repository.ts';
import type { SnapshotsService, StoredSnapshot } from './snapshots.types.ts';
import { sweepFiles } from './sweep-files.ts';
import { takeExecutor } from './take.executor.ts';
import { takeExternal } from './take-external.ts';
import { demandLimitHasUse } from './take-memory-wish.ts';

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

  const learned = (id: string): void => publish(id, 'updated');
  const held = createHeldSizes({ images, learned });
  const freedSizes = createFreedSizes({ images, memoryFreed: memoryFreed(vms), held, learned });
  const layersOf = ({ disks }: StoredSnapshot): number =>
    [...new Set(disks.map(({ imageId }) => imageId))].reduce(
      (sum, imageId) => sum + images.facts(imageId).allocatedSize,
      0,
    );
  const sizes = (): SnapshotSizes => ({
    own: (snapshot) => (snapshot.kind === 'internal' ? held(snapshot) : layersOf(snapshot)),
    freed: freedSizes(),
    deleteRefusal: deleteRefusals(images.forest()),
  });

  const find = (vmId: string, snapshotId: string): StoredSnapshot => {
    const snapshot = repository.find(snapshotId);
    if (snapshot === null || snapshot.vmId !== vmId)
      throw new AppError('not-found', `The VM has no snapshot ${snapshotId}.`);
    return snapshot;
  };

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
    moment: (vmId, snapshotId, memory) =>
      momentOf({ vms, vars, screenshots }, find(vmId, snapshotId), memory),
    adopt: async (vmId, wish) => toSnapshot(find(vmId, await adoptFound(deps, vmId, wish)), sizes()),

    take: async (vmId, wish, origin = 'taken') => {
      const lookedAt = operations.look();
      demandLimitHasUse(wish);
      await demandQuiescible(deps, vmId, wish);
      return wish.kind === 'internal'
        ? takeInternal(deps, vmId, wish)
        : takeExternal(deps, vmId, wish, { origin, lookedAt });
    },

    planRevert: async (vmId, snapshotId, wish) => {
      const snapshot = find(vmId, snapshotId);
      return snapshot.kind === 'internal'
        ? planInternalRevert(deps, vmId, snapshot, wish)
        : (await computeRevert({ ...deps, vars }, snapshot, wish)).view;
    },
    revert: async (vmId, snapshotId, wish) => {
      const snapshot = find(vmId, snapshotId);
      return snapshot.kind === 'internal'
        ? revertInternal(deps, vmId, snapshot, wish)
        : revertExternal({ ...deps, vars }, snapshot, wish);
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
