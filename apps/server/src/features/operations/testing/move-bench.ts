import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChainRequest, Operation } from '@strata/contract';
import { migrate } from '../../../db/migrate.ts';
import { type Db, openDatabase } from '../../../db/open-database.ts';
import type { BlockEngines } from '../../../qemu/block-engine.types.ts';
import { createBlockEngines } from '../../../qemu/block-engines.ts';
import { startTestVm, type TestVm, writeAsGuest } from '../../../testing/live-disk.ts';
import { qemuImg, writeAt } from '../../../testing/work-bench.ts';
import { createChainsService } from '../../chains/chains.service.ts';
import type { ChainsService } from '../../chains/chains.types.ts';
import { createEventsService } from '../../events/events.service.ts';
import { createImagesFeature, type ImagesFeature } from '../../images/images.service.ts';
import type { MoveFiles } from '../../images/move-files.ts';
import { createImageWorkService } from '../../images/work/image-work.service.ts';
import { createPromotions } from '../../snapshots/promote.service.ts';
import { snapshotBooks } from '../../snapshots/snapshot-books.ts';
import { snapshotsRepository } from '../../snapshots/snapshots.repository.ts';
import type { LiveVm } from '../../vms/vms.types.ts';
import { connectOperations } from '../connect-operations.ts';
import { moveExecutor } from '../executors/move.ts';
import { createOperationsService } from '../operations.service.ts';
import type { OperationsService } from '../operations.types.ts';
import { type BenchVms, benchVms } from './bench-vms.ts';
import type { KillPoints } from './kill-points.ts';

/** A server that moves what a running VM writes: a real library of two folders, a real QEMU without a guest. */
export interface MoveServer extends ImagesFeature {
  readonly db: Db;
  readonly vms: BenchVms;
  readonly operations: OperationsService;
  readonly chains: ChainsService;
  begin(request: ChainRequest): Promise<string>;
}

export interface MoveBench {
  readonly root: string;
  /** `here`: the library's folder. `there`: another one that is registered too. */
  at(place: 'here' | 'there', name: string): string;
  /** A server on these files; the one before it was killed. */
  open(disturb?: Disturb): Promise<MoveServer>;
  /** base ← active, or a raw disk, each with some data; a flat copy of what it shows gets all the guest's writes too. */
  build(format?: 'qcow2' | 'raw'): void;
  startVm(): Promise<void>;
  write(megabyte: number, pattern: number): Promise<void>;
  isRunning(): Promise<boolean>;
  killVm(): Promise<void>;
  readonly live: LiveVm;
  /** What the guest must read. */
  readonly expected: string;
  dispose(): Promise<void>;
}

export interface Disturb {
  engines?(engines: BlockEngines): BlockEngines;
  files?(files: MoveFiles): MoveFiles;
}

/** All that a killed server leaves undone: calls to QEMU, to a storage daemon, and to the files. */
export const dyingAt = (points: KillPoints): Disturb => ({
  ...(points.disturbance.engines === undefined ? {} : { engines: points.disturbance.engines }),
  files: ({ awayFrom, blank, copy, exclusively }) => ({
    awayFrom,
    ...points.count({ blank, copy }),
    exclusively: (work) => exclusively((steps) => work(points.count(steps))),
  }),
});

export const moveBench = (): MoveBench => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'strata-move-')));
  const dataDir = join(root, 'data');
  for (const name of ['data/images', 'data/trash', 'there', 'run', 'vm'])
    mkdirSync(join(root, name), { recursive: true, mode: 0o700 });
  const folders = { here: join(dataDir, 'images'), there: join(root, 'there') };
  const at = (place: 'here' | 'there', name: string): string => join(folders[place], name);
  const expected = join(root, 'expected.raw');
  let active = at('here', 'active.qcow2');
  let vm: TestVm | null = null;
  let close = async (): Promise<void> => {};

  const running = (): TestVm => {
    if (vm === null) throw new Error('no VM was started');
    return vm;
  };
  const live = (): LiveVm => ({ ...running(), vmId: 'web', qdevOf: () => running().qdevOf('v') });

  return {
    root,
    at,
    expected,
    get live() {
      return live();
    },
    build: (format = 'qcow2') => {
      active = at('here', `active.${format}`);
      if (format === 'raw') qemuImg('create', '-q', '-f', 'raw', active, '32M');
      else {
        qemuImg('create', '-q', '-f', 'qcow2', at('here', 'base.qcow2'), '32M');
        for (const [where, pattern] of [
          [0, 1],
          [9, 2],
        ] as const)
          writeAt(at('here', 'base.qcow2'), where, pattern);
        qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', active);
      }
      for (const [where, pattern] of [
        [1, 3],
        [9, 4],
        [20, 5],
      ] as const)
        writeAt(active, where, pattern, format);
      qemuImg('convert', '-f', format, '-O', 'raw', active, expected);
    },
    open: async (disturb = {}) => {
      await close();
      const db = openDatabase(join(dataDir, 'strata.db'));
      migrate(db, { backups: join(dataDir, 'backups') });
      const events = createEventsService();
      const library = createImagesFeature({ config: { dataDir }, db, events });
      const { images, moveFiles } = library;
      const vms = benchVms(db, images);
      const operations = createOperationsService({ db, events, log: (error) => console.error(error) });
      const plain = createBlockEngines({ runDir: join(root, 'run') });
      const engines = disturb.engines?.(plain) ?? plain;
      const snapshots = snapshotBooks(snapshotsRepository(db), vms);
      const files = disturb.files?.(moveFiles) ?? moveFiles;
      operations.register(moveExecutor({ images, vms, engines, snapshots, files }));
      const { moves } = createImageWorkService({ library, operations });
      const promotions = createPromotions({ db, events, images, vms, operations, engines, dataDir });
      const chains = createChainsService({ images, operations, moves, promotions });
      connectOperations(operations, images, vms);
      close = async () => {
        operations.close();
        // A server that was killed in the middle of something never lets go by itself.
        await Promise.race([library.close(), new Promise((done) => setTimeout(done, 50))]);
        db.close();
      };
      if (vm !== null) vms.setLive('web', live());
      await library.start();
      if (library.folders.list().every(({ path }) => path !== folders.there))
        await library.folders.add(folders.there);
      if (vms.list().length === 0) vms.define('web', [images.findByPath(active)?.id ?? '']);
      return {
        ...{ ...library, db, vms, operations, chains },
        begin: async (request) => {
          const { fingerprint } = await chains.plan(request);
          return (await chains.run(request, fingerprint)).id;
        },
      };
    },
    startVm: async () => {
      vm = await startTestVm(join(root, 'vm'), { v: active });
    },
    write: async (megabyte, pattern) => {
      await writeAsGuest(live(), 'v', `write -P ${pattern} ${megabyte}M 1M`);
      // What a guest has not flushed may be lost with its QEMU; that is no part of these tests.
      await writeAsGuest(live(), 'v', 'flush');
      writeAt(expected, megabyte, pattern, 'raw');
    },
    isRunning: async () => (await running().qmp.execute('query-status')).running,
    killVm: async () => {
      await vm?.kill();
      vm = null;
    },
    dispose: async () => {
      await close();
      await vm?.kill();
      rmSync(root, { recursive: true, force: true });
    },
  };
};

/** The end of an operation, in words when it is not the one wanted. */
export const endOf = (server: MoveServer, id: string): Promise<Operation> => server.operations.wait(id, 60);
