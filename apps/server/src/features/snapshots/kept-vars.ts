import { constants } from 'node:fs';
import { access, copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder, syncWithFolder } from '../../sync-files.ts';

/*
 * The UEFI variables of a VM are one small file that QEMU writes through: what a guest has set is in it at once. A
 * restore point keeps a copy: `vms/<vmId>/uefi/<snapshotId>.fd`. The name is known before the file is made, so a run
 * that was killed finds what it left.
 */

/** A copy of the variables, and which state of the file it shows; null: the VM had none. */
export interface KeptVars {
  readonly name: string;
  readonly stamp: string;
}

const stampOf = async (path: string): Promise<string | null> => {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [ino, size, mtimeNs, ctimeNs].join('-');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
};

/** A whole file under its name, or none: also after a power failure. */
const putWhole = async (from: string, to: string): Promise<void> => {
  const part = `${to}.part`;
  await rm(part, { force: true });
  await copyFile(from, part, constants.COPYFILE_FICLONE);
  await syncWithFolder(part);
  await rename(part, to);
  await syncFolder(dirname(to));
};

/** A guest that sets a variable at this very moment is given so many chances to be done with it. */
const attempts = 5;

export const keptVars = (dataDir: string) => {
  const folder = (vmId: string): string => join(dataDir, 'vms', vmId, 'uefi');
  const nameOf = (snapshotId: string): string => `${snapshotId}.fd`;

  const keep = async (vmId: string, snapshotId: string, path: string): Promise<KeptVars | null> => {
    for (let attempt = 1; ; attempt += 1) {
      const stamp = await stampOf(path);
      if (stamp === null) return null;
      await mkdir(folder(vmId), { recursive: true, mode: 0o700 });
      await putWhole(path, join(folder(vmId), nameOf(snapshotId)));
      if ((await stampOf(path)) === stamp || attempt === attempts) return { name: nameOf(snapshotId), stamp };
    }
  };

  return {
    /** Before the switch: a copy of what the variables are now. */
    keep,
    /** After it: again, if the guest has set one in between. */
    async keepUp(
      vmId: string,
      snapshotId: string,
      path: string,
      kept: KeptVars | null,
    ): Promise<KeptVars | null> {
      const stamp = await stampOf(path);
      return stamp === null || stamp === kept?.stamp ? kept : keep(vmId, snapshotId, path);
    },
    /** Puts them back; the VM is off. The same again after a crash. Null: the next start makes fresh ones. */
    async restore(vmId: string, name: string | null, path: string): Promise<void> {
      if (name === null) await rm(path, { force: true });
      else await putWhole(join(folder(vmId), name), path);
    },
    pathOf: (vmId: string, name: string): string => join(folder(vmId), name),
    has: (vmId: string, name: string): Promise<boolean> =>
      access(join(folder(vmId), name), constants.R_OK).then(
        () => true,
        () => false,
      ),
    async remove(vmId: string, snapshotId: string): Promise<void> {
      for (const name of [nameOf(snapshotId), `${nameOf(snapshotId)}.part`])
        await rm(join(folder(vmId), name), { force: true });
    },
  };
};
export type KeptVarsFiles = ReturnType<typeof keptVars>;
