import { randomBytes } from 'node:crypto';
import { chainIds } from '@strata/backing-chain';
import type { CreateExport, ExportClient, ImageExport } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { Db } from '../../db/open-database.ts';
import { newId } from '../../new-id.ts';
import { tcpClients, unixClients } from '../../qemu/exports/export-clients.ts';
import {
  adoptExport,
  clearExport,
  type ExportPlan,
  exportPlaces,
  freePort,
  type RunningExport,
  startExport,
} from '../../qemu/exports/export-daemon.ts';
import type { Events } from '../events/events.types.ts';
import type { ImageFacts, ImagesService } from '../images/images.types.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import type { VmsService } from '../vms/vms.types.ts';
import { demandStill, demandWritable } from './export-refusals.ts';
import { exportView } from './export-view.ts';
import { type ExportedPartition, type ExportRecord, exportsRepository } from './exports.repository.ts';

/** How often it is looked who is connected, while anything is exported: nothing tells it. */
const lookEveryMs = 2_000;

export interface ExportsDeps {
  readonly db: Db;
  readonly runDir: string;
  readonly events: Events;
  readonly images: ImagesService;
  readonly vms: Pick<VmsService, 'addGuard'>;
  readonly operations: Pick<OperationsService, 'addHold'>;
  /** Where the partitions of the disk lie that an image shows. */
  partitionsOf(image: ImageFacts): Promise<readonly ExportedPartition[]>;
  readonly log: (error: unknown, message: string) => void;
}

export interface ExportsService {
  list(): ImageExport[];
  /** Throws `not-found`. */
  get(id: string): Promise<ImageExport>;
  create(wish: CreateExport): Promise<ImageExport>;
  stop(id: string): Promise<void>;
  /** At start: takes pinned ones back and ends what an earlier server has left. */
  takeUp(): Promise<void>;
  /** Pinned ones go on; the others end. */
  close(): Promise<void>;
}

interface Running {
  readonly process: RunningExport;
  clients: readonly ExportClient[];
}

const clientsOf = (runDir: string, { plan }: ExportRecord): Promise<ExportClient[]> => {
  if (plan.kind === 'fuse') return Promise.resolve([]);
  return plan.port === null ? unixClients(exportPlaces(runDir, plan).socket) : tcpClients(plan.port);
};

const rawFileOf = ([image, below]: readonly ImageFacts[]): string | null =>
  below === undefined && (image?.format === 'raw' || image?.format === 'iso') ? image.path : null;

/** What is served to other programs: each image by a storage daemon of its own, written down before it is started. */
export const createExportsService = (deps: ExportsDeps): ExportsService => {
  const { runDir, events, images } = deps;
  const repository = exportsRepository(deps.db);
  const records = new Map(repository.all().map((record) => [record.id, record]));
  const running = new Map<string, Running>();
  let closing = false;
  let timer: NodeJS.Timeout | null = null;

  const imageName = (imageId: string): string => {
    try {
      return images.facts(imageId).name;
    } catch {
      return imageId;
    }
  };
  const view = (record: ExportRecord): ImageExport =>
    exportView(runDir, record, imageName(record.imageId), running.get(record.id)?.clients ?? []);
  const recordOf = (id: string): ExportRecord => {
    const record = records.get(id);
    if (record === undefined) throw new AppError('not-found', `There is no export ${id}.`);
    return record;
  };
  const announce = (record: ExportRecord, change: 'created' | 'updated' | 'deleted'): void => {
    const data = change === 'deleted' ? {} : { data: view(record) };
    events.publish({ type: 'export', id: record.id, change, ...data });
    if (change !== 'updated') events.publish({ type: 'image', id: record.imageId, change: 'updated' });
  };
  const forget = (record: ExportRecord): void => {
    if (!records.delete(record.id)) return;
    running.delete(record.id);
    repository.remove(record.id);
    announce(record, 'deleted');
  };

  const look = async (id: string): Promise<void> => {
    const record = records.get(id);
    const one = running.get(id);
    if (record === undefined || one === undefined) return;
    const clients = await clientsOf(runDir, record);
    if (closing || JSON.stringify(clients) === JSON.stringify(one.clients)) return;
    one.clients = clients;
    announce(record, 'updated');
  };
  const watch = (): void => {
    if (timer !== null || closing || running.size === 0) return;
    timer = setTimeout(() => {
      timer = null;
      Promise.all([...running.keys()].map(look))
        .catch((error: unknown) => deps.log(error, 'the clients of the exports could not be seen'))
        .finally(watch);
    }, lookEveryMs).unref();
  };

  const follow = (record: ExportRecord, process: RunningExport): void => {
    running.set(record.id, { process, clients: [] });
    watch();
    process.exited
      .then(async () => {
        if (closing || !records.has(record.id)) return;
        await clearExport(runDir, record.plan);
        forget(record);
      })
      .catch((error: unknown) => deps.log(error, `the end of the export ${record.id} could not be recorded`));
  };

  images.addUseSource({
    exports: () =>
      [...records.values()].map(({ id, imageId, name, plan }) => ({
        ...{ exportId: id, imageId, name },
        writes: plan.writable,
      })),
  });
  deps.vms.addGuard((_, imageIds, action) => {
    if (action !== 'start') return null;
    const forest = images.forest();
    const held = forest.exports.find((use) =>
      chainIds(forest, use.imageId).some((id) => imageIds.includes(id)),
    );
    if (held === undefined) return null;
    const { kind = 'export', exportId: id, name } = held;
    const words =
      kind === 'inside'
        ? `“${name}” is being looked into, and this VM would write it. Close that first.`
        : `The export “${name}” serves what this VM would write. Stop it first (Library, Exports).`;
    return new AppError('image-in-use', words, { usedBy: [{ kind, id, name }] });
  });
  // What is written from outside shows no moment to whoever reads it, and belongs to nobody else meanwhile.
  deps.operations.addHold((locks) => {
    const written = [...records.values()].find(
      ({ imageId, plan }) => plan.writable && [...locks.images, ...(locks.reads ?? [])].includes(imageId),
    );
    if (written === undefined) return;
    const { id, name } = written;
    throw new AppError('image-in-use', `The export “${name}” lets others write this. Stop it first.`, {
      usedBy: [{ kind: 'export', id, name }],
    });
  });

  /** A disk without a table that can be read is exported all the same. */
  const knownPartitions = async ([image]: readonly ImageFacts[]): Promise<readonly ExportedPartition[]> => {
    try {
      return image === undefined ? [] : await deps.partitionsOf(image);
    } catch {
      return [];
    }
  };

  const planOf = async (id: string, wish: CreateExport): Promise<ExportPlan> => ({
    ...{ id, kind: wish.kind, writable: wish.writable, tls: wish.tls },
    port: wish.transport === 'tcp' ? (wish.port ?? (await freePort())) : null,
    exportName: wish.transport === 'tcp' ? randomBytes(12).toString('hex') : 'disk',
  });

  return {
    list: () => [...records.values()].map(view),
    get: async (id) => {
      recordOf(id);
      await look(id);
      return view(recordOf(id));
    },
    create: async (wish) => {
      if (closing) throw new AppError('operation-state', 'The server is ending.');
      const { imageId, pinned } = wish;
      const { name, virtualSize } = images.facts(imageId);
      const id = newId();
      const plan = await planOf(id, wish);
      const chain = await images.checkedChain(imageId);
      demandStill(images.forest(), images.get(imageId));
      const partitions = await knownPartitions(chain);
      // The world may have changed while the table was read.
      demandStill(images.forest(), images.get(imageId));
      if (wish.writable) demandWritable(images.forest(), images.get(imageId));
      const startedAt = new Date().toISOString();
      const record: ExportRecord = {
        ...{ id, imageId, pinned, startedAt, plan, size: virtualSize, name: wish.name ?? name },
        ...{ partitions, rawFile: rawFileOf(chain) },
      };
      repository.add(record);
      records.set(id, record);
      try {
        follow(record, await startExport(runDir, plan, chain));
      } catch (error) {
        forget(record);
        throw error;
      }
      announce(record, 'created');
      return view(record);
    },
    stop: async (id) => {
      const record = recordOf(id);
      const process = running.get(id)?.process;
      if (process === undefined) throw new AppError('operation-state', 'The export is just being started.');
      await process.stop();
      forget(record);
    },
    takeUp: async () => {
      for (const record of records.values()) {
        const process = await adoptExport(runDir, record.plan);
        if (process !== null && record.pinned) {
          follow(record, process);
          continue;
        }
        // Of a server that was killed, or of a host that was started anew.
        await (process === null ? clearExport(runDir, record.plan) : process.stop());
        forget(record);
      }
    },
    close: async () => {
      closing = true;
      if (timer !== null) clearTimeout(timer);
      await Promise.all(
        [...running].map(async ([id, { process }]) => {
          if (records.get(id)?.pinned === true) return process.leave();
          await process.stop();
          repository.remove(id);
        }),
      );
    },
  };
};
