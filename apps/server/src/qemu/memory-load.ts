import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { QmpClient } from '@strata/qmp';
import { AppError } from '../app-error.ts';
import { feed } from './memory-stream.ts';
import { migrationEnd, tellOfMigration } from './migration.ts';

export interface LoadMemory {
  readonly path: string;
  readonly socket: string;
  /** This QEMU reads files itself. */
  readonly direct: boolean;
}

const endLimitMs = 5_000;
const never = new Promise<never>(() => {});
const asError = (error: unknown): unknown => error;
const afterwards = async (failure: unknown): Promise<never> => {
  await delay(endLimitMs, undefined, { ref: false });
  throw failure;
};

/**
 * Gives a QEMU that was started with `-incoming defer` the memory of a guest; the guest then stands where it was saved.
 * A memory that does not fit ends the process, which says why on its stderr.
 */
export const loadMemory = async (qmp: QmpClient, { path, socket, direct }: LoadMemory): Promise<void> => {
  await tellOfMigration(qmp);
  const end = migrationEnd(qmp);
  try {
    await rm(socket, { force: true });
    await qmp.execute('migrate-incoming', { uri: direct ? `file:${path}` : `unix:${socket}` });
    const failure = direct ? null : await feed(path, socket).then(() => null, asError);
    // When QEMU hung up before the end of the file, it ends, and has its own words for why.
    const status = await Promise.race([end.status, failure === null ? never : afterwards(failure)]);
    if (status === 'completed') return;
    throw new AppError('qemu-refused', 'QEMU did not take the saved memory.');
  } finally {
    end.stop();
    await rm(socket, { force: true });
  }
};
