import { mkdir, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../../../sync-files.ts';
import { removeTree } from './prove-files.ts';

/** Files that something is made of, in a private folder of their own beside the images: never in the books. */
export interface StagedFiles {
  folderOf(tag: string): string;
  /** Relative path → content, null for a folder, which comes before what is in it. On disk when it returns. */
  stage(tag: string, files: Readonly<Record<string, string | Buffer | null>>): Promise<string>;
  remove(tag: string): Promise<void>;
  /** Removes what no operation needs: the server was killed before that was written down. */
  sweep(isNeeded: (folder: string) => boolean): Promise<void>;
}

export const stagedFiles = (dataDir: string): StagedFiles => {
  const root = join(dataDir, 'making');
  const folderOf = (tag: string): string => join(root, tag);
  const remove = (tag: string): Promise<void> => removeTree(folderOf(tag));
  return {
    folderOf,
    remove,
    stage: async (tag, files) => {
      const folder = folderOf(tag);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      for (const [name, content] of Object.entries(files)) {
        if (content === null) {
          await mkdir(join(folder, name), { mode: 0o700 });
          continue;
        }
        const file = await open(join(folder, name), 'wx', 0o600);
        try {
          await file.writeFile(content);
          await file.sync();
        } finally {
          await file.close();
        }
      }
      const folders = Object.keys(files).filter((name) => files[name] === null);
      for (const path of [...folders.map((name) => join(folder, name)), folder, root, dataDir])
        await syncFolder(path);
      return folder;
    },
    sweep: async (isNeeded) => {
      for (const tag of await readdir(root).catch(() => [])) if (!isNeeded(folderOf(tag))) await remove(tag);
    },
  };
};
