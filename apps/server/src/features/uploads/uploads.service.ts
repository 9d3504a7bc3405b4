import { apiPrefix, maxImageSize, type Operation, type Upload } from '@strata/contract';
import type { Upload as SentUpload } from '@tus/server';
import { AppError } from '../../app-error.ts';
import type { Db } from '../../db/open-database.ts';
import { currentBoot } from '../../qemu/process-identity.ts';
import type { Events } from '../events/events.types.ts';
import type { Arrivals } from '../images/arrivals.ts';
import type { ImportsService } from '../imports/imports.types.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import { createTusDoor, type TusDoor } from './tus-door.ts';
import { createUploadParts } from './upload-parts.ts';
import { expiryOf, lifeMs, readMetadata, UploadStore } from './upload-store.ts';
import { uploadsRepository } from './uploads.repository.ts';
import type { FilesForMaking, UploadRow, UploadsService } from './uploads.types.ts';

/** Unfinished ones, whoever sends them: nobody fills the books. */
const mostUnfinished = 1000;
const sweepEveryMs = 600_000;

export interface UploadsDeps {
  readonly db: Db;
  readonly events: Events;
  readonly operations: OperationsService;
  readonly imports: ImportsService;
  readonly arrivals: Arrivals;
  /** Private; on the disk of the data folder. */
  readonly incoming: string;
  readonly log: (error: unknown, message: string) => void;
}

export interface UploadsFeature extends UploadsService {
  readonly door: TusDoor;
  readonly forMaking: FilesForMaking;
}

const isForMaking = ({ wishes }: UploadRow): boolean => wishes.purpose === 'make';
const inUse = ({ filename }: UploadRow): AppError =>
  new AppError(
    'operation-running',
    `An image is being made of “${filename}”. Cancel that operation instead.`,
  );
const stateOf = (row: UploadRow, offset: number): Upload['state'] => {
  if (!isForMaking(row)) return row.state;
  if (row.state === 'importing') return 'making';
  return offset === row.size ? 'ready' : 'receiving';
};

export const createUploadsService = (deps: UploadsDeps): UploadsFeature => {
  const { operations, imports, arrivals, events, incoming, log } = deps;
  const repository = uploadsRepository(deps.db);
  const parts = createUploadParts(incoming);
  let sweeps: NodeJS.Timeout | null = null;
  let closing = false;

  const view = async (row: UploadRow): Promise<Upload> => {
    const offset = await parts.offset(row.id).catch(() => 0);
    return {
      ...{ id: row.id, filename: row.filename, name: row.name, size: row.size, offset },
      ...{ state: stateOf(row, offset), purpose: row.wishes.purpose ?? 'library' },
      active: parts.isActive(row.id),
      ...{ operationId: row.operationId, error: row.error, createdAt: row.createdAt },
      expiresAt: expiryOf(row).toISOString(),
    };
  };
  const changed = (id: string): void => {
    if (closing) return;
    const row = repository.find(id);
    if (row === null) {
      events.publish({ type: 'upload', id, change: 'deleted' });
      return;
    }
    view(row)
      .then((data) => {
        // Gone meanwhile: the event for that must stay the last.
        if (repository.find(id) !== null) events.publish({ type: 'upload', id, change: 'updated', data });
      })
      .catch((error: unknown) => log(error, `the upload ${id} could not be told about`));
  };
  const store = new UploadStore(repository, parts, changed);

  const drop = async (id: string): Promise<void> => {
    repository.remove(id);
    await parts.remove(id);
    changed(id);
  };
  const keep = (row: UploadRow, what: Partial<UploadRow>): void => {
    repository.update({ ...row, ...what });
    changed(row.id);
  };

  /** What the operation that took it in has left: of an image that was refused, nothing. */
  const settle = async (row: UploadRow, operation: Operation): Promise<void> => {
    const { state, error } = operation;
    if (state === 'done' || state === 'cancelled') return drop(row.id);
    if (state !== 'failed') return;
    const isHere = await parts.offset(row.id).then(
      (offset) => offset === row.size,
      () => false,
    );
    if (!isHere || error?.code === 'image-refused') return drop(row.id);
    const waiting = isForMaking(row) ? 'receiving' : 'failed';
    keep(row, { state: waiting, error: error ?? null, touchedAt: new Date().toISOString() });
  };
  const follow = (row: UploadRow, operationId: string): void => {
    operations
      .ended(operationId)
      .then(async (operation) => {
        if (!closing && repository.find(row.id) !== null) await settle(row, operation);
      })
      .catch((error: unknown) => log(error, `the end of the upload ${row.id} could not be written down`));
  };

  const hand = (row: UploadRow, operationId: string): void => {
    const begun: UploadRow = { ...row, state: 'importing', operationId, error: null };
    keep(begun, {});
    follow(begun, operationId);
  };
  const takeIn = (row: UploadRow): Operation => {
    const { folder, format, sha256, useReserve } = row.wishes;
    const operation = imports.start({
      path: parts.path(row.id),
      ...{ filename: row.filename, name: row.name, bytes: row.size, original: 'ours' },
      ...{ folder: folder ?? null, format: format ?? null, sha256: sha256 ?? null },
      useReserve: useReserve ?? false,
    });
    hand(row, operation.id);
    return operation;
  };

  const admit = async (upload: SentUpload): Promise<void> => {
    const size = upload.size ?? 0;
    const { filename, folder, purpose, useReserve = false } = readMetadata(upload.metadata);
    if (size === 0) throw new AppError('image-refused', `“${filename}” is empty.`);
    if (size > maxImageSize) throw new AppError('body-too-large', `“${filename}” is larger than 64 TiB.`);
    const unfinished = repository.all();
    if (unfinished.length >= mostUnfinished)
      throw new AppError('rate-limited', `There are ${mostUnfinished} unfinished uploads. Remove some.`);
    const awaited = await Promise.all(
      unfinished.map(async (row) => row.size - (await parts.offset(row.id).catch(() => 0))),
    );
    const promised = awaited.reduce((sum, bytes) => sum + bytes, 0);
    await arrivals.demandSpace(incoming, promised + size, useReserve);
    // What is made of files says itself where it goes.
    if (purpose === 'make') return;
    await arrivals.demandSpace(await arrivals.folder(folder), size, useReserve);
  };

  const removeExpired = async (): Promise<void> => {
    for (const row of repository.all()) {
      const isOver = row.state !== 'importing' && expiryOf(row).getTime() < Date.now();
      if (isOver && !parts.isActive(row.id)) await drop(row.id);
    }
  };

  /** What was not on disk for certain when the power failed may be holes now: it is sent again. */
  const mendAfterPowerLoss = async (row: UploadRow): Promise<void> => {
    const bootId = await currentBoot();
    if (row.bootId === bootId) return;
    if ((await parts.offset(row.id)) > row.synced) await parts.cut(row.id, row.synced);
    repository.update({ ...row, bootId });
  };

  const takeUp = async (row: UploadRow): Promise<void> => {
    if (row.state === 'importing') {
      if (row.operationId === null) return drop(row.id);
      const operation = operations.get(row.operationId);
      if (operation.endedAt === null) follow(row, row.operationId);
      else await settle(row, operation);
      return;
    }
    if (row.state === 'failed') return;
    await mendAfterPowerLoss(row);
    // Its last byte came, and the server ended before that was noted.
    if (!isForMaking(row) && (await parts.offset(row.id)) === row.size) takeIn(row);
  };

  const door = createTusDoor({
    path: `${apiPrefix}/uploads`,
    store,
    admit,
    finished: async (id): Promise<Record<string, string>> => {
      const row = store.row(id);
      if (!isForMaking(row)) return { 'Strata-Operation': takeIn(row).id };
      keep(row, {});
      return {};
    },
  });

  const forMaking: FilesForMaking = {
    ready: async (id) => {
      const row = store.row(id);
      if (!isForMaking(row))
        throw new AppError('not-possible', `“${row.filename}” was not sent for an image to be made of it.`);
      if (row.state === 'importing') throw inUse(row);
      if (parts.isActive(id) || (await parts.offset(id)) < row.size)
        throw new AppError('not-possible', `“${row.filename}” is not complete yet.`);
      return { path: parts.path(id), filename: row.filename, size: row.size };
    },
    hand: (id, operationId) => hand(store.row(id), operationId),
  };

  return {
    door,
    forMaking,
    list: () => Promise.all(repository.all().map(view)),
    get: async (id) => view(store.row(id)),
    remove: async (id) => {
      const row = store.row(id);
      if (row.state === 'importing')
        throw isForMaking(row)
          ? inUse(row)
          : new AppError(
              'operation-running',
              `“${row.filename}” is being taken in. Cancel that operation instead.`,
            );
      await store.remove(id);
    },
    import: async (id) => {
      const row = store.row(id);
      if (isForMaking(row))
        throw new AppError('not-possible', `“${row.filename}” was sent for an image to be made of it.`);
      if (row.state === 'importing')
        throw new AppError('operation-running', `“${row.filename}” is being taken in already.`);
      if (parts.isActive(id) || (await parts.offset(id)) < row.size)
        throw new AppError('not-possible', `“${row.filename}” is not complete yet.`);
      return takeIn(row);
    },
    start: async () => {
      await parts.sweep(new Set(repository.all().map(({ id }) => id)));
      for (const row of repository.all())
        await takeUp(row).catch((error: NodeJS.ErrnoException) => {
          log(error, `the upload of ${row.filename} could not be taken up`);
          if (error.code === 'ENOENT') return drop(row.id);
          return undefined;
        });
      await removeExpired();
      sweeps = setInterval(
        () => void removeExpired().catch((error: unknown) => log(error, 'old uploads could not be removed')),
        Math.min(sweepEveryMs, lifeMs),
      );
      sweeps.unref();
    },
    close: () => {
      closing = true;
      if (sweeps !== null) clearInterval(sweeps);
    },
  };
};
