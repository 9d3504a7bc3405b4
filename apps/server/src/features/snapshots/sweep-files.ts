import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { SnapshotsRepository } from './snapshots.repository.ts';

export interface SweepDeps {
  readonly dataDir: string;
  readonly repository: Pick<SnapshotsRepository, 'find'>;
  /** An unfinished operation works on this VM: what it has made has no row yet. */
  isWorkedOn(vmId: string): boolean;
}

/** Pictures and UEFI variables: all are named after their snapshot. */
const folders = ['snapshots', 'uefi'];

const namesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

/**
 * Removes the files of snapshots that are gone: by a merge, or by a deletion that was killed. Synchronous, so that
 * nothing can begin between the look and the removal.
 */
export const sweepFiles = ({ dataDir, repository, isWorkedOn }: SweepDeps): void => {
  const vms = join(dataDir, 'vms');
  for (const vmId of namesIn(vms)) {
    if (isWorkedOn(vmId)) continue;
    for (const folder of folders)
      for (const name of namesIn(join(vms, vmId, folder))) {
        const [snapshotId = ''] = name.split('.');
        if (repository.find(snapshotId) === null) rmSync(join(vms, vmId, folder, name), { force: true });
      }
  }
};
