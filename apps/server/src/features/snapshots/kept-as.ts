import { keptName, type Revert } from '@strata/contract';
import type { Db } from '../../db/open-database.ts';
import { snapshotsRepository } from './snapshots.repository.ts';
import type { StoredSnapshot } from './snapshots.types.ts';

export const snapshotNames = (db: Db, vmId: string): string[] =>
  snapshotsRepository(db)
    .ofVm(vmId)
    .map(({ name }) => name);

/** The name of the snapshot that keeps the current state at a revert; null when that is given up. */
export const keptAs = (
  db: Db,
  { vmId, name }: StoredSnapshot,
  wish: Pick<Revert, 'keepCurrent' | 'name'>,
): string | null =>
  wish.keepCurrent ? (wish.name ?? keptName('reverting to', name, snapshotNames(db, vmId))) : null;
