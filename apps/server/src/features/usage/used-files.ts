import { lstat, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { mountPointOf } from '../../mount-point.ts';

/** What a file takes on its disk. */
export interface UsedFile {
  readonly path: string;
  /** Device and inode: the same under every name. */
  readonly key: string;
  readonly device: string;
  readonly bytes: number;
  readonly names: number;
}

/** Null: there is no file. A link is not followed: what it leads to is another's. */
export const usedFile = async (path: string): Promise<UsedFile | null> => {
  const stat = await lstat(path, { bigint: true }).catch(() => null);
  if (stat === null || !stat.isFile()) return null;
  return {
    path,
    key: `${stat.dev}:${stat.ino}`,
    device: stat.dev.toString(),
    bytes: Number(stat.blocks) * 512,
    names: Number(stat.nlink),
  };
};

/** Every file below a folder of Strata's own, which nests no deeper than it makes it. */
export const filesBelow = async (folder: string): Promise<UsedFile[]> => {
  const found: UsedFile[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await filesBelow(path)));
    else if (entry.isFile()) {
      const file = await usedFile(path);
      if (file !== null) found.push(file);
    }
  }
  return found;
};

/** The first one that names a file has it. */
export class CountedOnce {
  readonly #seen = new Set<string>();

  /** The bytes that have not been counted yet. */
  add(file: UsedFile | null | undefined): number {
    if (file == null || this.#seen.has(file.key)) return 0;
    this.#seen.add(file.key);
    return file.bytes;
  }
}

export interface FileSystemFacts {
  readonly id: string;
  readonly mountPoint: string | null;
  readonly total: number;
  readonly free: number;
  readonly sharesBlocks: boolean;
}

/** Btrfs, XFS, bcachefs, ZFS: `statfs(2)` has no word for it, but these can. */
const sharing: ReadonlySet<number> = new Set([0x9123683e, 0x58465342, 0xca451a4e, 0x2fc12fc1]);

/** Of the file system that holds a folder; null when the folder is not there. */
export const fileSystemOf = async (folder: string): Promise<FileSystemFacts | null> => {
  try {
    const [{ dev }, { bsize, blocks, bavail, type }] = await Promise.all([
      lstat(folder, { bigint: true }),
      statfs(folder),
    ]);
    return {
      id: dev.toString(),
      mountPoint: await mountPointOf(folder),
      total: bsize * blocks,
      free: bsize * bavail,
      sharesBlocks: sharing.has(type),
    };
  } catch {
    return null;
  }
};
