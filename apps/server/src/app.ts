import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { apiPrefix, type Problem } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { type Base, createBase } from './base.ts';
import type { Config } from './config.ts';
import { branchesRoutes } from './features/branches/branches.routes.ts';
import { createBranchesService } from './features/branches/branches.service.ts';
import { chainsRoutes } from './features/chains/chains.routes.ts';
import { createChainsService } from './features/chains/chains.service.ts';
import { createMergeSequences } from './features/chains/merge-sequences.ts';
import { nodesOfVm } from './features/chains/open-nodes.ts';
import { consolesRoutes } from './features/consoles/consoles.routes.ts';
import { createConsolesService } from './features/consoles/consoles.service.ts';
import { devicesRoutes } from './features/devices/devices.routes.ts';
import { createDevicesService } from './features/devices/devices.service.ts';
import { downloadsRoutes } from './features/downloads/downloads.routes.ts';
import { createDownloadsService } from './features/downloads/downloads.service.ts';
import { demandStill, demandWritable, lookingInside } from './features/exports/export-refusals.ts';
import { exportsRoutes } from './features/exports/exports.routes.ts';
import { createExportsService } from './features/exports/exports.service.ts';
import { hostRoutes } from './features/host/host.routes.ts';
import { createHostService } from './features/host/host.service.ts';
import { adoptRoutes } from './features/images/adopt/adopt.routes.ts';
import { createAdoptService } from './features/images/adopt/adopt.service.ts';
import { checksumRoutes } from './features/images/checksum/checksum.routes.ts';
import { createChecksumService } from './features/images/checksum/checksum.service.ts';
import { contentsRoutes } from './features/images/contents/contents.routes.ts';
import { createContentsService } from './features/images/contents/contents.service.ts';
import { convertRoutes } from './features/images/convert/convert.routes.ts';
import { createConvertService } from './features/images/convert/convert.service.ts';
import { extendRoutes } from './features/images/extend/extend.routes.ts';
import { createExtendService } from './features/images/extend/extend.service.ts';
import { imagesRoutes } from './features/images/images.routes.ts';
import { createImagesFeature } from './features/images/images.service.ts';
import { makeRoutes } from './features/images/make/make.routes.ts';
import { createMakeService } from './features/images/make/make.service.ts';
import { manyImagesRoutes } from './features/images/many/many-images.routes.ts';
import { createManyImagesService } from './features/images/many/many-images.service.ts';
import { repairRoutes } from './features/images/repair/repair.routes.ts';
import { createRepairService } from './features/images/repair/repair.service.ts';
import { diskTable } from './features/images/resize/disk-table.ts';
import { resizeRoutes } from './features/images/resize/resize.routes.ts';
import { createResizeService } from './features/images/resize/resize.service.ts';
import { imageWorkRoutes } from './features/images/work/image-work.routes.ts';
import { createImageWorkService } from './features/images/work/image-work.service.ts';
import { importsRoutes } from './features/imports/imports.routes.ts';
import { createImportsService } from './features/imports/imports.service.ts';
import { insideRoutes } from './features/inside/inside.routes.ts';
import { createInsideService } from './features/inside/inside.service.ts';
import { connectOperations } from './features/operations/connect-operations.ts';
import { commitExecutor } from './features/operations/executors/commit.ts';
import { compactExecutor } from './features/operations/executors/compact.ts';
import { deleteExecutor } from './features/operations/executors/delete-layer.ts';
import { deleteSnapshotsExecutor } from './features/operations/executors/delete-snapshots.ts';
import { moveExecutor } from './features/operations/executors/move.ts';
import { pullExecutor } from './features/operations/executors/pull.ts';
import { flattenExecutor, rebaseExecutor } from './features/operations/executors/rebase.ts';
import { operationsRoutes } from './features/operations/operations.routes.ts';
import { createOperationsService } from './features/operations/operations.service.ts';
import { createComparisons } from './features/snapshots/compare/compare.service.ts';
import { createSnapshotDeletions } from './features/snapshots/delete-snapshots.service.ts';
import { createDropInside } from './features/snapshots/internal/drop-inside.ts';
import { createPromotions } from './features/snapshots/promote.service.ts';
import { schedulesRoutes } from './features/snapshots/schedule/schedules.routes.ts';
import { createSchedulesService } from './features/snapshots/schedule/schedules.service.ts';
import { snapshotBooks } from './features/snapshots/snapshot-books.ts';
import { snapshotFiles } from './features/snapshots/snapshot-files.ts';
import { snapshotsRepository } from './features/snapshots/snapshots.repository.ts';
import { snapshotsRoutes } from './features/snapshots/snapshots.routes.ts';
import { createSnapshotsService } from './features/snapshots/snapshots.service.ts';
import { suspendRoutes } from './features/suspend/suspend.routes.ts';
import { createSuspendService } from './features/suspend/suspend.service.ts';
import { uploadsRoutes } from './features/uploads/uploads.routes.ts';
import { createUploadsService } from './features/uploads/uploads.service.ts';
import { createSpaceWatch } from './features/usage/space-watch.ts';
import { usageRoutes } from './features/usage/usage.routes.ts';
import { createUsageService } from './features/usage/usage.service.ts';
import { vmExportRoutes } from './features/vm-export/vm-export.routes.ts';
import { createVmExportService } from './features/vm-export/vm-export.service.ts';
import { vmsRoutes } from './features/vms/vms.routes.ts';
import { createVmsService } from './features/vms/vms.service.ts';
import type { StartCodes } from './http/sessions.ts';
import { kvmOnHost } from './qemu/accelerators.ts';
import { createBlockEngines } from './qemu/block-engines.ts';
import { createCapabilities } from './qemu/capabilities.ts';
import { findUefi } from './qemu/firmware.ts';
import { createToolVersions } from './qemu/tool-versions.ts';

/** A table is a few sectors; what takes longer is no table. */
const tablePatienceMs = 10_000;

/** A library that takes longer to read than this no longer holds up the start; the calls that need it wait. */
const patienceMilliseconds = 4_000;

const uefiPath = (): string | null => {
  try {
    return findUefi('x86_64').code;
  } catch {
    return null;
  }
};

/** Every feature by name, each made from those above it. */
const createServices = (base: Base) => {
  const { config, db, events } = base;
  const { dataDir, runDir } = config;
  const log = (error: unknown, message: string): void => base.app.log.error({ err: error }, message);

  const capabilities = createCapabilities();
  const engines = createBlockEngines({ runDir });

  const library = createImagesFeature({ config, db, events });
  const { images, folders } = library;
  const startProblems: Problem[] = [];
  const spaceWatch = createSpaceWatch({
    folders: () => [dataDir, ...folders.list().map(({ path }) => path)],
    growing: () =>
      images.forest().disks.flatMap(({ running, imageId }) => (running ? [images.facts(imageId)] : [])),
    isBusy: () => {
      const { disks, operations: unfinished } = images.forest();
      return unfinished.length > 0 || disks.some(({ running }) => running);
    },
    changed: () => events.publish({ type: 'host', id: 'host', change: 'updated' }),
  });
  events.subscribe(({ type }) => {
    if (['vm', 'operation', 'trash', 'folder', 'upload'].includes(type)) spaceWatch.soon();
  });
  const host = createHostService({
    version: config.version,
    dataDir,
    runDir,
    capabilities,
    findTool: createToolVersions(),
    uefi: uefiPath,
    kvm: kvmOnHost,
    folders: () => folders.list().map(({ path }) => path),
    space: () => spaceWatch.look(),
    isRoot: () => process.getuid?.() === 0,
    startProblems,
    backupFailure: () => base.backups.failure(),
  });
  const vms = createVmsService({ config, db, events, images, capabilities });
  const consoles = createConsolesService(vms);
  const operations = createOperationsService({ db, events, log });
  const books = snapshotBooks(snapshotsRepository(db), vms);
  operations.register(commitExecutor({ images, vms, engines, snapshots: books }));
  operations.register(pullExecutor({ images, vms, engines, snapshots: books }));
  operations.register(flattenExecutor({ images, vms, engines, snapshots: books }));
  operations.register(deleteExecutor({ images, vms, engines, snapshots: books }));
  operations.register(
    deleteSnapshotsExecutor({
      ...{ images, vms, engines, snapshots: books },
      dropInside: createDropInside({ images, vms }),
      removeFiles: snapshotFiles(dataDir, (vmId, file) => vms.memory.suspended(vmId)?.file === file).remove,
      publish: (id, change) => events.publish({ type: 'snapshot', id, change }),
    }),
  );
  operations.register(rebaseExecutor({ images, vms, engines, snapshots: books }));
  operations.register(compactExecutor({ images, vms, engines, snapshots: books }));
  operations.register(moveExecutor({ images, vms, engines, snapshots: books, files: library.moveFiles }));
  const snapshotsDeps = { db, events, images, vms, operations, engines, dataDir };
  const snapshots = createSnapshotsService(snapshotsDeps);
  const promotions = createPromotions(snapshotsDeps);
  const suspension = createSuspendService({ vms, operations, dataDir });
  const imageWork = createImageWorkService({ library, operations });
  const manyImages = createManyImagesService({ library, operations, moves: imageWork.moves });
  const checksums = createChecksumService({ library, operations });
  const conversions = createConvertService({ library, operations });
  const resizing = createResizeService({ library, operations, vms, engines, runDir });
  const extending = createExtendService({ library, operations, dataDir, runDir });
  const contents = createContentsService({ library, runDir });
  const nodesOf = nodesOfVm({ vms, engines });
  const chains = createChainsService({
    ...{ images, operations, promotions, nodesOf },
    moves: imageWork.moves,
  });
  const merges = createMergeSequences({ images, operations, nodesOf });
  const deletions = createSnapshotDeletions({ db, images, vms, operations, merges });
  const comparisons = createComparisons({ db, images, vms, operations, runDir });
  const schedules = createSchedulesService({
    ...{ db, images, vms, operations, snapshots, deletions, events, log },
  });
  const repairs = createRepairService({ library, chains, operations });
  const branches = createBranchesService({ images, files: library.newFiles, vms, snapshots, operations });
  const adoption = createAdoptService({ library, operations });
  const incoming = join(dataDir, 'incoming');
  const imports = createImportsService({ arrivals: library.arrivals, vms, operations, incoming });
  const uploads = createUploadsService({
    ...{ db, events, operations, imports, incoming, log },
    arrivals: library.arrivals,
  });
  const making = createMakeService({ dataDir, library, operations, sent: uploads.forMaking });
  connectOperations(operations, images, vms);
  const exports = createExportsService({
    ...{ db, runDir, events, images, vms, operations, log },
    partitionsOf: async (image) => {
      const { partitions } = await diskTable(image, { runDir, signal: AbortSignal.timeout(tablePatienceMs) });
      return partitions.filter(({ kind }) => kind !== 'extended');
    },
  });
  const downloads = createDownloadsService({
    ...{ dataDir, runDir, images, operations },
    demandStill: (id) => demandStill(images.forest(), images.get(id)),
  });
  const inside = createInsideService({
    ...{ dataDir, runDir, events, images, operations, log },
    demandStill: (id) => demandStill(images.forest(), images.get(id), lookingInside),
    demandWritable: (id) => demandWritable(images.forest(), images.get(id), lookingInside),
  });
  const vmExports = createVmExportService({
    ...{ dataDir, images, operations, vms, files: downloads.files },
    demandStill: (id) => demandStill(images.forest(), images.get(id)),
  });
  const usage = createUsageService({ dataDir, library, vms, uploads, downloads });
  const devices = createDevicesService({
    ...{ dataDir, runDir, library, operations, writeLimit: config.deviceWriteLimit ?? null },
    demandStill: (id) => demandStill(images.forest(), images.get(id)),
    audit: (words, facts) => base.app.log.warn(facts, words),
  });
  const report = (what: string, error: unknown): void => {
    log(error, what);
    startProblems.push({
      code: 'not-taken-up',
      message: `At the start of Strata: ${what} ${error instanceof Error ? error.message : String(error)}`,
      repair: 'The log of the server has the details. Mend the cause, then start Strata again.',
    });
  };
  return {
    report,
    library,
    host,
    vms,
    consoles,
    operations,
    snapshots,
    deletions,
    comparisons,
    schedules,
    suspension,
    chains,
    branches,
    imageWork,
    manyImages,
    checksums,
    conversions,
    making,
    resizing,
    extending,
    contents,
    repairs,
    adoption,
    exports,
    devices,
    downloads,
    inside,
    vmExports,
    imports,
    uploads,
    usage,
    spaceWatch,
  };
};

export type Services = ReturnType<typeof createServices>;

const registerRoutes = ({ app, config }: Base, services: Services): void => {
  hostRoutes(app, services.host);
  imagesRoutes(app, services.library, config);
  vmsRoutes(app, services.vms);
  consolesRoutes(app, services.consoles);
  operationsRoutes(app, services.operations);
  chainsRoutes(app, services.chains, services.operations);
  snapshotsRoutes(app, services, services.operations);
  schedulesRoutes(app, services.schedules);
  suspendRoutes(app, services.suspension, services.operations);
  branchesRoutes(app, services.branches, services.operations);
  imageWorkRoutes(app, services.imageWork, services.operations);
  manyImagesRoutes(app, services.manyImages, services.operations);
  checksumRoutes(app, services.checksums, services.operations);
  convertRoutes(app, services.conversions, services.operations);
  makeRoutes(app, services.making, services.operations);
  resizeRoutes(app, services.resizing, services.operations);
  extendRoutes(app, services.extending, services.operations);
  contentsRoutes(app, services.contents);
  adoptRoutes(app, services.adoption, services.operations);
  exportsRoutes(app, services.exports);
  devicesRoutes(app, services.devices, services.operations);
  downloadsRoutes(app, services.downloads, services.operations);
  insideRoutes(app, services.inside);
  vmExportRoutes(app, services.vmExports, services.operations);
  importsRoutes(app, services.imports, services.library.images, services.operations);
  uploadsRoutes(app, services.uploads, services.operations);
  usageRoutes(app, services.usage);
  repairRoutes(app, services.repairs, services.library.images, services.operations);
};

/** What can be answered while the library is still being read for the first time. */
const needsNoLibrary = /^\/(session|tickets|events|host)$/;

/**
 * Files first, then the processes that hold them, then the operations a crash left: these ask both. Everything else
 * waits for that, so that nothing starts on a layer that is about to be recovered. Never rejects: what fails is shown
 * on the Host page, and everything else works.
 */
const takeUp = async (
  { library, vms, operations, snapshots, exports, inside, downloads, making, extending, uploads }: Services,
  report: (what: string, error: unknown) => void,
): Promise<void> => {
  const done = async (what: string, work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      report(what, error);
      return false;
    }
  };
  const read = await done('The library could not be read.', () => library.start());
  await done('What was exported could not be taken back.', () => exports.takeUp());
  await done('What was looked into could not be closed.', () => inside.sweep());
  const adopted = await done('The VMs that run could not be taken back.', () =>
    vms.adopt((vm, error) => report(`The VM "${vm.name}" could not be looked at.`, error)),
  );
  // An operation that knows neither the files nor who holds them could ruin a disk: it keeps its locks and waits.
  if (read && adopted)
    await done('Operations that were under way could not be taken up.', async () => {
      await operations.recover((vmIds) => Promise.all(vmIds.map((id) => vms.settled(id))));
      snapshots.sweep();
      await downloads.sweep();
      await making.sweep();
      await extending.sweep();
      await uploads.start();
    });
};

export interface StrataApp {
  readonly app: FastifyInstance;
  readonly services: Services;
  readonly token: string;
  readonly startCodes: StartCodes;
  readonly backups: Base['backups'];
  /** Lets go of everything: VMs and jobs go on in their processes and are taken up at the next start. */
  close(): Promise<void>;
}

export const buildApp = async (config: Config): Promise<StrataApp> => {
  const base = await createBase(config);
  const { app } = base;
  const services = createServices(base);

  let takenUp: Promise<void> | null = null;
  app.addHook('preHandler', async (request) => {
    const path = request.routeOptions.url?.slice(apiPrefix.length) ?? '';
    if (request.url.startsWith(`${apiPrefix}/`) && !needsNoLibrary.test(path)) await takenUp;
  });
  registerRoutes(base, services);

  takenUp = takeUp(services, services.report);
  services.spaceWatch.start();
  const autostarted = takenUp.then(() => services.vms.autostart());
  autostarted
    .catch((error: unknown) => app.log.error({ err: error }, 'not every VM could be started'))
    .then(() => services.schedules.start())
    .catch((error: unknown) =>
      app.log.error({ err: error }, 'automatic snapshots could not be looked after'),
    );
  await Promise.race([takenUp, sleep(patienceMilliseconds, undefined, { ref: false })]);

  return {
    app,
    services,
    token: base.token,
    startCodes: base.startCodes,
    backups: base.backups,
    close: async () => {
      services.schedules.close();
      services.spaceWatch.stop();
      services.downloads.close();
      await services.inside.close();
      await services.exports.close();
      services.uploads.close();
      services.operations.close();
      services.consoles.close();
      services.vms.close();
      await services.library.close();
      await base.close();
    },
  };
};
