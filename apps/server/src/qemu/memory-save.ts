import { rm } from 'node:fs/promises';
import type { MigrationStatus, QmpClient, QmpEvent } from '@strata/qmp';
import { AppError } from '../app-error.ts';
import { checkMemoryFile } from './memory-file.ts';
import { type MemorySink, receivingSink, writingSink } from './memory-stream.ts';
import {
  endMigration,
  finalized,
  goOn,
  leaveOldMigration,
  migrationEnd,
  standsSaved,
  takeDisksBack,
  tellOfMigration,
} from './migration.ts';
import { inWords, refusalFrom } from './qemu-errors.ts';

export interface SaveMemory {
  /** A file that is not there yet. */
  readonly path: string;
  readonly socket: string;
  /** This QEMU writes files itself. */
  readonly direct: boolean;
  /**
   * The guest stands all the time. Emulated guests must: QEMU misses writes that they make meanwhile, seldom, and on busy
   * hosts (7.2, TCG: a kernel that crashed after it was restored).
   */
  readonly stopFirst: boolean;
  /** After so long the guest is stopped to finish. */
  readonly stopAfterMs: number;
  /** The same once so many bytes were written: a guest that is busy enough never ends by itself. */
  readonly stopAfterBytes: number;
  readonly signal: AbortSignal;
  progress(bytes: number): void;
}
export interface SavedMemory {
  readonly bytes: number;
  /** When QEMU stopped the guest, by its clock; null when it stood already. */
  readonly stoppedAt: number | null;
}

/** Bytes a second: the usual limit throttles (qemu-recipes.md §5). */
const bandwidth = 8 * 1024 ** 3;
/**
 * Milliseconds for which QEMU may stop the guest to send what is left. It stops it by itself and lets it go on by itself
 * when anything fails, also when nobody is left to tell it: so no `stop` of ours, but a limit that lets it finish now.
 */
const pauses = { short: 20, usual: 300, now: 2_000_000 } as const;
const watchEveryMs = 200;

const allowPause = (qmp: QmpClient, milliseconds: number): Promise<unknown> =>
  qmp.execute('migrate-set-parameters', { 'downtime-limit': milliseconds });

/** Lets QEMU stop the guest for longer the longer it lasts, and looks how far it is. */
const hurry = (qmp: QmpClient, sink: MemorySink, request: SaveMemory): { stop(): void } => {
  const began = performance.now();
  let allowed: number = request.stopAfterMs === 0 ? pauses.now : pauses.short;
  const look = async (): Promise<void> => {
    const bytes = await sink.received();
    request.progress(bytes);
    const waited = performance.now() - began;
    const wanted =
      waited >= request.stopAfterMs || bytes >= request.stopAfterBytes
        ? pauses.now
        : waited >= request.stopAfterMs / 2
          ? pauses.usual
          : pauses.short;
    if (wanted <= allowed) return;
    await allowPause(qmp, wanted);
    allowed = wanted;
  };
  // Its end is seen by whoever waits for the migration.
  const timer = setInterval(() => void look().catch(() => {}), watchEveryMs);
  return { stop: () => clearInterval(timer) };
};

const prepare = async (qmp: QmpClient, { stopAfterMs }: SaveMemory): Promise<void> => {
  await tellOfMigration(qmp);
  await leaveOldMigration(qmp);
  await qmp.execute('migrate-set-parameters', {
    'max-bandwidth': bandwidth,
    'downtime-limit': stopAfterMs === 0 ? pauses.now : pauses.short,
  });
};

/** Throws why it did not complete. */
const demandCompleted = async (
  qmp: QmpClient,
  status: MigrationStatus | null,
  sink: MemorySink,
): Promise<void> => {
  if (status === null) throw new AppError('vm-not-running', 'The VM ended while its memory was saved.');
  if (status === 'completed') {
    await finalized(qmp);
    return sink.complete();
  }
  const { 'error-desc': words = '' } = await qmp.execute('query-migrate');
  await sink.close();
  throw sink.failure() ?? refusalFrom('Saving the memory', words);
};

/** It may have completed all the same: then it stands, and goes on where it was. */
const undo = async (qmp: QmpClient, ran: boolean): Promise<void> => {
  await endMigration(qmp);
  if (!(await standsSaved(qmp))) return;
  if (ran) await goOn(qmp);
  else await takeDisksBack(qmp);
};

/**
 * Writes the memory and the devices of a guest into a file, while it runs if it may. QEMU stops it for the rest, and it stands
 * when this ends, its disks untouched since: `cont` lets it go on. Whatever fails, the guest is left as it was found,
 * and no file. The file is complete, but not yet durable.
 */
export const saveMemory = (qmp: QmpClient, request: SaveMemory): Promise<SavedMemory> =>
  inWords('Saving the memory', async () => {
    const { signal } = request;
    signal.throwIfAborted();
    await prepare(qmp, request);
    const sink = request.direct
      ? await writingSink(request.path)
      : await receivingSink(request.path, request.socket);
    const end = migrationEnd(qmp);
    // Where QEMU writes the file itself, there is no connection to break.
    const cancel = (): void =>
      void (request.direct ? qmp.execute('migrate_cancel') : sink.close()).catch(() => {});
    let stoppedAt: number | null = null;
    const noteStop = qmp.on('STOP', ({ at }: QmpEvent) => {
      stoppedAt = at;
    });
    let pace: { stop(): void } | null = null;
    try {
      if (request.stopFirst) await qmp.execute('stop');
      await qmp.execute('migrate', { uri: sink.uri });
      signal.addEventListener('abort', cancel);
      pace = hurry(qmp, sink, request);
      const status = await end.status;
      if (status === 'cancelled') signal.throwIfAborted();
      await demandCompleted(qmp, status, sink);
      const { ram } = await qmp.execute('query-migrate');
      const bytes = await checkMemoryFile(request.path, ram?.transferred ?? 1);
      return { bytes, stoppedAt };
    } catch (error) {
      await sink.close().catch(() => {});
      await undo(qmp, stoppedAt !== null).catch(() => {});
      await rm(request.path, { force: true });
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener('abort', cancel);
      pace?.stop();
      noteStop();
      end.stop();
      await sink.close().catch(() => {});
    }
  });
