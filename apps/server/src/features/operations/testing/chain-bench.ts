import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChainRequest, Operation } from '@strata/contract';
import { migrate } from '../../../db/migrate.ts';
import { type Db, openDatabase } from '../../../db/open-database.ts';
import type { BlockEngines } from '../../../qemu/block-engine.types.ts';
import { createBlockEngines } from '../../../qemu/block-engines.ts';
import type { FreeSpace } from '../../../space-reserve.ts';
import { createChainsService } from '../../chains/chains.service.ts';
import type { ChainsService, Promotions } from '../../chains/chains.types.ts';
import { createMergeSequences } from '../../chains/merge-sequences.ts';
import { nodesOfVm } from '../../chains/open-nodes.ts';
import type { ImageMoves } from '../../images/images.types.ts';
import { type Comparisons, createComparisons } from '../../snapshots/compare/compare.service.ts';
import { createSnapshotDeletions } from '../../snapshots/delete-snapshots.service.ts';
import { createDropInside } from '../../snapshots/internal/drop-inside.ts';
import { createPromotions } from '../../snapshots/promote.service.ts';
import { snapshotBooks } from '../../snapshots/snapshot-books.ts';
import { snapshotFiles } from '../../snapshots/snapshot-files.ts';
import { snapshotsRepository } from '../../snapshots/snapshots.repository.ts';
import { createSnapshotsService } from '../../snapshots/snapshots.service.ts';
import type { SnapshotDeletions, SnapshotsService } from '../../snapshots/snapshots.types.ts';
import { connectOperations } from '../connect-operations.ts';
import { commitExecutor } from '../executors/commit.ts';
import { compactExecutor } from '../executors/compact.ts';
import type { CompactTools } from '../executors/compact-tools.ts';
import { deleteExecutor } from '../executors/delete-layer.ts';
import { deleteSnapshotsExecutor } from '../executors/delete-snapshots.ts';
import { pullExecutor } from '../executors/pull.ts';
import { flattenExecutor, type RebaseTools, rebaseExecutor } from '../executors/rebase.ts';
import { createOperationsService } from '../operations.service.ts';
import type { OperationsService } from '../operations.types.ts';
import { type BenchImages, benchImages } from './bench-images.ts';
import { type BenchVms, benchVms } from './bench-vms.ts';

export interface Bench {
  readonly db: Db;
  readonly images: BenchImages;
  readonly vms: BenchVms;
  readonly operations: OperationsService;
  readonly chains: ChainsService;
  readonly snapshots: SnapshotsService;
  readonly deletions: SnapshotDeletions;
  readonly comparisons: Comparisons;
  readonly promotions: Promotions;
  readonly engines: BlockEngines;
  /** Plan, then run to the end. */
  run(request: ChainRequest): Promise<Operation>;
}

/** Watches or disturbs what the services work with. */
export interface Disturbance {
  /** Of every file system, for the merges of a deletion. */
  freeSpace?: () => Promise<FreeSpace>;
  engines?(engines: BlockEngines): BlockEngines;
  images?(images: BenchImages): BenchImages;
  /** Told of every change that the services announce. */
  publish?(): void;
  readonly rebase?: RebaseTools;
  readonly compact?: CompactTools;
}

/** Its library is one folder: nothing can be moved. The move has a bench of its own. */
export const noMoves: ImageMoves = {
  placeOf: () => Promise.reject(new Error('not part of the bench')),
  offline: () => Promise.reject(new Error('not part of the bench')),
};

/** The services of one "server" on a folder and a database that may have been used by an earlier one. */
const assemble = (db: Db, folder: string, disturb: Disturbance): Bench => {
  const library = benchImages(join(folder, 'images'), db);
  const images = disturb.images?.(library) ?? library;
  const vms = benchVms(db, images);
  const events = { publish: () => disturb.publish?.(), subscribe: () => () => {} };
  const operations = createOperationsService({ db, events, log: (error) => console.error(error) });
  const plain = createBlockEngines({ runDir: join(folder, 'run') });
  const engines = disturb.engines?.(plain) ?? plain;
  const books = snapshotBooks(snapshotsRepository(db), vms);
  const deps = { images, vms, engines, snapshots: books };
  operations.register(commitExecutor(deps));
  operations.register(pullExecutor(deps));
  operations.register(flattenExecutor(deps));
  operations.register(deleteExecutor(deps));
  operations.register(
    deleteSnapshotsExecutor({
      ...deps,
      removeFiles: snapshotFiles(folder).remove,
      dropInside: createDropInside({ images, vms }),
      publish: () => {},
    }),
  );
  operations.register(rebaseExecutor(deps, disturb.rebase));
  operations.register(compactExecutor(deps, disturb.compact));
  const snapshotsDeps = { db, images, vms, operations, engines, events, dataDir: folder };
  const snapshots = createSnapshotsService(snapshotsDeps);
  const promotions = createPromotions(snapshotsDeps);
  const nodesOf = nodesOfVm({ vms, engines: plain });
  const chains = createChainsService({
    images,
    operations,
    moves: noMoves,
    promotions,
    nodesOf,
  });
  const merges = createMergeSequences({
    ...{ images, operations, nodesOf },
    ...(disturb.freeSpace === undefined ? {} : { freeSpace: disturb.freeSpace }),
  });
  const deletions = createSnapshotDeletions({ db, images, vms, operations, merges });
  const comparisons = createComparisons({ db, images, vms, operations, runDir: join(folder, 'run') });
  connectOperations(operations, images, vms);
  return {
    db,
    images,
    vms,
    operations,
    chains,
    snapshots,
    deletions,
    comparisons,
    promotions,
    engines,
    run: async (request) => {
      const { fingerprint } = await chains.plan(request);
      const { id } = await chains.run(request, fingerprint);
      return operations.wait(id, 60);
    },
  };
};

export interface BenchFolder {
  readonly folder: string;
  open(disturb?: Disturbance): Bench;
  /** As if the server were killed: nothing more is written, the database is opened anew by the next `open`. */
  kill(): void;
  dispose(): void;
}

export const benchFolder = async (): Promise<BenchFolder> => {
  const folder = await realpath(mkdtempSync(join(tmpdir(), 'strata-bench-')));
  mkdirSync(join(folder, 'images'));
  mkdirSync(join(folder, 'run'), { mode: 0o700 });
  let current: Bench | null = null;
  const kill = () => {
    current?.operations.close();
    current?.db.close();
    current = null;
  };
  return {
    folder,
    open: (disturb = {}) => {
      kill();
      const db = openDatabase(join(folder, 'strata.db'));
      migrate(db, { backups: join(folder, 'backups') });
      current = assemble(db, folder, disturb);
      return current;
    },
    kill,
    dispose: () => {
      kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
