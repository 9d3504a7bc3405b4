import { execFileSync } from 'node:child_process';
import type { CreateVmInput, Operation } from '@strata/contract';
import { createVmBody } from '@strata/contract';
import type { Config } from '../config.ts';
import { migrate } from '../db/migrate.ts';
import { type Db, openDatabase } from '../db/open-database.ts';
import { createBranchesService } from '../features/branches/branches.service.ts';
import type { BranchesService } from '../features/branches/branches.types.ts';
import { createChainsService } from '../features/chains/chains.service.ts';
import type { ChainsService } from '../features/chains/chains.types.ts';
import { createMergeSequences } from '../features/chains/merge-sequences.ts';
import { createEventsService } from '../features/events/events.service.ts';
import { type AdoptService, createAdoptService } from '../features/images/adopt/adopt.service.ts';
import { type ChecksumService, createChecksumService } from '../features/images/checksum/checksum.service.ts';
import { type ContentsService, createContentsService } from '../features/images/contents/contents.service.ts';
import { type ConvertService, createConvertService } from '../features/images/convert/convert.service.ts';
import { createExtendService, type ExtendService } from '../features/images/extend/extend.service.ts';
import { createImagesFeature, type ImagesFeature } from '../features/images/images.service.ts';
import { createMakeService, type MakeService } from '../features/images/make/make.service.ts';
import {
  createManyImagesService,
  type ManyImagesService,
} from '../features/images/many/many-images.service.ts';
import type { MoveFiles, MoveSteps } from '../features/images/move-files.ts';
import type { NewFiles } from '../features/images/new-files.ts';
import { createRepairService, type RepairService } from '../features/images/repair/repair.service.ts';
import { createResizeService, type ResizeService } from '../features/images/resize/resize.service.ts';
import { createImageWorkService, type ImageWorkService } from '../features/images/work/image-work.service.ts';
import { createImportsService } from '../features/imports/imports.service.ts';
import type { ImportsService } from '../features/imports/imports.types.ts';
import { connectOperations } from '../features/operations/connect-operations.ts';
import { deleteSnapshotsExecutor } from '../features/operations/executors/delete-snapshots.ts';
import { rebaseExecutor } from '../features/operations/executors/rebase.ts';
import { createOperationsService } from '../features/operations/operations.service.ts';
import type { OperationsService } from '../features/operations/operations.types.ts';
import { createSnapshotDeletions } from '../features/snapshots/delete-snapshots.service.ts';
import { createDropInside } from '../features/snapshots/internal/drop-inside.ts';
import { createPromotions } from '../features/snapshots/promote.service.ts';
import { snapshotBooks } from '../features/snapshots/snapshot-books.ts';
import { snapshotFiles } from '../features/snapshots/snapshot-files.ts';
import { snapshotsRepository } from '../features/snapshots/snapshots.repository.ts';
import { createSnapshotsService } from '../features/snapshots/snapshots.service.ts';
import type { SnapshotDeletions, SnapshotsService } from '../features/snapshots/snapshots.types.ts';
import { createSuspendService, type SuspendService } from '../features/suspend/suspend.service.ts';
import { createUploadsService, type UploadsFeature } from '../features/uploads/uploads.service.ts';
import { createVmsService } from '../features/vms/vms.service.ts';
import type { VmsFeature } from '../features/vms/vms.types.ts';
import { createBlockEngines } from '../qemu/block-engines.ts';
import { createCapabilities } from '../qemu/capabilities.ts';
import { nodesInPreparation } from '../qemu/dropped-nodes.ts';
import { mortalVms } from './mortal-vms.ts';
import { testDataDir } from './test-app.ts';

export interface WorkBench {
  readonly db: Db;
  readonly library: ImagesFeature;
  readonly vms: VmsFeature;
  readonly operations: OperationsService;
  readonly snapshots: SnapshotsService;
  readonly deletions: SnapshotDeletions;
  readonly suspension: SuspendService;
  readonly branches: BranchesService;
  readonly work: ImageWorkService;
  readonly many: ManyImagesService;
  readonly chains: ChainsService;
  readonly repairs: RepairService;
  readonly adoption: AdoptService;
  readonly checksums: ChecksumService;
  readonly conversions: ConvertService;
  readonly making: MakeService;
  readonly resizing: ResizeService;
  readonly extending: ExtendService;
  readonly contents: ContentsService;
  readonly imports: ImportsService;
  readonly uploads: UploadsFeature;
  /** Until the operation has ended. */
  ended(operation: Operation): Promise<Operation>;
  defineVm(wish: Partial<CreateVmInput> & { name: string }): Promise<string>;
}

export interface WorkFolder {
  readonly folder: string;
  /** A second folder of the library. */
  at(name: string): string;
  /** A server on the data; the one before it was killed. `stopBefore`: dies before the call with this number. */
  open(stopBefore?: number, sabotage?: Sabotage): Promise<WorkBench>;
  /** Resolves when the server has died, with the name of the call that was not made. */
  died(): Promise<string>;
  readonly calls: readonly string[];
  dispose(): Promise<void>;
}

/** Told before each action; what it throws is what the action throws. */
export type Sabotage = (call: string, number: number) => void;

const never = (): Promise<never> => new Promise(() => {});

/**
 * Real services on real files. Every action of a long operation is a point at which the server can die: the call is
 * not made and its promise never settles, as in a process that was killed.
 */
export const workFolder = async (): Promise<WorkFolder> => {
  const { dataDir, runDir, remove } = testDataDir();
  const config: Config = {
    ...{ version: '0.0.0-test', host: '127.0.0.1', port: 0, dataDir, runDir, open: false },
    ...{ token: 'test-token-test-token-test-token-test', webRoot: null, logLevel: 'silent' },
  };
  const capabilities = createCapabilities();
  let close = async (_died: boolean): Promise<void> => {};
  let calls: string[] = [];
  let dead = false;
  let sabotage: Sabotage = () => {};
  let tell: (call: string) => void = () => {};
  let died: Promise<string> = never();

  const mortal = <Service extends object>(service: Service, stopBefore: number | null): Service =>
    new Proxy(service, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function' || key === 'exclusively') return value;
        return (...args: unknown[]): unknown => {
          if (dead) return never();
          calls.push(String(key));
          if (calls.length !== stopBefore) {
            sabotage(String(key), calls.length);
            return value.apply(target, args) as unknown;
          }
          dead = true;
          tell(String(key));
          return never();
        };
      },
    });

  const open = async (stopBefore: number | null): Promise<WorkBench> => {
    calls = [];
    dead = false;
    // The only memory of a server outside of its services.
    nodesInPreparation.clear();
    died = new Promise((resolve) => {
      tell = resolve;
    });
    const db = openDatabase(`${dataDir}/strata.db`);
    migrate(db, { backups: `${dataDir}/backups` });
    const events = createEventsService();
    const library = createImagesFeature({ config, db, events });
    const { images } = library;
    const newFiles: NewFiles = mortal(library.newFiles, stopBefore);
    const moves = library.moveFiles;
    const moveFiles: MoveFiles = {
      awayFrom: moves.awayFrom,
      ...mortal({ copy: moves.copy, blank: moves.blank }, stopBefore),
      exclusively: (work) => moves.exclusively((steps) => work(mortal<MoveSteps>(steps, stopBefore))),
    };
    const vms = createVmsService({ config, db, events, images, capabilities });
    const operations = createOperationsService({ db, events, log: (error) => console.error(error) });
    const engines = createBlockEngines({ runDir });
    const steps = mortalVms(vms, (service) => mortal(service, stopBefore));
    const { createPlacedOverlay, unlinkMerged } = mortal(images, stopBefore);
    const snapshotsDeps = {
      ...{ db, events, operations, engines, dataDir, vms: steps },
      // What a test puts in the place of a service's function, these find as well.
      images: Object.assign(Object.create(images) as typeof images, { createPlacedOverlay, unlinkMerged }),
    };
    const suspension = createSuspendService({ vms: steps, operations, dataDir });
    const snapshots = createSnapshotsService(snapshotsDeps);
    const promotions = createPromotions(snapshotsDeps);
    const copyingVms = {
      ...vms,
      copies: { ...vms.copies, copyState: mortal(vms.copies, stopBefore).copyState },
    };
    const branches = createBranchesService({
      images,
      files: newFiles,
      vms: copyingVms,
      snapshots,
      operations,
    });
    const work = createImageWorkService({ library: { ...library, newFiles, moveFiles }, operations });
    const many = createManyImagesService({ library, operations, moves: work.moves });
    const books = snapshotBooks(snapshotsRepository(db), vms);
    operations.register(
      deleteSnapshotsExecutor({
        ...{ images, vms, engines, snapshots: books },
        removeFiles: snapshotFiles(dataDir).remove,
        dropInside: createDropInside({ images, vms }),
        publish: () => {},
      }),
    );
    operations.register(rebaseExecutor({ images, vms, engines, snapshots: books }));
    const chains = createChainsService({ images, operations, moves: work.moves, promotions });
    const merges = createMergeSequences({
      images,
      operations,
      nodesOf: () => Promise.resolve(new Map()),
    });
    const deletions = createSnapshotDeletions({ db, images, vms, operations, merges });
    const linkFiles = mortal(library.linkFiles, stopBefore);
    const repairs = createRepairService({ library: { ...library, linkFiles }, chains, operations });
    const mortalLibrary = { ...library, newFiles, moveFiles, linkFiles };
    const adoption = createAdoptService({ library: mortalLibrary, operations });
    const checksums = createChecksumService({ library, operations });
    const conversions = createConvertService({ library: { ...library, newFiles }, operations });
    const resizing = createResizeService({
      ...{ library, operations, vms, engines, runDir },
      wrap: (steps) => mortal(steps, stopBefore),
    });
    const extending = createExtendService({
      ...{ library, operations, dataDir, runDir },
      wrap: (steps) => mortal(steps, stopBefore),
    });
    const contents = createContentsService({ library, runDir });
    const imports = createImportsService({
      arrivals: mortal(library.arrivals, stopBefore),
      vms: mortal({ create: vms.create, list: vms.list }, stopBefore),
      ...{ operations, incoming: `${dataDir}/incoming` },
    });
    const uploads = createUploadsService({
      ...{ db, events, operations, imports, arrivals: library.arrivals, incoming: `${dataDir}/incoming` },
      log: (error) => console.error(error),
    });
    const making = createMakeService({
      ...{ dataDir, library: { newFiles }, operations, sent: uploads.forMaking },
    });
    connectOperations(operations, images, vms);
    close = async (wasKilled) => {
      uploads.close();
      operations.close();
      vms.close();
      // A server that died in the middle of something never lets go by itself.
      await Promise.race([
        library.close(),
        ...(wasKilled ? [new Promise((done) => setTimeout(done, 50))] : []),
      ]);
      events.close();
      db.close();
    };
    await library.start();
    await vms.adopt((_, error) => {
      throw error;
    });
    await operations.recover();
    snapshots.sweep();
    await making.sweep();
    await extending.sweep();
    await uploads.start();
    return {
      ...{ db, library, vms, operations, snapshots, deletions, suspension, branches },
      ...{
        work,
        many,
        chains,
        repairs,
        adoption,
        checksums,
        conversions,
        making,
        resizing,
        extending,
        contents,
        imports,
      },
      uploads,
      ended: ({ id }) => operations.wait(id, 60),
      defineVm: async (wish) =>
        (await vms.create(createVmBody.parse({ memory: '32M', nics: [], ...wish }))).id,
    };
  };

  return {
    folder: `${dataDir}/images`,
    at: (name) => `${dataDir}/images/${name}`,
    open: async (stopBefore, harm = () => {}) => {
      sabotage = harm;
      await close(true);
      close = async () => {};
      return open(stopBefore ?? null);
    },
    died: () => died,
    get calls() {
      return calls;
    },
    dispose: async () => {
      await close(true);
      remove();
    },
  };
};

export const qemuImg = (...args: string[]): string => execFileSync('qemu-img', args, { encoding: 'utf8' });

/** Throws unless both read the same, through their whole chains. */
export const expectSame = (
  one: string,
  other: string,
  formats: readonly [string, string] = ['qcow2', 'qcow2'],
): void => {
  qemuImg('compare', '-f', formats[0], '-F', formats[1], one, other);
};

export const writeAt = (path: string, megabyte: number, pattern: number, format = 'qcow2'): void => {
  const command = `write -P ${pattern} ${megabyte}M 1M`;
  execFileSync('qemu-io', ['-f', format, '-c', command, path]);
};
