import { readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** Where the files of snapshots lie beside their layers, below `vms/<vmId>/`; each is named after its snapshot. */
const folders = { snapshots: 'picture', memory: 'memory', uefi: 'firmware' } as const;

export interface SnapshotFile {
  readonly kind: (typeof folders)[keyof typeof folders];
  readonly snapshotId: string;
  readonly path: string;
  readonly bytes: number;
}

/** `isNeeded`: the next start of the VM goes on from this memory, whatever becomes of the snapshot. */
export const snapshotFiles = (
  dataDir: string,
  isNeeded: (vmId: string, memory: string) => boolean = () => false,
) => {
  /** All of a VM, or those of one snapshot. */
  const list = async (vmId: string, only?: string): Promise<SnapshotFile[]> => {
    const found: SnapshotFile[] = [];
    for (const [folder, kind] of Object.entries(folders)) {
      const place = join(dataDir, 'vms', vmId, folder);
      for (const name of await readdir(place).catch(() => [])) {
        const [snapshotId = ''] = name.split('.');
        if (only !== undefined && snapshotId !== only) continue;
        const path = join(place, name);
        const bytes = await stat(path).then(
          ({ blocks }) => blocks * 512,
          () => 0,
        );
        found.push({ kind, snapshotId, path, bytes });
      }
    }
    return found;
  };
  return {
    list,
    async remove(vmId: string, snapshotId: string): Promise<void> {
      for (const { kind, path } of await list(vmId, snapshotId))
        if (kind !== 'memory' || !isNeeded(vmId, basename(path))) await rm(path, { force: true });
    },
  };
};
