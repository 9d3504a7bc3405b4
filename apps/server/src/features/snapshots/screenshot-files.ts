import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The pictures of snapshots: `vms/<vmId>/snapshots/<snapshotId>.png`. */
export const screenshotFiles = (dataDir: string) => {
  const folder = (vmId: string): string => join(dataDir, 'vms', vmId, 'snapshots');
  return {
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
        await writeFile(join(folder(vmId), name), png, { mode: 0o600 });
        return name;
      } catch {
        return null;
      }
    },
    async read(vmId: string, name: string): Promise<Buffer | null> {
      return readFile(join(folder(vmId), name)).catch(() => null);
    },
    async remove(vmId: string, name: string): Promise<void> {
      await rm(join(folder(vmId), name), { force: true });
    },
  };
};
export type ScreenshotFiles = ReturnType<typeof screenshotFiles>;
