import { setTimeout as delay } from 'node:timers/promises';
import { type MigrationStatus, type QmpClient, QmpCommandError } from '@strata/qmp';
import { AppError } from '../app-error.ts';

const endLimitMs = 30_000;
const patienceMs = 3_000;
const ended: ReadonlySet<MigrationStatus> = new Set(['completed', 'failed', 'cancelled']);

export const tellOfMigration = (qmp: QmpClient): Promise<unknown> =>
  qmp.execute('migrate-set-capabilities', { capabilities: [{ capability: 'events', state: true }] });

/** The end that QEMU tells of; null when its monitor closes before. */
export const migrationEnd = (qmp: QmpClient): { status: Promise<MigrationStatus | null>; stop(): void } => {
  let off = (): void => {};
  const told = new Promise<MigrationStatus>((resolve) => {
    off = qmp.on('MIGRATION', ({ data }) => {
      if (ended.has(data.status)) resolve(data.status);
    });
  });
  return { status: Promise.race([told, qmp.closed.then(() => null)]), stop: () => off() };
};

/** QEMU tells that it has completed a moment before it has: until then `cont` is refused ("not finalized yet", 7.2). */
export const finalized = async (qmp: QmpClient): Promise<void> => {
  while ((await qmp.execute('query-status')).status === 'finish-migrate') await delay(1);
};

/**
 * A migration whose other end is gone fails by itself, and its guest goes on if it ran before. Cancelled in its last
 * moment it would go on without its disks: QEMU forgets to take them back, and aborts at the next access (7.2:
 * "Assertion `!(bs->open_flags & BDRV_O_INACTIVE)' failed"). So it is cancelled only when it does not end otherwise.
 */
export const endMigration = async (qmp: QmpClient): Promise<void> => {
  const began = performance.now();
  for (;;) {
    const { status } = await qmp.execute('query-migrate');
    if (status === 'cancelled') await takeDisksBack(qmp);
    if (status === undefined || status === 'none') return;
    if (ended.has(status)) return finalized(qmp);
    const waited = performance.now() - began;
    if (waited > endLimitMs)
      throw new AppError('qemu-unresponsive', 'QEMU does not end the save of the memory.');
    if (waited > patienceMs && status !== 'cancelling') await qmp.execute('migrate_cancel');
    await delay(20);
  }
};

/** Whether all of the memory was saved: the guest stands, and its disks are let go of. */
const isMigrated = async (qmp: QmpClient): Promise<boolean> =>
  (await qmp.execute('query-status')).status === 'postmigrate';

/** Whether the guest stands for its memory to be saved, or because it was. */
export const standsSaved = async (qmp: QmpClient): Promise<boolean> =>
  ['postmigrate', 'paused'].includes((await qmp.execute('query-status')).status);

/** Lets the guest go on; answers when it did, by QEMU's clock. */
export const goOn = async (qmp: QmpClient): Promise<number> => {
  let at = Date.now();
  const off = qmp.on('RESUME', (event) => {
    at = event.at;
  });
  try {
    await qmp.execute('cont');
    return at;
  } finally {
    off();
  }
};

/**
 * A paused guest whose memory was saved once is not saved again before it has run ("Can't migrate the vm that was paused
 * due to previous migration", QEMU 7.2): it runs for the moment between two commands.
 */
export const leaveOldMigration = async (qmp: QmpClient): Promise<void> => {
  if (await isMigrated(qmp)) await Promise.all([qmp.execute('cont'), qmp.execute('stop')]);
};

/**
 * When all of a guest's memory is saved, QEMU lets go of its disks, for whoever would go on with the guest elsewhere: an
 * access by a job would abort it, and other programs could write them. `cont` takes them back; without running the guest
 * `blockdev-set-active` does (10.0), or the attempt to export a disk, which fails right after that (7.2: "NBD server not
 * running").
 */
export const takeDisksBack = async (qmp: QmpClient): Promise<void> => {
  try {
    await qmp.executeRaw('blockdev-set-active', { active: true });
    return;
  } catch (error) {
    if (!(error instanceof QmpCommandError && error.class === 'CommandNotFound')) throw error;
  }
  for (const { inserted } of await qmp.execute('query-block')) {
    const node = inserted?.['node-name'];
    if (node === undefined) continue;
    const id = `active-${node}`.slice(0, 100);
    try {
      await qmp.execute('block-export-add', { type: 'nbd', id, 'node-name': node });
      await qmp.execute('block-export-del', { id });
    } catch (error) {
      if (!(error instanceof QmpCommandError && /NBD server not running/.test(error.desc))) throw error;
    }
  }
};
