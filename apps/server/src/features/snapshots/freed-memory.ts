import { type Stats, statSync } from 'node:fs';
import type { VmsService } from '../vms/vms.types.ts';
import type { StoredSnapshot } from './snapshots.types.ts';

export type MemoryFreed = (snapshots: readonly StoredSnapshot[]) => number;

/**
 * What goes with the memory of these snapshots, where it is a file of its own. Nothing while a branch has the same file
 * under a name of its own, or the next start of the VM goes on from it.
 */
export const memoryFreed =
  ({ memory }: Pick<VmsService, 'memory'>): MemoryFreed =>
  (snapshots) => {
    const files = new Map<number, { stat: Stats; names: number }>();
    for (const { vmId, memoryFile } of snapshots) {
      if (memoryFile === null || memory.suspended(vmId)?.file === memoryFile) continue;
      const stat = statSync(memory.pathOf(vmId, memoryFile), { throwIfNoEntry: false });
      if (stat !== undefined) files.set(stat.ino, { stat, names: (files.get(stat.ino)?.names ?? 0) + 1 });
    }
    return [...files.values()]
      .filter(({ stat, names }) => names >= stat.nlink)
      .reduce((sum, { stat }) => sum + stat.blocks * 512, 0);
  };
