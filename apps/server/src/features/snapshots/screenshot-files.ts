import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The pictures of snapshots: `vms/<vmId>/snapshots/<snapshotId>.png`. */
export const screenshotFiles = (dataDir: string) => {
  const folder = (vmId: string): string => join(dataDir, 'vms', vmId, 'snapshots');
  const pathOf = (vmId: string, name: string): string => join(folder(vmId), name);
  return {
    pathOf,
    /** The file name, or null when there was no picture or no place for it: a snapshot never fails for that. */
    async keep(
      vmId: string,
      snapshotId: string,
      picture: () => Promise<Buffer | null>,
    ): Promise<string | null> {
      try {
        const png = await picture();
        if (png === null) return null;
        const name = `${snapshotId}.png`;
        await mkdir(folder(vmId), { recursive: true, mode: 0o700 });
        await writeFile(pathOf(vmId, name), png, { mode: 0o600 });
        return name;
      } catch {
        return null;
      }
    },
    async read(vmId: string, name: string): Promise<Buffer | null> {
      return readFile(pathOf(vmId, name)).catch(() => null);
    },
    async remove(vmId: string, name: string): Promise<void> {
      await rm(pathOf(vmId, name), { force: true });
    },
  };
};
export type ScreenshotFiles = ReturnType<typeof screenshotFiles>;
