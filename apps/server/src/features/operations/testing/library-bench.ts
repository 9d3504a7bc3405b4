import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChainRequest, Operation, Plan } from '@strata/contract';
import { migrate } from '../../../db/migrate.ts';
import { type Db, openDatabase } from '../../../db/open-database.ts';
import type { BlockEngines } from '../../../qemu/block-engine.types.ts';
import { createBlockEngines } from '../../../qemu/block-engines.ts';
import { convertImage, createOverlay, imagesAreEqual } from '../../../qemu/qemu-img.ts';
import { writeBlocks } from '../../../qemu/qemu-io.ts';
import { createChainsService } from '../../chains/chains.service.ts';
import type { ChainsService } from '../../chains/chains.types.ts';
import { nodesOfVm } from '../../chains/open-nodes.ts';
import { createEventsService } from '../../events/events.service.ts';
import { createImagesFeature, type ImagesFeature } from '../../images/images.service.ts';
import { createImageWorkService } from '../../images/work/image-work.service.ts';
import { createPromotions } from '../../snapshots/promote.service.ts';
import { snapshotBooks } from '../../snapshots/snapshot-books.ts';
import { snapshotsRepository } from '../../snapshots/snapshots.repository.ts';
import { createSnapshotsService } from '../../snapshots/snapshots.service.ts';
import type { SnapshotsService } from '../../snapshots/snapshots.types.ts';
import { connectOperations } from '../connect-operations.ts';
import { commitExecutor } from '../executors/commit.ts';
import { pullExecutor } from '../executors/pull.ts';
import { createOperationsService } from '../operations.service.ts';
import type { OperationsService } from '../operations.types.ts';
import { type BenchVms, benchVms } from './bench-vms.ts';

const mebi = 1024 ** 2;

/** The real library with the real operations, on a folder of its own; only the VMs are books without processes. */
export interface LibraryBench extends Omit<ImagesFeature, 'start'> {
  readonly db: Db;
  readonly folder: string;
  readonly vms: BenchVms;
  readonly operations: OperationsService;
  readonly chains: ChainsService;
  readonly snapshots: SnapshotsService;
  at(name: string): string;
  id(name: string): string;
  /** Layers of 32 MiB: each writes a pattern of its own over its quarter and over the first cluster. */
  build(...names: readonly [name: string, on: string | null][]): Promise<void>;
  /** A flat copy of what it reads now. */
  copyOf(name: string): Promise<string>;
  reads(path: string, copy: string): Promise<boolean>;
  plan(request: ChainRequest): Promise<Plan>;
  start(request: ChainRequest): Promise<string>;
  run(request: ChainRequest): Promise<Operation>;
  stop(): Promise<void>;
}

export const startLibraryBench = async (
  disturb: (engines: BlockEngines) => BlockEngines = (engines) => engines,
): Promise<LibraryBench> => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'strata-merge-')));
  for (const name of ['images', 'trash', 'run', 'copies']) mkdirSync(join(root, name), { mode: 0o700 });
  const db = openDatabase(join(root, 'strata.db'));
  migrate(db, { backups: join(root, 'backups') });
  const events = createEventsService();
  const feature = createImagesFeature({ config: { dataDir: root }, db, events });
  const { images } = feature;
  const vms = benchVms(db, images);
  const operations = createOperationsService({ db, events, log: () => {} });
  const engines = disturb(createBlockEngines({ runDir: join(root, 'run') }));
  const books = snapshotBooks(snapshotsRepository(db), vms);
  operations.register(commitExecutor({ images, vms, engines, snapshots: books }));
  operations.register(pullExecutor({ images, vms, engines, snapshots: books }));
  const snapshotsDeps = { db, events, images, vms, operations, engines, dataDir: root };
  const snapshots = createSnapshotsService(snapshotsDeps);
  const promotions = createPromotions(snapshotsDeps);
  const { moves } = createImageWorkService({ library: feature, operations });
  const chains = createChainsService({
    images,
    operations,
    moves,
    promotions,
    nodesOf: nodesOfVm({ vms, engines }),
  });
  connectOperations(operations, images, vms);
  await feature.start();

  const folder = join(root, 'images');
  const at = (name: string): string => join(folder, `${name}.qcow2`);
  const id = (name: string): string => images.findByPath(at(name))?.id ?? `no ${name}`;
  const start = async (request: ChainRequest): Promise<string> => {
    const { fingerprint } = await chains.plan(request);
    return (await chains.run(request, fingerprint)).id;
  };
  let written = 0;
  return {
    ...feature,
    ...{ db, folder, vms, operations, chains, snapshots, at, id, start },
    build: async (...names) => {
      for (const [name, on] of names) {
        if (on === null)
          await images.create({ name, format: 'qcow2', size: 32 * mebi, preallocation: 'off' });
        else await createOverlay({ path: at(name), backing: `${on}.qcow2`, backingFormat: 'qcow2' });
        written += 1;
        const quarter = { offset: ((written - 1) % 4) * 8 * mebi, length: 8 * mebi };
        await writeBlocks(
          { path: at(name), format: 'qcow2' },
          [
            { ...quarter, pattern: written },
            { offset: 0, length: 65_536, pattern: 100 + written },
          ],
          folder,
        );
      }
      await images.scan();
    },
    copyOf: async (name) => {
      const path = join(root, 'copies', `${name}-${Date.now()}.qcow2`);
      await convertImage({ path: at(name), format: 'qcow2' }, { path, format: 'qcow2' });
      return path;
    },
    reads: (path, copy) => imagesAreEqual({ path, format: 'qcow2' }, { path: copy, format: 'qcow2' }),
    plan: (request) => chains.plan(request),
    run: async (request) => operations.wait(await start(request), 60),
    stop: async () => {
      // A daemon that is still copying would outlive the test.
      for (const { id: unfinished, state } of operations.list({}).items)
        if (['running', 'paused'].includes(state)) {
          operations.cancel(unfinished).catch(() => {});
          await operations.wait(unfinished, 10);
        }
      operations.close();
      await feature.close();
      events.close();
      db.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
};
