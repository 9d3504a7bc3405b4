import { realpath, stat } from 'node:fs/promises';
import { mountPointOf } from '../../mount-point.ts';

/** Which file system a folder is on. When its disk is not mounted, an empty folder of the same name lies there. */
export interface FolderPlace {
  readonly device: string;
  readonly mountPoint: string | null;
}

export const placeOfFolder = async (folder: string): Promise<FolderPlace> => {
  const { dev } = await stat(folder, { bigint: true });
  return { device: dev.toString(), mountPoint: await mountPointOf(await realpath(folder)) };
};

/**
 * In words, when the folder is not on the disk that it was on. A disk may have another number after the computer was
 * started again; then it is known by where it is mounted.
 */
export const awayFrom = async (folder: string, then: FolderPlace | undefined): Promise<string | null> => {
  const words = `${folder} was on another disk, which is not mounted now.`;
  if (then === undefined) return null;
  const now = await placeOfFolder(folder).catch(() => null);
  if (now === null) return words;
  const isThere =
    now.device === then.device || (now.mountPoint !== null && now.mountPoint === then.mountPoint);
  return isThere ? null : words;
};
